#pragma once

// For .cpp files only: arithmetic that several layers share.
#include <cmath>

#include <weft/core/check.h>
#include <weft/nn/module.h>

namespace weft::nn {

inline double inverse_sqrt(Index n) { return n > 0 ? 1 / std::sqrt(static_cast<double>(n)) : 0; }

// One number, or one for each of the two dimensions of a picture.
inline Shape pair(const char* op, const Shape& s) {
  if (s.size() != 1 && s.size() != 2) {
    fail<ShapeError>(op, "got {} numbers, expected 1 or 2", s.size());
  }
  return {s[0], s.back()};
}

inline std::string pair_text(const Shape& s) { return fmt::format("({}, {})", s[0], s.back()); }

// The channels' place in [C, H, W] or [N, C, H, W].
inline int channel_dim(const char* op, const Shape& input) {
  if (input.size() != 3 && input.size() != 4) {
    fail<ShapeError>(op, "got an input of shape [{}], expected [N, C, H, W] or [C, H, W]",
                     fmt::join(input, ", "));
  }
  return input.size() - 3;
}

// Positions of a window of `kernel` with padding on both sides. With ceil_mode a last window may
// reach beyond, but starts inside or in the low padding (Dumoulin and Visin 2016, and PyTorch).
inline Index windows(const char* op, Index size, Index kernel, Index stride, Index low, Index high,
                     Index dilation, bool ceil_mode = false) {
  const Index span = size + low + high - dilation * (kernel - 1) - 1;
  if (span < 0) {
    fail<ShapeError>(op, "got a size of {}, expected at least {} for this kernel", size,
                     dilation * (kernel - 1) + 1 - low - high);
  }
  Index n = (span + (ceil_mode ? stride - 1 : 0)) / stride + 1;
  if (ceil_mode && (n - 1) * stride >= size + low) --n;
  return n;
}

inline const char* python_bool(bool b) { return b ? "True" : "False"; }

}  // namespace weft::nn
