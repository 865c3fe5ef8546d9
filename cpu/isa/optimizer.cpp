#include <weft/cpu/isa/optimizer.h>

namespace weft::cpu::WEFT_ISA {
namespace {

inline float root(float x) { return __builtin_sqrtf(x); }
inline double root(double x) { return __builtin_sqrt(x); }

template <bool Momentum, class S>
[[gnu::always_inline]] inline void sgd_run(S* __restrict p, const S* __restrict g,
                                           S* __restrict buffer, Index n, const SgdTerms<S>& t) {
  const S sign = t.maximize ? S(-1) : S(1), lr = t.lr, decay = t.weight_decay,
          momentum = t.first ? S(0) : t.momentum, keep = t.first ? S(1) : t.keep,
          ahead = t.nesterov ? t.momentum : S(0), direct = t.nesterov ? S(1) : S(0),
          along = t.nesterov ? ahead : S(1);
  for (Index i = 0; i < n; ++i) {
    S step = sign * g[i];
    if (decay != S(0)) step += decay * p[i];
    if (Momentum) {
      const S before = t.first ? S(0) : buffer[i];  // what a fresh buffer holds does not count
      const S moved = momentum * before + keep * step;
      buffer[i] = moved;
      step = direct * step + along * moved;
    }
    p[i] -= lr * step;
  }
}

template <class S>
void sgd(S* p, const S* g, S* buffer, Index n, const SgdTerms<S>& t) {
  if (buffer) {
    sgd_run<true>(p, g, buffer, n, t);
  } else {
    sgd_run<false>(p, g, buffer, n, t);
  }
}

template <bool Largest, class S>
[[gnu::always_inline]] inline void adam_run(S* __restrict p, const S* __restrict g,
                                            S* __restrict mean, S* __restrict square,
                                            S* __restrict largest, Index n, const AdamTerms<S>& t) {
  const S sign = t.maximize ? S(-1) : S(1), shrink = t.shrink, decay = t.weight_decay,
          take1 = t.take1, beta2 = t.beta2, take2 = t.take2, eps = t.eps, size = t.step_size,
          correction = t.root_correction;
  // mean + part of the way to the gradient, or where that is most of it, from there back: a small
  // gradient after a large one then keeps its digits.
  const bool back = take1 >= S(0.5);
  const S part = back ? take1 - S(1) : take1;
  for (Index i = 0; i < n; ++i) {
    const S from = p[i] * shrink, gradient = sign * g[i] + decay * from;
    const S m = (back ? gradient : mean[i]) + (gradient - mean[i]) * part,
            v = square[i] * beta2 + take2 * gradient * gradient;
    mean[i] = m;
    square[i] = v;
    S top = v;
    if (Largest) {
      top = largest[i] < v ? v : largest[i];
      largest[i] = top;
    }
    p[i] = from - size * (m / (root(top) / correction + eps));
  }
}

template <class S>
void adam(S* p, const S* g, S* mean, S* square, S* largest, Index n, const AdamTerms<S>& t) {
  if (largest) {
    adam_run<true>(p, g, mean, square, largest, n, t);
  } else {
    adam_run<false>(p, g, mean, square, largest, n, t);
  }
}

}  // namespace

extern constexpr OptimizerLoops<float> optimizer_f32 = {sgd<float>, adam<float>};
extern constexpr OptimizerLoops<double> optimizer_f64 = {sgd<double>, adam<double>};

}  // namespace weft::cpu::WEFT_ISA
