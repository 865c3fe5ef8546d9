#pragma once

#include <weft/ops/kernels.h>

namespace weft::cpu {

// Any floating dtype; f16 and bf16 are computed in f32.
void optimizer_step(OptimizerId id, std::span<const OptimizerItem> items);

}  // namespace weft::cpu
