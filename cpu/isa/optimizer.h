#pragma once

#include <weft/core/shape.h>

// The inner loops of cpu/optimizer.cpp, compiled for each instruction set.
namespace weft::cpu {

template <class S>
struct SgdTerms {
  S lr, momentum, keep, weight_decay;  // keep: 1 - dampening, of a new gradient in the buffer
  bool first, nesterov, maximize;
};
template <class S>
struct AdamTerms {
  S shrink;                    // AdamW: 1 - lr * weight_decay, else 1
  S weight_decay;              // Adam: added to the gradient
  S take1, beta2, take2, eps;  // take: 1 - beta
  S step_size, root_correction;
  bool maximize;
};

// Parameter, gradient, states; those that an option does not ask for may be null.
template <class S>
struct OptimizerLoops {
  void (*sgd)(S* p, const S* g, S* momentum, Index n, const SgdTerms<S>&);
  void (*adam)(S* p, const S* g, S* mean, S* square, S* largest, Index n, const AdamTerms<S>&);
};

namespace v2 {
extern const OptimizerLoops<float> optimizer_f32;
extern const OptimizerLoops<double> optimizer_f64;
}  // namespace v2
namespace avx2 {
extern const OptimizerLoops<float> optimizer_f32;
extern const OptimizerLoops<double> optimizer_f64;
}  // namespace avx2
namespace avx512 {
extern const OptimizerLoops<float> optimizer_f32;
extern const OptimizerLoops<double> optimizer_f64;
}  // namespace avx512

}  // namespace weft::cpu
