#pragma once

#include <cstdint>

#include <weft/core/dtype.h>
#include <weft/core/shape.h>

namespace weft {

inline constexpr int kMaxOperands = 6;

// A nest of loops over operands that were broadcast against each other: plain data, dimension 0
// innermost, strides in bytes, adjacent dimensions merged where every operand allows it.
// Operand 0 is the output. In a reduction the output's stride is 0 along the reduced dimensions.
// Only the first `rank` and `operands` entries are set.
struct Loop {
  int rank;
  int operands;
  Index numel;  // product of size
  Index size[kMaxRank];
  Index stride[kMaxOperands][kMaxRank];
  char* data[kMaxOperands];
  DType dtype[kMaxOperands];
};

}  // namespace weft
