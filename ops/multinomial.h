#pragma once

#include <weft/core/tensor.h>

// Draws from a few possibilities.
namespace weft {

class Generator;

// Positions in a vector of weights, or in each row of a matrix of them, drawn with probability
// proportional to the weights (floating, not negative, not all 0): i64 [count] or [rows, count].
// Without replacement none comes twice, and those with weight must be enough. Throws ValueError
// for other weights and counts; a CUDA device is not waited for to look at weights.
WEFT_API Tensor multinomial(const Tensor& weights, Index count, bool replacement = false,
                            Generator* generator = nullptr);

}  // namespace weft
