#pragma once

#include <weft/ops/kernels.h>

namespace weft::cpu {

void unary(UnaryId id, const Loop& loop, DType in, const void* op);
void unary_grad(UnaryId id, const Loop& loop, DType in, const void* op);
void binary(BinaryId id, const Loop& loop, DType in, const void* op);
void binary_grad(BinaryId id, int which, const Loop& loop, DType in, const void* op);
void where(const Loop& loop);
void copy(const Loop& loop);
void fill(const Loop& loop, const void* value);

// Of what a product or a convolution wrote, in place. oneDNN's own ReLU makes 0 of NaN.
void activate(const View& out, Activation activation);

}  // namespace weft::cpu
