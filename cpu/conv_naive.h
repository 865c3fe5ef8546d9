#pragma once

#include <weft/ops/kernels.h>

// Convolution by its definition, summed in f64: what other kernels are compared with.
namespace weft::cpu {

void naive_conv_forward(const View& y, const View& x, const View& w, const View& bias,
                        const Conv2dOptions& o);
void naive_conv_backward_input(const View& gx, const View& gy, const View& w,
                               const Conv2dOptions& o);
void naive_conv_backward_weight(const View& gw, const View& gb, const View& gy, const View& x,
                                const Conv2dOptions& o);

}  // namespace weft::cpu
