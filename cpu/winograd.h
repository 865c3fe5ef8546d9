#pragma once

#include <weft/core/shape.h>
#include <weft/cpu/isa/winograd.h>

namespace weft::cpu {

struct Image {  // dense, channels-last
  void* data;
  bool bf16;  // else f32
  Index pictures, height, width, channels;
};

// y = x convolved with w (3x3, stride 1, output (i, j) starts at input (i - pad_h, j - pad_w))
// + bias (may be null), clamped at zero if relu. The bits do not depend on the number of threads.
void winograd_convolve(const Image& y, const Image& x, const float* w, const WinogradFilter& filter,
                       Index pad_h, Index pad_w, const float* bias, bool relu);

// gw = the gradient of winograd_convolve's w. The bits do not depend on the number of threads.
void winograd_filter_gradient(float* gw, const WinogradFilter& filter, const Image& gy,
                              const Image& x, Index pad_h, Index pad_w);

}  // namespace weft::cpu
