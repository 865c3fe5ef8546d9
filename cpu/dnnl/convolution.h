#pragma once

#include <weft/cpu/conv.h>

namespace weft::cpu::dnnl {

// How oneDNN computes a convolution of f32 or bf16 pictures, dense and channels-last; filters are
// dense rows of the pictures' dtype.
struct ConvMode {
  bool winograd = false;      // oneDNN's own, in f32
  bool through_bf16 = false;  // f32 factors are rounded to bf16
};

void convolution_forward(const View& y, const View& x, const View& w, void* bias,
                         const ConvShape& shape, ConvMode mode);
void convolution_backward_input(const View& gx, const View& gy, const View& w,
                                const ConvShape& shape, ConvMode mode);
// gb may be null; else it has the dtype of gw.
void convolution_backward_weight(const View& gw, void* gb, const View& gy, const View& x,
                                 const ConvShape& shape, ConvMode mode);

}  // namespace weft::cpu::dnnl
