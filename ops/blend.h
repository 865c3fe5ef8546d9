#pragma once

#include <weft/core/tensor.h>

// Elementwise functions of several steps that are one operation, rounded once.
namespace weft {

// start + weight * (end - start), exact at weight 0 and 1 for finite numbers. All three broadcast
// and have one floating dtype; a 0-d weight may have another. Throws DTypeError otherwise.
WEFT_API Tensor lerp(const Tensor& start, const Tensor& end, const Tensor& weight);
WEFT_API Tensor lerp(const Tensor& start, const Tensor& end, double weight);
WEFT_API Tensor& lerp_(Tensor& start, const Tensor& end, const Tensor& weight);
WEFT_API Tensor& lerp_(Tensor& start, const Tensor& end, double weight);

// To so many digits behind the point, before it if negative; halves to the even neighbour. Floating
// dtypes. The gradient is 0.
WEFT_API Tensor round(const Tensor& x, int decimals);
WEFT_API Tensor& round_(Tensor& x, int decimals);

}  // namespace weft
