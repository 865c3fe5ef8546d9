#pragma once

#include <weft/ops/kernels.h>

namespace weft::cpu {

// Any floating dtype, one for all buffers; f16 and bf16 are computed in f32.
void optimizer_step(OptimizerId id, const View& parameter, const View& gradient, const View& state0,
                    const View& state1, const View& state2, const OptimizerOptions& o);

}  // namespace weft::cpu
