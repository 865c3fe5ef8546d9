#pragma once

#include <weft/core/random.h>
#include <weft/core/tensor.h>

namespace weft {

// With probability p an element becomes 0, else x / (1 - p); x itself where training is false or p
// is 0. p in [0, 1], x of a floating dtype. Takes from the default generator unless one is given.
WEFT_API Tensor dropout(const Tensor& x, double p = 0.5, bool training = true,
                        Generator* generator = nullptr);
WEFT_API Tensor& dropout_(Tensor& x, double p = 0.5, bool training = true,
                          Generator* generator = nullptr);

}  // namespace weft
