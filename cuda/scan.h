#pragma once

#include <utility>

#if defined(__CUDACC__)
#include <cub/device/device_scan.cuh>

#include <weft/cuda/check.h>
#endif

#include <weft/cuda/grid.h>

// For .cu files only.
namespace weft::cuda {

// Each of n numbers becomes the sum of those before it.
inline void exclusive_sum(const char* op, Index* numbers, Index n) {
#if defined(__CUDACC__)
  std::size_t bytes = 0;
  const auto run = [&](void* room) {
    return cub::DeviceScan::ExclusiveSum(room, bytes, numbers, numbers, static_cast<int>(n),
                                         static_cast<cudaStream_t>(stream()));
  };
  WEFT_CUDA(run(nullptr));
  const Scratch room(bytes);
  WEFT_CUDA(run(room.as<void>()));
#else
  simulate([numbers, n] {
    Index sum = 0;
    for (Index i = 0; i < n; ++i) sum += std::exchange(numbers[i], sum);
  });
#endif
  launched(op);
}

}  // namespace weft::cuda
