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
// The element in the middle (of two the smaller); NaN if there is one. Equal elements share the
// gradient evenly. Of nothing NaN; no integers throw ShapeError, bool DTypeError.
WEFT_API Tensor median(const Tensor& x);
// Along dim, with its position; the gradient goes to that element. Throws IndexError where there is
// nothing along dim.
WEFT_API std::tuple<Tensor, Tensor> median(const Tensor& x, Index dim, bool keepdim = false);

}  // namespace weft
