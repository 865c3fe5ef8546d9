#pragma once

#include <cstdint>

#include <weft/core/shape.h>

// The inner loops of cpu/reduce.cpp and cpu/softmax.cpp, compiled for each instruction set.
namespace weft::cpu {

// What is gathered over elements x; s is the output's shift and p the order.
enum class Fold : std::uint8_t {
  Sum,
  SumAbs,
  SumSquare,  // (x - s)^2
  SumPower,   // |x|^p
  Count,      // x != 0
  Product,
  Max,  // NaN wins
  Min,
  MaxAbs,
  MinAbs,
};
inline constexpr int kFolds = 10;

// Rows of n contiguous elements, row_stride bytes apart. Accumulators are doubles for floating
// elements and 64-bit integers for those; each is joined to what it holds.
struct FoldArgs {
  const void* x;
  Index rows, row_stride, n;
  const double* shift;  // one for each accumulator; may be null
  double p;
  void* acc;
};
using FoldRun = void (*)(const FoldArgs&);

// The largest or smallest element and its position, counted from `start`.
struct ArgArgs {
  const void* x;
  Index rows, row_stride, n;
  Index start;
  void* best;
  Index* where;
};
using ArgRun = void (*)(const ArgArgs&);

// Rows (x, y of `length` contiguous elements) or columns (`length` rows of n elements, strides in
// elements). In backward x is the gradient of y, and the gradient of x goes to out.
struct SoftmaxArgs {
  void* out;
  const void *x, *y;
  Index length, n, out_stride, x_stride, y_stride;
  bool log;
};
using SoftmaxRun = void (*)(const SoftmaxArgs&);
inline constexpr Index kSoftmaxColumns = 256;  // n at most

// The last index is the compute type: f32, f64, 64-bit integers.
struct ReduceLoops {
  FoldRun rows[kFolds][3];     // an accumulator a row
  FoldRun columns[kFolds][3];  // an accumulator a column
  ArgRun arg_rows[2][3];       // 0: largest, 1: smallest
  ArgRun arg_columns[2][3];
};

// For f32 and f64.
struct SoftmaxLoops {
  // block = exp(block - shift), rows of n elements; one shift for all, or one a column
  void (*exp_minus[2])(void* block, Index rows, Index n, const double* shift, bool by_column);
  SoftmaxRun row[2], columns[2], row_backward[2], columns_backward[2];
};

namespace v2 {
extern const ReduceLoops reduce_loops;
extern const SoftmaxLoops softmax_loops;
}  // namespace v2
namespace avx2 {
extern const ReduceLoops reduce_loops;
extern const SoftmaxLoops softmax_loops;
}  // namespace avx2
namespace avx512 {
extern const ReduceLoops reduce_loops;
extern const SoftmaxLoops softmax_loops;
}  // namespace avx512

}  // namespace weft::cpu
