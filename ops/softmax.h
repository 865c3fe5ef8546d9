#pragma once

#include <weft/core/tensor.h>

namespace weft {

// exp(x) / sum(exp(x)) along dim, and its logarithm, without overflow. With a dtype x is converted
// first. Integers without a dtype throw DTypeError, a dim out of range IndexError.
WEFT_API Tensor softmax(const Tensor& x, Index dim, std::optional<DType> dtype = {});
WEFT_API Tensor log_softmax(const Tensor& x, Index dim, std::optional<DType> dtype = {});

}  // namespace weft
