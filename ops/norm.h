#pragma once

#include <weft/core/tensor.h>

// Normalisation. x is of a floating dtype; weight, bias and running statistics are of x's dtype, or
// f32 where x is f16 or bf16. Statistics are computed in f32 (f64 for f64).
namespace weft {

// For x [N, C] or [N, C, ...] up to rank 5, over everything but the channels C:
//   y = (x - mean) / sqrt(variance + eps) * weight + bias
// Training takes the mean and the variance (divided by the count) from x, and moves the running
// ones, where given: running = (1 - momentum) * running + momentum * batch, with the variance
// divided by the count less one. Else the running ones are used, and must be given. All are [C].
WEFT_API Tensor batch_norm(const Tensor& x, const Tensor& running_mean, const Tensor& running_var,
                           const Tensor& weight = {}, const Tensor& bias = {},
                           bool training = false, double momentum = 0.1, double eps = 1e-5);
// relu(batch_norm(...)) in one pass, without keeping what goes into relu.
WEFT_API Tensor batch_norm_relu(const Tensor& x, const Tensor& running_mean,
                                const Tensor& running_var, const Tensor& weight = {},
                                const Tensor& bias = {}, bool training = false,
                                double momentum = 0.1, double eps = 1e-5);

// The same formula over the last dimensions, which normalized_shape names, for each of the others
// apart; weight and bias have normalized_shape.
WEFT_API Tensor layer_norm(const Tensor& x, const Shape& normalized_shape,
                           const Tensor& weight = {}, const Tensor& bias = {}, double eps = 1e-5);

// x [N, C, ...]: y = x / (k + alpha / size * s)^beta, where s is the sum of the squares of the
// `size` channels from size / 2 before to (size - 1) / 2 after, as far as they exist
// (Krizhevsky et al. 2012, with alpha divided by the size as PyTorch does).
WEFT_API Tensor local_response_norm(const Tensor& x, Index size, double alpha = 1e-4,
                                    double beta = 0.75, double k = 1);

}  // namespace weft
