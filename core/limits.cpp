#include <weft/core/limits.h>

#include <cmath>
#include <limits>

#include <weft/core/check.h>

namespace weft {
namespace {

int bits_of(DType dtype) { return static_cast<int>(8 * size_of(dtype)); }

// digits: of the fraction, without the leading one.
FloatInfo info(DType dtype, int digits, int max_exponent, int min_exponent, double resolution) {
  const double most = std::ldexp(2 - std::ldexp(1.0, -digits), max_exponent);
  return {dtype,     bits_of(dtype),           -most,
          most,      std::ldexp(1.0, -digits), std::ldexp(1.0, min_exponent),
          resolution};
}

}  // namespace

FloatInfo finfo(DType dtype) {
  switch (dtype) {
    case DType::F16: return info(dtype, 10, 15, -14, 1e-3);
    case DType::BF16: return info(dtype, 7, 127, -126, 1e-2);
    case DType::F32: return info(dtype, 23, 127, -126, 1e-6);
    case DType::F64: return info(dtype, 52, 1023, -1022, 1e-15);
    default: fail<DTypeError>("finfo", "got {}, expected a floating dtype; iinfo() knows", dtype);
  }
}

IntegerInfo iinfo(DType dtype) {
  if (!is_integral(dtype)) {
    fail<DTypeError>("iinfo", "got {}, expected an integer dtype{}", dtype,
                     is_floating(dtype) ? "; finfo() knows" : "");
  }
  const int bits = bits_of(dtype);
  if (dtype == DType::U8) return {dtype, bits, 0, 255};
  const std::int64_t most = std::numeric_limits<std::int64_t>::max() >> (64 - bits);
  return {dtype, bits, -most - 1, most};
}

}  // namespace weft
