#pragma once

#include <algorithm>
#include <cstdint>
#include <numeric>

#if defined(__CUDACC__)
#include <cub/device/device_radix_sort.cuh>

#include <weft/cuda/check.h>
#endif

#include <weft/cuda/grid.h>

// Keys and their positions, in ascending order of the keys, equal ones as they came. For .cu files
// only.
namespace weft::cuda {

struct CountUp {
  Index* to;
  WEFT_HD void operator()(Index i) const { to[i] = i; }
};

class SortedKeys {
 public:
  explicit SortedKeys(Index n) : n_(n), memory_(static_cast<std::size_t>(4 * n) * sizeof(Index)) {}

  Index* unsorted() const { return memory_.as<Index>(); }
  const Index* key() const { return memory_.as<Index>() + n_; }
  const Index* order() const { return memory_.as<Index>() + 2 * n_; }

  void sort(const char* op) const {
    Index *const sorted = memory_.as<Index>() + n_, *const order = sorted + n_,
                 *const positions = order + n_;
    for_each(op, n_, CountUp{positions});
#if defined(__CUDACC__)
    std::size_t bytes = 0;
    const auto run = [&](void* room) {
      return cub::DeviceRadixSort::SortPairs(room, bytes, unsorted(), sorted, positions, order, n_,
                                             0, 64, static_cast<cudaStream_t>(stream()));
    };
    WEFT_CUDA(run(nullptr));
    const Scratch room(bytes);
    WEFT_CUDA(run(room.as<void>()));
#else
    simulate([keys = unsorted(), sorted, order, positions, n = n_] {
      std::copy_n(positions, n, order);
      std::stable_sort(order, order + n, [keys](Index a, Index b) { return keys[a] < keys[b]; });
      for (Index i = 0; i < n; ++i) sorted[i] = keys[order[i]];
    });
#endif
    launched(op);
  }

 private:
  Index n_;
  Scratch memory_;
};

}  // namespace weft::cuda
