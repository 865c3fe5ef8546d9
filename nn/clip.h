#pragma once

#include <vector>

#include <weft/core/tensor.h>

namespace weft::nn {

// Scales the gradients so that the norm of all of them together is max_norm at most, and returns
// the norm they had (0-d). norm_type may be infinite. With error_if_nonfinite a norm that is NaN or
// infinite throws ValueError and changes nothing.
WEFT_API Tensor clip_grad_norm_(const std::vector<Tensor>& parameters, double max_norm,
                                double norm_type = 2, bool error_if_nonfinite = false);
// Clamps each element of the gradients to [-clip_value, clip_value].
WEFT_API void clip_grad_value_(const std::vector<Tensor>& parameters, double clip_value);

}  // namespace weft::nn
