#pragma once

#include <weft/cpu/conv.h>

namespace weft::cpu::dnnl {

// Convolutions of f32 or bf16 pictures, dense and channels-last, by oneDNN's direct algorithms;
// filters are dense rows of the pictures' dtype. through_bf16: f32 factors are rounded to bf16.
void convolution_forward(const View& y, const View& x, const View& w, void* bias,
                         const ConvShape& shape, bool through_bf16);
void convolution_backward_input(const View& gx, const View& gy, const View& w,
                                const ConvShape& shape, bool through_bf16);
void convolution_backward_weight(const View& gw, const View& gy, const View& x,
                                 const ConvShape& shape, bool through_bf16);

}  // namespace weft::cpu::dnnl
