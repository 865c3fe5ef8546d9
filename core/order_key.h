#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>

#include <weft/core/macros.h>

// Numbers as 64-bit integers of the same order. For .cpp files only.
namespace weft {

// The zeros are equal, NaN is the largest; narrower floats are exact in a double.
WEFT_HD inline std::int64_t order_key(double x) {
  constexpr std::int64_t most = 0x7fffffffffffffff;
  if (x != x) return most;
  if (x == 0) return 0;
  std::int64_t bits;
  std::memcpy(&bits, &x, sizeof bits);
  return bits >= 0 ? bits : bits ^ most;
}
WEFT_HD inline std::int64_t order_key(std::int64_t x) { return x; }

}  // namespace weft
