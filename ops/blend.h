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

// The logarithm to base 2, computed in f64: exact for powers of 2. bool and integers give f32.
WEFT_API Tensor log2(const Tensor& x);
// Throws DTypeError unless x is floating.
WEFT_API Tensor& log2_(Tensor& x);

// Numbers in place of NaN and the infinities: for these the largest and the smallest of the dtype
// unless one is given. Other elements keep their gradient. Integers stay as they are.
WEFT_API Tensor nan_to_num(const Tensor& x, double nan = 0, std::optional<double> posinf = {},
                           std::optional<double> neginf = {});
WEFT_API Tensor& nan_to_num_(Tensor& x, double nan = 0, std::optional<double> posinf = {},
                             std::optional<double> neginf = {});

}  // namespace weft
