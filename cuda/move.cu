#include <cstring>

#include <weft/cuda/pointwise.h>
#include <weft/cuda/tables.h>

// Elements moved as they are, converted, chosen or set.
namespace weft::cuda {
namespace {

template <class C>
struct Same {
  WEFT_HD C operator()(const C (&in)[1]) const { return in[0]; }
};
template <class C>
struct NotZero {
  WEFT_HD bool operator()(const C (&in)[1]) const { return in[0] != C(0); }
};

// Elements of U's width, whatever they mean.
template <class U>
struct Move {
  Loop loop;
  WEFT_HD void operator()(Index i) const {
    Index offset[2];
    locate(loop, i, offset);
    *reinterpret_cast<U*>(loop.data[0] + offset[0]) =
        *reinterpret_cast<const U*>(loop.data[1] + offset[1]);
  }
};
struct alignas(16) Sixteen {
  std::uint64_t half[2];
};
struct MoveBytes {
  char* to;
  const char* from;
  WEFT_HD void operator()(Index i) const {
    reinterpret_cast<Sixteen*>(to)[i] = reinterpret_cast<const Sixteen*>(from)[i];
  }
};

template <class U>
struct Where {
  Loop loop;    // output, condition, a, b
  U number[2];  // of a and b where they are in loop.host
  WEFT_HD void operator()(Index i) const {
    Index offset[4];
    locate(loop, i, offset);
    const int from = loop.data[1][offset[1]] ? 2 : 3;
    *reinterpret_cast<U*>(loop.data[0] + offset[0]) =
        loop.host >> from & 1 ? number[from - 2]
                              : *reinterpret_cast<const U*>(loop.data[from] + offset[from]);
  }
};

template <class U>
struct Fill {
  Loop loop;
  U value;
  WEFT_HD void operator()(Index i) const {
    Index offset[1];
    locate(loop, i, offset);
    *reinterpret_cast<U*>(loop.data[0] + offset[0]) = value;
  }
};

template <class F>
void by_width(DType t, F&& f) {
  switch (size_of(t)) {
    case 1: return f(std::uint8_t{});
    case 2: return f(std::uint16_t{});
    case 4: return f(std::uint32_t{});
    default: return f(std::uint64_t{});
  }
}

// Whether both operands are one dense piece of whole 16-byte words.
bool dense_words(const Loop& loop) {
  if (loop.rank != 1) return false;
  for (int k = 0; k < 2; ++k) {
    const auto width = static_cast<Index>(size_of(loop.dtype[k]));
    if (loop.stride[k][0] != width || loop.numel * width % 16 != 0 ||
        reinterpret_cast<std::uintptr_t>(loop.data[k]) % 16 != 0)
      return false;
  }
  return true;
}

template <class C>
void convert(const Loop& loop) {
  if (loop.dtype[0] == DType::Bool) return pointwise<C, 1>("copy", loop, NotZero<C>{});
  pointwise<C, 1>("copy", loop, Same<C>{});
}

}  // namespace

void copy(const Loop& loop) {
  check_pointers(loop);
  if (loop.dtype[0] == loop.dtype[1]) {
    if (dense_words(loop)) {
      const Index bytes = loop.numel * static_cast<Index>(size_of(loop.dtype[0]));
      return for_each("copy", bytes / 16, MoveBytes{loop.data[0], loop.data[1]});
    }
    return by_width(loop.dtype[0],
                    [&](auto u) { for_each("copy", loop.numel, Move<decltype(u)>{loop}); });
  }
  // What becomes bool is compared with zero in its own type; all else is computed in the target's.
  switch (compute_type(loop.dtype[loop.dtype[0] == DType::Bool ? 1 : 0])) {
    case Compute::F32: return convert<float>(loop);
    case Compute::F64: return convert<double>(loop);
    case Compute::Int: return convert<Int>(loop);
  }
}

void where(const Loop& loop) {
  check_pointers(loop);
  by_width(loop.dtype[0], [&](auto u) {
    Where<decltype(u)> body{loop, {}};
    for (int k = 2; k < 4; ++k) {
      if (loop.host >> k & 1) std::memcpy(&body.number[k - 2], loop.data[k], sizeof u);
    }
    for_each("where", loop.numel, body);
  });
}

void fill(const Loop& loop, const void* value) {
  check_pointers(loop);
  by_width(loop.dtype[0], [&](auto u) {
    Fill<decltype(u)> body{loop, {}};
    std::memcpy(&body.value, value, sizeof u);
    for_each("fill", loop.numel, body);
  });
}

}  // namespace weft::cuda
