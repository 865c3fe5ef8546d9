#pragma once

#include <weft/ops/kernels.h>

namespace weft::cpu {

void nll_forward(const View& loss, const View& row_weight, const View& y, const View& target,
                 const View& weight, const NllOptions& options);
void nll_backward(const View& gx, const View& scale, const View& y, const View& target,
                  const View& weight, const NllOptions& options);

}  // namespace weft::cpu
