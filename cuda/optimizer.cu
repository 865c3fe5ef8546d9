#include <cmath>

#include <weft/cuda/grid.h>
#include <weft/cuda/loop.h>
#include <weft/cuda/number.h>
#include <weft/cuda/tables.h>

// One step over contiguous buffers; the formulas are those of torch.optim, term by term as on the
// CPU (cpu/isa/optimizer.cpp).
namespace weft::cuda {
namespace {

// A buffer that may be absent.
struct Buffer {
  char* data;
  explicit Buffer(const View& v) : data(v.as<char>()) {}
};

template <class C>
struct Sgd {
  Buffer parameter, gradient, momentum_buffer;
  DType dtype;
  int width;
  C lr, momentum, keep, weight_decay;
  bool first, nesterov, maximize;

  WEFT_HD void operator()(Index i) const {
    const Index at = i * width;
    const C p = load<C>(parameter.data + at, dtype);
    C step = load<C>(gradient.data + at, dtype);
    if (maximize) step = -step;
    if (weight_decay != C(0)) step += weight_decay * p;
    if (momentum_buffer.data) {
      const C before = first ? C(0) : load<C>(momentum_buffer.data + at, dtype);
      const C moved = (first ? C(0) : momentum) * before + (first ? C(1) : keep) * step;
      store(momentum_buffer.data + at, dtype, moved);
      step = nesterov ? step + momentum * moved : moved;
    }
    store(parameter.data + at, dtype, p - lr * step);
  }
};

template <class C>
struct Adam {
  Buffer parameter, gradient, mean, square, largest;
  DType dtype;
  int width;
  C shrink, decay, take1, beta2, take2, eps, size, correction;
  bool maximize;

  WEFT_HD void operator()(Index i) const {
    const Index at = i * width;
    const C from = load<C>(parameter.data + at, dtype) * shrink;
    const C g = load<C>(gradient.data + at, dtype);
    const C slope = (maximize ? -g : g) + decay * from;
    const C m0 = load<C>(mean.data + at, dtype), v0 = load<C>(square.data + at, dtype);
    const C m = m0 + (slope - m0) * take1, v = v0 * beta2 + take2 * slope * slope;
    store(mean.data + at, dtype, m);
    store(square.data + at, dtype, v);
    C top = v;
    if (largest.data) {
      const C before = load<C>(largest.data + at, dtype);
      top = before < v ? v : before;
      store(largest.data + at, dtype, top);
    }
    store(parameter.data + at, dtype, from - size * (m / (formula::sqrt(top) / correction + eps)));
  }
};

}  // namespace

void optimizer_step(OptimizerId id, const View& parameter, const View& gradient, const View& state0,
                    const View& state1, const View& state2, const OptimizerOptions& o) {
  const DType t = parameter.dtype;
  const int width = static_cast<int>(size_of(t));
  by_compute(t, [&]<class C>(C) {
    const auto c = [](double v) { return static_cast<C>(v); };
    if (id == OptimizerId::SGD) {
      return for_each("SGD", numel(parameter),
                      Sgd<C>{Buffer(parameter), Buffer(gradient), Buffer(state0), t, width, c(o.lr),
                             c(o.momentum), c(1 - o.dampening), c(o.weight_decay), o.step == 1,
                             o.nesterov, o.maximize});
    }
    const bool decoupled = id == OptimizerId::AdamW;
    const double n = static_cast<double>(o.step), correction1 = 1 - std::pow(o.beta1, n),
                 correction2 = 1 - std::pow(o.beta2, n);
    for_each("Adam", numel(parameter),
             Adam<C>{Buffer(parameter), Buffer(gradient), Buffer(state0), Buffer(state1),
                     Buffer(state2), t, width, c(decoupled ? 1 - o.lr * o.weight_decay : 1),
                     c(decoupled ? 0 : o.weight_decay), c(1 - o.beta1), c(o.beta2), c(1 - o.beta2),
                     c(o.eps), c(o.lr / correction1), c(std::sqrt(correction2)), o.maximize});
  });
}

}  // namespace weft::cuda
