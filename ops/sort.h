#pragma once

#include <tuple>

#include <weft/core/tensor.h>

// Elements in order. Equal ones stay as they stood (so `stable` is always so), NaN is the largest;
// a 0-d tensor is its own order. Along dim; positions are i64, the gradient goes to the elements
// that the values were. The same results on every device and for any number of threads.
namespace weft {

WEFT_API Tensor argsort(const Tensor& x, Index dim = -1, bool descending = false);
// Values and their positions.
WEFT_API std::tuple<Tensor, Tensor> sort(const Tensor& x, Index dim = -1, bool descending = false);
// The k largest (or smallest) and their positions, in order. Throws IndexError where k is negative
// or more than there are.
WEFT_API std::tuple<Tensor, Tensor> topk(const Tensor& x, Index k, Index dim = -1,
                                         bool largest = true);

}  // namespace weft
