#pragma once

#include <weft/core/loop.h>
#include <weft/core/macros.h>
#include <weft/cuda/runtime.h>

namespace weft::cuda {

// Divides i by size and returns the rest: with 32 bits where they do, which is several times
// faster.
WEFT_HD inline Index divide(Index& i, Index size) {
  if (((i | size) >> 32) == 0) {
    const auto whole = static_cast<std::uint32_t>(i), by = static_cast<std::uint32_t>(size);
    const std::uint32_t quotient = whole / by;
    i = quotient;
    return whole - quotient * by;
  }
  const Index whole = i;
  i = whole / size;
  return whole - i * size;
}

// Where element i of a loop lies in each of the first K operands, in bytes.
template <int K>
WEFT_HD void locate(const Loop& loop, Index i, Index (&offset)[K]) {
  for (int k = 0; k < K; ++k) offset[k] = 0;
  if (loop.numel <= 0x7fffffff) {  // divisions of 32 bits are several times faster
    auto left = static_cast<std::uint32_t>(i);
    for (int d = 0; d < loop.rank - 1; ++d) {
      const auto size = static_cast<std::uint32_t>(loop.size[d]);
      const std::uint32_t rest = left / size;
      const Index at = left - rest * size;
      for (int k = 0; k < K; ++k) offset[k] += at * loop.stride[k][d];
      left = rest;
    }
    for (int k = 0; k < K; ++k) offset[k] += Index{left} * loop.stride[k][loop.rank - 1];
    return;
  }
  for (int d = 0; d < loop.rank; ++d) {
    const Index at = i % loop.size[d];
    for (int k = 0; k < K; ++k) offset[k] += at * loop.stride[k][d];
    i /= loop.size[d];
  }
}

inline void check_pointers(const Loop& loop) {
  for (int k = 0; loop.numel > 0 && k < loop.operands; ++k)
    if (!(loop.host >> k & 1)) check_pointer(loop.data[k]);
}

// A view by value, for device code: its sizes and strides lie in the struct. Strides in elements.
struct Place {
  char* data;
  Index size[kMaxRank], stride[kMaxRank];
  int rank;
  DType dtype;
  int width;  // bytes of an element

  Place() = default;
  explicit Place(const View& v)
      : data(v.as<char>()),
        rank(v.rank),
        dtype(v.dtype),
        width(static_cast<int>(size_of(v.dtype))) {
    for (int d = 0; d < rank; ++d) {
      size[d] = v.size[d];
      stride[d] = v.stride[d];
    }
    if (v && numel(v) > 0) check_pointer(data);
  }
  WEFT_HD bool there() const { return data != nullptr; }
  WEFT_HD char* at(Index offset) const { return data + offset * width; }
  // The offset of element i in row-major order.
  WEFT_HD Index offset(Index i) const {
    Index o = 0;
    for (int d = rank - 1; d > 0; --d) o += divide(i, size[d]) * stride[d];
    return rank > 0 ? o + i * stride[0] : o;
  }
};

}  // namespace weft::cuda
