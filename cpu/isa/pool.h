#pragma once

#include <cstdint>

namespace weft::cpu {

// One row of outputs of a pool over channels-last pictures; gaps between pixels are allowed, but
// channels must be contiguous.
struct PoolRow {
  std::int64_t channels, outputs;  // outputs: the row's length
  std::int64_t x_height, x_width;  // of the input
  std::int64_t x_row, x_pixel;     // strides in elements
  std::int64_t y_pixel, where_pixel;
  std::int64_t kernel_h, kernel_w, stride_w, dilation_h, dilation_w;
  std::int64_t first_h, first_w;  // input position of the row's first window, may be < 0
};

// One row of the input's gradient. y_* describe the outputs of one picture.
struct PoolGradientRow {
  std::int64_t channels, inputs;  // inputs: the row's length
  std::int64_t row;               // which input row
  std::int64_t y_height, y_width, y_row, y_pixel, where_row, where_pixel, gx_pixel;
  std::int64_t kernel_h, kernel_w, stride_h, stride_w, dilation_h, dilation_w, padding_h, padding_w;
};

enum class PoolType : std::uint8_t { F32, BF16, F64 };
inline constexpr int kPoolTypes = 3;

// where holds the window's element that won, as u8, or as i32 for windows over 256 elements.
struct PoolKernels {
  void (*max_row[kPoolTypes])(void* y, void* where, bool wide, const void* x, const PoolRow&);
  void (*max_gradient_row[kPoolTypes])(void* gx, const void* gy, const void* where, bool wide,
                                       const PoolGradientRow&);
};

}  // namespace weft::cpu
