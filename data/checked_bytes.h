#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>

#include <weft/core/dtype.h>
#include <weft/core/shape.h>

namespace weft::data {

// The bytes of a tensor; nothing where they, or the strides of an empty one, reach 2^63.
inline std::optional<std::uint64_t> checked_bytes(DType dtype, const Shape& shape) {
  auto bytes = static_cast<Index>(size_of(dtype));
  for (Index size : shape) {
    if (__builtin_mul_overflow(bytes, std::max<Index>(size, 1), &bytes)) return {};
  }
  const bool empty = std::ranges::find(shape, 0) != shape.end();
  return empty ? 0 : static_cast<std::uint64_t>(bytes);
}

}  // namespace weft::data
