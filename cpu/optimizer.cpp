#include <weft/cpu/optimizer.h>

#include <algorithm>
#include <cmath>

#include <weft/core/threads.h>
#include <weft/cpu/elements.h>
#include <weft/cpu/isa/optimizer.h>
#include <weft/cpu/loop_walk.h>

// One step in one pass over the buffers; the formulas are those of torch.optim.
namespace weft::cpu {
namespace {

constexpr Index kBlock = 512;  // elements converted at a time

const struct {
  const OptimizerLoops<float>* f32;
  const OptimizerLoops<double>* f64;
} kLoops[] = {{&v2::optimizer_f32, &v2::optimizer_f64},
              {&avx2::optimizer_f32, &avx2::optimizer_f64},
              {&avx512::optimizer_f32, &avx512::optimizer_f64}};

const OptimizerLoops<float>& loops(float) { return *kLoops[static_cast<int>(isa_in_use())].f32; }
const OptimizerLoops<double>& loops(double) { return *kLoops[static_cast<int>(isa_in_use())].f64; }

template <class S>
SgdTerms<S> sgd_terms(const OptimizerOptions& o) {
  return {static_cast<S>(o.lr),
          static_cast<S>(o.momentum),
          static_cast<S>(1 - o.dampening),
          static_cast<S>(o.weight_decay),
          o.step == 1,
          o.nesterov,
          o.maximize};
}

template <class S>
AdamTerms<S> adam_terms(const OptimizerOptions& o, bool decoupled) {
  const double step = static_cast<double>(o.step);
  const double correction1 = 1 - std::pow(o.beta1, step), correction2 = 1 - std::pow(o.beta2, step);
  return {static_cast<S>(decoupled ? 1 - o.lr * o.weight_decay : 1),
          static_cast<S>(decoupled ? 0 : o.weight_decay),
          static_cast<S>(1 - o.beta1),
          static_cast<S>(o.beta2),
          static_cast<S>(1 - o.beta2),
          static_cast<S>(o.eps),
          static_cast<S>(o.lr / correction1),
          static_cast<S>(std::sqrt(correction2)),
          o.maximize};
}

// f(pointers, elements) over the buffers in place, or over converted blocks of them. Only the
// gradient (1) is not written back; absent buffers stay null.
template <class S, class F>
void over_blocks(const View* const (&views)[5], F&& f) {
  const View& parameter = *views[0];
  const bool direct = parameter.dtype == dtype_of<S>;
  parallel_for(0, numel(parameter), kGrain, [&](Index begin, Index end) {
    alignas(64) S room[5][kBlock];
    const Index each = direct ? end - begin : kBlock;
    for (Index i = begin; i < end; i += each) {
      const Index n = std::min(each, end - i);
      S* at[5] = {};
      for (int k = 0; k < 5; ++k) {
        if (*views[k]) at[k] = const_cast<S*>(Elements<S>(*views[k]).read(i, n, room[k]));
      }
      f(at, n);
      for (int k = 0; k < 5 && !direct; ++k) {
        if (k != 1 && *views[k]) Elements<S>(*views[k]).write(i, n, room[k]);
      }
    }
  });
}

}  // namespace

void optimizer_step(OptimizerId id, const View& parameter, const View& gradient, const View& state0,
                    const View& state1, const View& state2, const OptimizerOptions& o) {
  const View* const views[5] = {&parameter, &gradient, &state0, &state1, &state2};
  by_compute(parameter.dtype, [&]<class S>(S) {
    if (id == OptimizerId::SGD) {
      const SgdTerms<S> t = sgd_terms<S>(o);
      return over_blocks<S>(
          views, [&](S* const(&at)[5], Index n) { loops(S{}).sgd(at[0], at[1], at[2], n, t); });
    }
    const AdamTerms<S> t = adam_terms<S>(o, id == OptimizerId::AdamW);
    over_blocks<S>(views, [&](S* const(&at)[5], Index n) {
      loops(S{}).adam(at[0], at[1], at[2], at[3], at[4], n, t);
    });
  });
}

}  // namespace weft::cpu
