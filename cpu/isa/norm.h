#pragma once

#include <weft/core/shape.h>

// The inner loops of cpu/norm.cpp, compiled for each instruction set.
namespace weft::cpu {

// What normalisation knows of each channel: y = (x - mean) * scale + bias. In the backward pass
// gx = g * scale - (x - mean) * slope - offset. relu: y is clamped at 0, and g counts where y > 0.
template <class S>
struct ChannelTerms {
  const S *mean, *scale, *bias, *slope, *offset;
  bool relu;
};

// Rows of channels ("rows"), or the elements of one channel after each other ("flat").
template <class S>
struct NormLoops {
  using Terms = ChannelTerms<S>;
  // sum += x - shift, square += (x - shift)^2
  void (*moments_rows)(S* sum, S* square, const S* x, const S* shift, Index rows, Index channels);
  void (*moments_flat)(S* sum, S* square, const S* x, S shift, Index n);
  void (*scale_rows)(S* y, const S* x, const Terms&, Index rows, Index channels);
  void (*scale_flat)(S* y, const S* x, const Terms&, Index channel, Index n);
  // sum += g, dot += g * (x - mean)
  void (*dots_rows)(S* sum, S* dot, const S* g, const S* x, const Terms&, Index rows,
                    Index channels);
  void (*dots_flat)(S* sum, S* dot, const S* g, const S* x, const Terms&, Index channel, Index n);
  void (*mix_rows)(S* gx, const S* g, const S* x, const Terms&, Index rows, Index channels);
  void (*mix_flat)(S* gx, const S* g, const S* x, const Terms&, Index channel, Index n);

  // One row of layer_norm, h = (x - mean) * rstd: y = h * weight + bias
  void (*layer)(S* y, const S* x, const S* weight, const S* bias, S mean, S rstd, Index n);
  // sum = sum of g * weight, dot = sum of g * weight * h; gw += g * h, gb += g
  void (*layer_dots)(S* sum, S* dot, S* gw, S* gb, const S* g, const S* x, const S* weight, S mean,
                     S rstd, Index n);
  // gx = (g * weight - sum - h * dot) * rstd
  void (*layer_mix)(S* gx, const S* g, const S* x, const S* weight, S mean, S rstd, S sum, S dot,
                    Index n);
};

namespace v2 {
extern const NormLoops<float> norm_f32;
extern const NormLoops<double> norm_f64;
}  // namespace v2
namespace avx2 {
extern const NormLoops<float> norm_f32;
extern const NormLoops<double> norm_f64;
}  // namespace avx2
namespace avx512 {
extern const NormLoops<float> norm_f32;
extern const NormLoops<double> norm_f64;
}  // namespace avx512

}  // namespace weft::cpu
