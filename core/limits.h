#pragma once

#include <weft/core/dtype.h>

// What the dtypes can hold, as PyTorch's finfo and iinfo tell it.
namespace weft {

struct FloatInfo {
  DType dtype;
  int bits;
  double min, max;
  double eps;         // what the number after 1 is more than 1
  double tiny;        // the smallest positive number that is not subnormal
  double resolution;  // 10 to the minus digits that are always right
};
// Throws DTypeError for bool and integers.
WEFT_API FloatInfo finfo(DType dtype);

struct IntegerInfo {
  DType dtype;
  int bits;
  std::int64_t min, max;
};
// Throws DTypeError for bool and floating dtypes.
WEFT_API IntegerInfo iinfo(DType dtype);

}  // namespace weft
