#include <weft/cpu/optimizer.h>

#include <algorithm>

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
SgdTerms<S> sgd_terms(const OptimizerTerms& t) {
  return {static_cast<S>(t.lr),
          static_cast<S>(t.momentum),
          static_cast<S>(t.keep),
          static_cast<S>(t.weight_decay),
          t.first,
          t.nesterov,
          t.maximize};
}

template <class S>
AdamTerms<S> adam_terms(const OptimizerTerms& t) {
  return {static_cast<S>(t.shrink),    static_cast<S>(t.decay),           static_cast<S>(t.take1),
          static_cast<S>(t.beta2),     static_cast<S>(t.take2),           static_cast<S>(t.eps),
          static_cast<S>(t.step_size), static_cast<S>(t.root_correction), t.maximize};
}

// f(pointers, elements) over the buffers in place, or over converted blocks of them. Only the
// gradient (1) is not written back; absent buffers stay null.
template <class S, class F>
void over_blocks(const OptimizerItem& item, F&& f) {
  void* const buffers[5] = {item.parameter, item.gradient, item.states[0], item.states[1],
                            item.states[2]};
  const auto elements = [&](int k) { return Elements<S>(buffers[k], item.dtype); };
  const bool direct = item.dtype == dtype_of<S>;
  parallel_for(0, item.numel, kGrain, [&](Index begin, Index end) {
    alignas(64) S room[5][kBlock];
    const Index each = direct ? end - begin : kBlock;
    for (Index i = begin; i < end; i += each) {
      const Index n = std::min(each, end - i);
      S* at[5] = {};
      for (int k = 0; k < 5; ++k) {
        if (buffers[k]) at[k] = const_cast<S*>(elements(k).read(i, n, room[k]));
      }
      f(at, n);
      for (int k = 0; k < 5 && !direct; ++k) {
        if (k != 1 && buffers[k]) elements(k).write(i, n, room[k]);
      }
    }
  });
}

template <class S>
void step(OptimizerId id, const OptimizerItem& item) {
  if (id == OptimizerId::SGD) {
    const SgdTerms<S> t = sgd_terms<S>(item.terms);
    return over_blocks<S>(
        item, [&](S* const(&at)[5], Index n) { loops(S{}).sgd(at[0], at[1], at[2], n, t); });
  }
  const AdamTerms<S> t = adam_terms<S>(item.terms);
  over_blocks<S>(item, [&](S* const(&at)[5], Index n) {
    loops(S{}).adam(at[0], at[1], at[2], at[3], at[4], n, t);
  });
}

}  // namespace

void optimizer_step(OptimizerId id, std::span<const OptimizerItem> items) {
  for (const OptimizerItem& item : items)
    by_compute(item.dtype, [&]<class S>(S) { step<S>(id, item); });
}

}  // namespace weft::cpu
