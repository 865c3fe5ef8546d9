#include <algorithm>

#include <weft/ops/kernels.h>

#include <weft/tests/ops/ramp.h>
#include <weft/tests/ops/samples.h>

using namespace weft;
using test::check_values, test::ramp, test::sample;

namespace {

struct Buffers {
  Tensor parameter, states[3];
  explicit Buffers(const Tensor& p) : parameter(p) {
    for (Tensor& s : states) s = full(p.sizes(), NAN, p.dtype());
  }
};

void step(OptimizerId id, Buffers& b, const Tensor& g, const OptimizerOptions& o) {
  const bool sgd = id == OptimizerId::SGD;
  const bool first = !sgd || o.momentum != 0;
  const OptimizerItem item = {
      .parameter = b.parameter.data(),
      .gradient = g.data(),
      .states = {first ? b.states[0].data() : nullptr, sgd ? nullptr : b.states[1].data(),
                 !sgd && o.amsgrad ? b.states[2].data() : nullptr},
      .numel = b.parameter.numel(),
      .dtype = b.parameter.dtype(),
      .terms = optimizer_terms(id, o)};
  cpu_kernels().optimizer_step(id, {&item, 1});
}

// Three steps from ramp(5) with the gradients that the expected numbers were made with.
Tensor three_steps(OptimizerId id, OptimizerOptions o, DType dtype = f64) {
  Buffers b(ramp(5, 7, 11, dtype));
  if (id != OptimizerId::SGD) {
    for (Tensor& s : b.states) s.zero_();
  }
  for (Index k = 0; k < 3; ++k) {
    o.step = k + 1;
    step(id, b, ramp(5, 3 + 2 * k, 7 + 2 * k, dtype), o);
  }
  return b.parameter;
}

}  // namespace

TEST_CASE("a step of SGD is torch.optim's") {
  check_values(three_steps(OptimizerId::SGD, {.lr = 0.1}), {-0.95, 0.425, -0.45, 1.1, 0.225});
  const OptimizerOptions damped{.lr = 0.1, .momentum = 0.9, .dampening = 0.3, .weight_decay = 0.05};
  check_values(three_steps(OptimizerId::SGD, damped),
               {-0.7979649421874998, 0.42000059437499998, -0.55587651312499997, 1.1340136671875001,
                0.15813655968750001});
  OptimizerOptions nesterov{.lr = 0.1, .momentum = 0.9, .weight_decay = 0.05};
  nesterov.nesterov = nesterov.maximize = true;
  check_values(three_steps(OptimizerId::SGD, nesterov),
               {-1.96089841390625, 0.64234967131250009, -0.52287106068749989, 1.4875327664062501,
                0.32231203440625});
}

TEST_CASE("a step of Adam and AdamW is torch.optim's") {
  OptimizerOptions o{.lr = 0.1, .weight_decay = 0.05, .beta1 = 0.8, .beta2 = 0.95, .eps = 1e-3};
  const std::vector<double> adam = {-0.94920901195055563, 0.23223024070895643, -0.54386986215848032,
                                    1.2159713248694828, 0.14115757509161939};
  check_values(three_steps(OptimizerId::Adam, o), adam);
  check_values(three_steps(OptimizerId::Adam, o, f32), adam, 1e-6);
  check_values(three_steps(OptimizerId::Adam, o, bf16), adam, 2e-2);
  o.amsgrad = true;
  check_values(three_steps(OptimizerId::AdamW, o),
               {-0.93220741422417497, 0.3289266168964004, -0.54266796899208936, 1.2128198248907165,
                0.14230446406835237});
  o.weight_decay = 0;
  o.maximize = true;
  check_values(three_steps(OptimizerId::Adam, o),
               {-1.5506328232135296, 0.66399656152882125, -0.44892877831705391, 1.2677389343305521,
                0.35490431899746044});
}

TEST_CASE("a step's bits depend neither on threads nor on the place in the buffer") {
  const int threads = get_num_threads();
  const Index n = 100003;
  const Tensor p = sample(n).to(f32), g = sample(n, false, 2).to(f32);
  std::vector<std::vector<float>> seen;
  for (const int t : {1, 2, 4}) {
    set_num_threads(t);
    Buffers b(p.clone());
    for (Tensor& s : b.states) s.zero_();
    step(OptimizerId::AdamW, b, g, {.lr = 0.01, .weight_decay = 0.1});
    seen.push_back(b.parameter.to_vector<float>());
  }
  set_num_threads(threads);
  CHECK(seen[0] == seen[1]);
  CHECK(seen[0] == seen[2]);
  Buffers tail(p.narrow(0, n - 5, 5).clone());
  for (Tensor& s : tail.states) s.zero_();
  step(OptimizerId::AdamW, tail, g.narrow(0, n - 5, 5), {.lr = 0.01, .weight_decay = 0.1});
  CHECK(std::equal(seen[0].end() - 5, seen[0].end(), tail.parameter.to_vector<float>().begin()));
}
