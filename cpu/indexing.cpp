#include <weft/cpu/indexing.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstring>
#include <limits>

#include <weft/core/layout.h>
#include <weft/core/storage.h>
#include <weft/cpu/loop_walk.h>
#include <weft/cpu/move.h>

namespace weft::cpu {
namespace {

// Sizes and strides of a View that is made here.
struct Part {
  Shape size, stride;
  void* data;
  DType dtype;

  View view() const {
    return {data, size.data(), stride.data(), static_cast<std::int16_t>(size.size()), dtype};
  }
};

Part dims_of(const View& v, int first, int last) {
  const auto n = static_cast<std::size_t>(last - first);
  return {v.sizes().subspan(static_cast<std::size_t>(first), n),
          v.strides().subspan(static_cast<std::size_t>(first), n), v.data, v.dtype};
}

// The byte offset of every chosen place, row-major.
class Offsets {
 public:
  Offsets(const Chosen& chosen, std::size_t item)
      : shape_(chosen.index[0].sizes()),
        strides_(contiguous_strides(shape_)),
        memory_(Storage::allocate(kCPU, static_cast<std::size_t>(numel(shape_)) * sizeof(Index))) {
    for (int k = 0; k < chosen.count; ++k)
      add(chosen.index[k], chosen.size[k], chosen.stride[k] * static_cast<Index>(item), k == 0);
  }
  View view() const {
    return {memory_->data(), shape_.data(), strides_.data(),
            static_cast<std::int16_t>(shape_.size()), DType::I64};
  }
  const Index* data() const { return static_cast<const Index*>(memory_->data()); }

 private:
  void add(const View& index, Index size, Index stride, bool first) {
    const Loop loop = make_loop(shape_, {view(), index});
    parallel_walk(loop, loop.size[0], [&](char* const* at, Index n) {
      for (Index i = 0; i < n; ++i) {
        Index& sum = *reinterpret_cast<Index*>(at[0] + i * loop.stride[0][0]);
        const Index j = *reinterpret_cast<const Index*>(at[1] + i * loop.stride[1][0]);
        sum = (first ? 0 : sum) + (j < 0 ? j + size : j) * stride;
      }
    });
  }

  Shape shape_, strides_;
  IntrusivePtr<Storage> memory_;
};

struct Range {
  Index begin, end;
};
constexpr Range kAnywhere{std::numeric_limits<Index>::min(), std::numeric_limits<Index>::max()};

// Pairs every element of a dense tensor [chosen..., rest...] with its partner in the parts of a
// tensor that lie at the chosen places, and calls f(partner, dense).
template <class T, class F>
class Pairing {
 public:
  Pairing(const View& dense, const View& part, const Offsets& offsets, F f)
      : chosen_part_(dims_of(dense, 0, offsets.view().rank)),
        rest_part_(dims_of(dense, offsets.view().rank, dense.rank)),
        // Offsets first: the loop keeps their order, the row-major one.
        chosen_(make_loop(chosen_part_.size, {offsets.view(), chosen_part_.view()})),
        rest_(make_loop(rest_part_.size, {part, rest_part_.view()})),
        columns_(rest_.numel == 1 || std::abs(chosen_.stride[1][0]) < std::abs(rest_.stride[1][0])),
        f_(f) {}

  Index places() const { return chosen_.numel; }
  Index part_size() const { return rest_.numel; }

  // The pairs of some places, of some elements of each part, and only of the places whose offset
  // lies in `offsets`.
  void run(Range places, Range elements, Range offsets) const {
    if (columns_) {
      walk(rest_, elements.begin, elements.end, rest_.size[0], [&](char* const* at, Index n) {
        for (Index i = 0; i < n; ++i)
          column(at[0] + i * rest_.stride[0][0], at[1] - rest_.data[1] + i * rest_.stride[1][0],
                 places, offsets);
      });
    } else {
      walk(chosen_, places.begin, places.end, chosen_.size[0], [&](char* const* at, Index n) {
        for (Index i = 0; i < n; ++i) {
          const Index offset = offset_at(at[0], i);
          if (offset >= offsets.begin && offset < offsets.end)
            row(rest_.data[0] + offset, at[1] + i * chosen_.stride[1][0], elements);
        }
      });
    }
  }

 private:
  Index offset_at(const char* at, Index i) const {
    return *reinterpret_cast<const Index*>(at + i * chosen_.stride[0][0]);
  }
  void pair(char* partner, char* dense) const {
    f_(*reinterpret_cast<T*>(partner), *reinterpret_cast<T*>(dense));
  }

