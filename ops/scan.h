#pragma once

#include <weft/core/tensor.h>

// Sums and products of all elements up to each, along dim; of bool and integers in i64. With a
// dtype the elements are converted first. Halves and f32 are gathered in f64. A 0-d tensor is its
// own sum.
namespace weft {

WEFT_API Tensor cumsum(const Tensor& x, Index dim, std::optional<DType> dtype = {});
WEFT_API Tensor cumprod(const Tensor& x, Index dim, std::optional<DType> dtype = {});
// In place, in x's dtype. Of bool DTypeError.
WEFT_API Tensor& cumsum_(Tensor& x, Index dim);
WEFT_API Tensor& cumprod_(Tensor& x, Index dim);
// Each element less the one before it, n times. Of bool whether they differ.
WEFT_API Tensor diff(const Tensor& x, Index n = 1, Index dim = -1);
// How many elements over dims (none: all) differ from 0, i64. NaN differs.
WEFT_API Tensor count_nonzero(const Tensor& x, const Shape& dims = {});

}  // namespace weft
