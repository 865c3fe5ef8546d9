#pragma once

#include <string_view>

#include <weft/core/tensor.h>
#include <weft/ops/kernels.h>

namespace weft {

// Of a convolution: one number, one a dimension, "valid" (none), or "same" (as much as keeps the
// size at stride 1; where that is odd, the larger half goes to the bottom and the right).
class Padding {
 public:
  Padding(std::integral auto amount) : amounts_(amount) {}              // NOLINT
  Padding(std::initializer_list<Index> amounts) : amounts_(amounts) {}  // NOLINT
  Padding(const Shape& amounts) : amounts_(amounts) {}                  // NOLINT
  WEFT_API Padding(std::string_view mode);                              // NOLINT
  Padding(const char* mode) : Padding(std::string_view(mode)) {}        // NOLINT
  bool same() const { return same_; }
  const Shape& amounts() const { return amounts_; }

 private:
  Shape amounts_;
  bool same_ = false;
};

// x [N, C, H, W] or [C, H, W] with weight [K, C / groups, R, S] and bias [K] or none, all of one
// floating dtype:
//   y[n, k, i, j] = bias[k] + sum over c, r, s of weight[k, c, r, s] *
//                   x[n, c, i * stride - padding + r * dilation, j * stride - padding + s *
//                   dilation]
// stride and dilation: one number or one a dimension. The result lies channels-last in memory.
WEFT_API Tensor conv2d(const Tensor& x, const Tensor& weight, const Tensor& bias = {},
                       const Shape& stride = 1, const Padding& padding = 0,
                       const Shape& dilation = 1, Index groups = 1);
// relu(conv2d(...)) in one pass, without keeping what goes into relu.
WEFT_API Tensor conv2d_relu(const Tensor& x, const Tensor& weight, const Tensor& bias = {},
                            const Shape& stride = 1, const Padding& padding = 0,
                            const Shape& dilation = 1, Index groups = 1);

namespace detail {
// The linear parts of conv2d and of its gradients, each differentiable; x is of rank 4, sizes are
// those of what is returned.
WEFT_API Tensor conv2d(const Tensor& x, const Tensor& weight, const Tensor& bias,
                       const Conv2dOptions& options);
WEFT_API Tensor conv2d_input_grad(const Shape& sizes, const Tensor& gy, const Tensor& weight,
                                  const Conv2dOptions& options);
WEFT_API Tensor conv2d_weight_grad(const Shape& sizes, const Tensor& gy, const Tensor& x,
                                   const Conv2dOptions& options);
}  // namespace detail

}  // namespace weft
