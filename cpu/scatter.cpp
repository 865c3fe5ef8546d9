#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <vector>

#include <weft/core/layout.h>
#include <weft/cpu/indexing.h>
#include <weft/cpu/loop_walk.h>
#include <weft/cpu/move.h>

// Kernels whose index tensor has the shape of the result or source, and nonzero.
namespace weft::cpu {
namespace {

// A loop over all dimensions but one, along which each lane is walked in order: only there may
// places coincide.
template <class T, class F>
class Lanes {
 public:
  Lanes(const View& indexed, int dim, const View& index, const View& dense, F f)
      : length_(index.size[dim]), f_(f) {
    step_[0] = indexed.stride[dim] * static_cast<Index>(size_of(indexed.dtype));
    step_[1] = index.stride[dim] * static_cast<Index>(sizeof(Index));
    step_[2] = dense.stride[dim] * static_cast<Index>(size_of(dense.dtype));
    Shape sizes = index.sizes(), strides[3] = {indexed.strides(), index.strides(), dense.strides()};
    sizes.erase(dim);
    const auto without = [&](Shape& s, const View& v) {
      s.erase(dim);
      return View{v.data, sizes.data(), s.data(), static_cast<std::int16_t>(v.rank - 1), v.dtype};
    };
    loop_ = make_loop(sizes, {without(strides[0], indexed), without(strides[1], index),
                              without(strides[2], dense)});
    inner_ = std::abs(step_[1]) < std::abs(loop_.stride[1][0]) || loop_.numel == 1;
  }

  void run() const {
    const Index grain = std::max<Index>(1, kGrain / length_);
    parallel_for(0, loop_.numel, grain, [&](Index b, Index e) {
      walk(loop_, b, e, loop_.size[0], [&](char* const* at, Index n) { piece(at, n); });
    });
  }

 private:
  void piece(char* const* at, Index n) const {
    const Index outer = inner_ ? n : length_, inner = inner_ ? length_ : n;
    for (Index o = 0; o < outer; ++o) {
      for (Index i = 0; i < inner; ++i) inner_ ? pair(at, o, i) : pair(at, i, o);
    }
  }
  void pair(char* const* at, Index lane, Index k) const {
    const Index place = *reinterpret_cast<const Index*>(where(at, 1, lane, k));
    f_(*reinterpret_cast<T*>(where(at, 0, lane, 0) + place * step_[0]),
       *reinterpret_cast<T*>(where(at, 2, lane, k)));
  }
  char* where(char* const* at, int operand, Index lane, Index k) const {
    return at[operand] + lane * loop_.stride[operand][0] + k * step_[operand];
  }

  Index length_;
  F f_;
  Index step_[3];
  Loop loop_;
  bool inner_;
};

template <class T>
bool is_set(const T& v) {
  if constexpr (std::is_same_v<T, Half> || std::is_same_v<T, BFloat16>) {
    return (v.bits & 0x7fffu) != 0;
  } else {
    return v != T(0);
  }
}

constexpr Index kBlock = 65536;

// Calls stretch(row, step, first, stop, coordinates) for the stretches of the last dimension that
// make up elements [begin, end) in row-major order.
template <class T, class Stretch>
void each_stretch(const View& x, Index begin, Index end, Stretch&& stretch) {
  if (x.rank == 0) return stretch(x.as<T>(), 0, 0, 1, nullptr);
  const int last = x.rank - 1;
  Index at[kMaxRank] = {};
  for (Index d = last, rest = begin; d >= 0; rest /= x.size[d--]) at[d] = rest % x.size[d];
  while (begin < end) {
    const T* row = x.as<T>();
    for (int d = 0; d < last; ++d) row += at[d] * x.stride[d];
    const Index first = at[last], stop = std::min(x.size[last], first + end - begin);
    stretch(row, x.stride[last], first, stop, at);
    begin += stop - first;
    at[last] = 0;
    for (int d = last - 1; d >= 0 && ++at[d] == x.size[d]; --d) at[d] = 0;
  }
}

// Booleans eight at a time: their bytes are 0 or 1.
Index count_set(const bool* x, Index n) {
  Index count = 0;
  for (; n >= 8; n -= 8, x += 8) {
    std::uint64_t word;
    std::memcpy(&word, x, sizeof word);
    count += std::popcount(word);
  }
  for (; n > 0; --n) count += *x++;
  return count;
}
template <class T>
Index count_set(const T* x, Index n) {
  Index count = 0;
  for (Index i = 0; i < n; ++i) count += is_set(x[i]);
  return count;
}

template <class T>
Index count_nonzero(const View& x, Index begin, Index end) {
  Index count = 0;
  each_stretch<T>(x, begin, end, [&](const T* row, Index step, Index i, Index stop, auto) {
    if (step == 1) {
      count += count_set(row + i, stop - i);
    } else {
      for (; i < stop; ++i) count += is_set(row[i * step]);
    }
  });
  return count;
}

// Writes the coordinates of the `count` elements that are set. Every element is written and only
// those are kept: masks are hard to predict.
template <class T>
void write_nonzero(Index* out, const View& x, Index begin, Index end, Index count) {
  const int before = std::max(x.rank - 1, 0), rank = x.rank;
  Index* const out_end = out + count * rank;
  each_stretch<T>(x, begin, end, [&](const T* row, Index step, Index i, Index stop, Index* at) {
    Index* to = out;
    for (; i < stop && to < out_end; ++i) {
      for (int d = 0; d < before; ++d) to[d] = at[d];
      to[before] = i;
      to += is_set(row[i * step]) ? rank : 0;
    }
    out = to;
  });
}

template <class T>
void find_nonzero(const View& x, NonzeroRoom* room, void* context) {
  const Index n = numel(x), blocks = (n + kBlock - 1) / kBlock;
  std::vector<Index> start(static_cast<std::size_t>(blocks) + 1, 0);
  const auto each_block = [&](auto f) {
    parallel_for(0, blocks, 1, [&](Index b, Index e) {
      for (Index i = b; i < e; ++i)
        f(static_cast<std::size_t>(i), i * kBlock, std::min(n, (i + 1) * kBlock));
    });
  };
  each_block([&](std::size_t i, Index b, Index e) { start[i + 1] = count_nonzero<T>(x, b, e); });
  for (std::size_t i = 0; i + 1 < start.size(); ++i) start[i + 1] += start[i];
  Index* const out = room(context, start.back());
  if (start.back() == 0) return;
  each_block([&](std::size_t i, Index b, Index e) {
    write_nonzero<T>(out + start[i] * x.rank, x, b, e, start[i + 1] - start[i]);
  });
}

}  // namespace

void gather(const View& out, const View& x, int dim, const View& index) {
  if (numel(out) == 0) return;
  by_width(x.dtype, [&](auto u) { Lanes<decltype(u), Read>(x, dim, index, out, {}).run(); });
}

void scatter(const View& out, int dim, const View& index, const View& source, bool accumulate) {
  if (numel(index) == 0) return;
  by_motion(out.dtype, accumulate, [&](auto t, auto f) {
    Lanes<decltype(t), decltype(f)>(out, dim, index, source, f).run();
  });
}

void nonzero(const View& x, NonzeroRoom* room, void* context) {
  dispatch(x.dtype,
           [&](auto tag) { find_nonzero<typename decltype(tag)::type>(x, room, context); });
}

}  // namespace weft::cpu
