#pragma once

#include <tuple>

#include <weft/core/tensor.h>

// Pooling over the last two dimensions of x [N, C, H, W] or [C, H, W]; floating dtypes. A size of
// the output is floor((in + 2 * padding - dilation * (kernel - 1) - 1) / stride) + 1; ceil_mode
// rounds up, but no window starts beyond the input and its low padding. kernel, stride, padding and
// dilation are one number or one a dimension; no stride means the kernel. Padding is at most half
// the kernel. Results lie channels-last in memory.
namespace weft {

// The largest element of each window; NaN wins, of equals the first. Padding never wins.
WEFT_API Tensor max_pool2d(const Tensor& x, const Shape& kernel, const Shape& stride = {},
                           const Shape& padding = 0, const Shape& dilation = 1,
                           bool ceil_mode = false);
// And where it was found: i64, row * W + column in its plane of x.
WEFT_API std::tuple<Tensor, Tensor> max_pool2d_with_indices(const Tensor& x, const Shape& kernel,
                                                            const Shape& stride = {},
                                                            const Shape& padding = 0,
                                                            const Shape& dilation = 1,
                                                            bool ceil_mode = false);
// The sum of each window over divisor_override if given, else over the window's size: with the
// padding in it (but not what ceil_mode adds beyond) if count_include_pad, else without.
WEFT_API Tensor avg_pool2d(const Tensor& x, const Shape& kernel, const Shape& stride = {},
                           const Shape& padding = 0, bool ceil_mode = false,
                           bool count_include_pad = true,
                           std::optional<Index> divisor_override = {});
// Means of windows that share the input out evenly: output i covers floor(i * in / out) to
// ceil((i + 1) * in / out). output_size: one number or one a dimension, -1 for the input's size.
WEFT_API Tensor adaptive_avg_pool2d(const Tensor& x, const Shape& output_size);

}  // namespace weft
