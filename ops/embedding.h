#pragma once

#include <weft/core/tensor.h>

namespace weft {

// The rows of weight [count, width] that index (i64 or i32, any shape, 0 to count - 1) names:
// [index..., width]. The row padding_idx (negative: from the end) gets no gradient.
WEFT_API Tensor embedding(const Tensor& weight, const Tensor& index,
                          std::optional<Index> padding_idx = {});

}  // namespace weft