  // One element of every part.
  void column(char* partner, Index dense, Range places, Range offsets) const {
    walk(chosen_, places.begin, places.end, chosen_.size[0], [&](char* const* at, Index n) {
      for (Index i = 0; i < n; ++i) {
        const Index offset = offset_at(at[0], i);
        if (offset >= offsets.begin && offset < offsets.end)
          pair(partner + offset, at[1] + dense + i * chosen_.stride[1][0]);
      }
    });
  }

  // The elements of one part.
  void row(char* partner, char* dense, Range elements) const {
    if (rest_.rank == 1) {
      stretch(partner + elements.begin * rest_.stride[0][0],
              dense + elements.begin * rest_.stride[1][0], elements.end - elements.begin);
      return;
    }
    const Index to_partner = partner - rest_.data[0], to_dense = dense - rest_.data[1];
    walk(rest_, elements.begin, elements.end, rest_.size[0],
         [&](char* const* at, Index n) { stretch(at[0] + to_partner, at[1] + to_dense, n); });
  }
  void stretch(char* partner, char* dense, Index n) const {
    const Index step = rest_.stride[0][0], dense_step = rest_.stride[1][0];
    if (step == sizeof(T) && dense_step == sizeof(T)) {
      T *p = reinterpret_cast<T*>(partner), *d = reinterpret_cast<T*>(dense);
      f_(p, d, n);
      return;
    }
    for (Index i = 0; i < n; ++i) pair(partner + i * step, dense + i * dense_step);
  }

  Part chosen_part_, rest_part_;
  Loop chosen_, rest_;
  bool columns_;
  F f_;
};

template <class P>
void run_free(const P& pairing) {
  const Index places = pairing.places(), elements = pairing.part_size();
  if (places >= elements) {
    const Index grain = std::max<Index>(1, kGrain / elements);
    parallel_for(0, places, grain, [&](Index b, Index e) {
      pairing.run({b, e}, {0, elements}, kAnywhere);
    });
  } else {
    const Index grain = std::max<Index>(1, kGrain / places);
    parallel_for(0, elements, grain, [&](Index b, Index e) {
      pairing.run({0, places}, {b, e}, kAnywhere);
    });
  }
}

// Places may coincide, so a thread gets some elements of every part; or, where parts are short, all
// parts of some stretch of the memory.
template <class P>
void run_colliding(const P& pairing, const Offsets& offsets) {
  constexpr Index kEnough = 64;
  const Index places = pairing.places(), elements = pairing.part_size();
  if (elements >= kEnough || places * elements <= kGrain) {
    const Index grain = std::max<Index>(kEnough / 2, kGrain / places);
    parallel_for(0, elements, grain, [&](Index b, Index e) {
      pairing.run({0, places}, {b, e}, kAnywhere);
    });
    return;
  }
  const auto [low, high] = std::minmax_element(offsets.data(), offsets.data() + places);
  const Index first = *low, threads = get_num_threads(), step = (*high - first) / threads + 1;
  parallel_for(0, threads, 1, [&](Index b, Index e) {
    pairing.run({0, places}, {0, elements}, {first + b * step, first + e * step});
  });
}

}  // namespace

void take(const View& out, const View& x, const Chosen& chosen) {
  if (numel(out) == 0) return;
  const Offsets offsets(chosen, size_of(x.dtype));
  by_width(x.dtype, [&](auto u) {
    using U = decltype(u);
    run_free(Pairing<U, Read>(out, x, offsets, {}));
  });
}

void put(const View& out, const Chosen& chosen, const View& source, bool accumulate) {
  if (numel(source) == 0) return;
  const Offsets offsets(chosen, size_of(out.dtype));
  by_motion(out.dtype, accumulate, [&](auto t, auto f) {
    run_colliding(Pairing<decltype(t), decltype(f)>(source, out, offsets, f), offsets);
  });
}

bool within(const char*, const View& index, Index low, Index high, const Index* also) {
  if (numel(index) == 0) return true;
  std::atomic<bool> good{true};
  const Loop loop = make_loop(index.sizes(), {index});
  parallel_walk(loop, loop.size[0], [&](char* const* at, Index n) {
    bool inside = true;
    for (Index i = 0; i < n; ++i) {
      const Index j = *reinterpret_cast<const Index*>(at[0] + i * loop.stride[0][0]);
      inside &= (j >= low && j < high) || (also && j == *also);
    }
    if (!inside) good.store(false, std::memory_order_relaxed);
  });
  return good;
}

}  // namespace weft::cpu
