#include <weft/autograd/record.h>
#include <weft/core/check.h>
#include <weft/core/interrupt.h>
#include <weft/ops/kernels.h>
#include <weft/ops/make.h>
#include <weft/ops/one_device.h>
#include <weft/ops/reduce.h>

// 0 and 1 by chance.
namespace weft {
namespace {

RandomKey next_key(Generator* g, Index n) { return (g ? *g : default_generator()).next(n); }

void check_probability(const char* op, double p) {
  if (!(p >= 0 && p <= 1)) fail<ValueError>(op, "got p = {}, expected it in [0, 1]", p);
}

void check_probabilities(const char* op, const Tensor& p) {
  if (!is_floating(p.get(op).dtype))
    fail<DTypeError>(op, "got {}, expected a floating dtype", p.dtype());
  const auto inside = [](const Tensor& t) {
    return t.amin().item().to_double() >= 0 && t.amax().item().to_double() <= 1;
  };
  // A device is not waited for: there, what is outside counts as 0 or 1.
  if (p.device() == kCPU && p.numel() > 0 && !inside(p.detach()))
    fail<ValueError>(op, "got a probability outside [0, 1], expected all inside");
}

// p has x's sizes.
Tensor& drawn_into(Tensor& x, const Tensor& p, Generator* generator) {
  autograd::check_inplace("bernoulli_", x, false);
  const Whole whole(x.numel());
  kernels(x.device()).random.bernoulli(x.view(), p.view(), next_key(generator, x.numel()));
  autograd::bump_version("bernoulli_", x);
  if (autograd::recording(x))
    autograd::record_inplace("bernoulli_", x, {x}, [](Tensor&, autograd::Gradients&) {});
  return x;
}

// In the dtype that draws as those of a tensor of p do.
Tensor everywhere(const Tensor& x, double p) {
  return full({}, p, Options(DType::F64).device(x.device())).expand(x.sizes());
}

}  // namespace

Tensor& bernoulli_(Tensor& x, double p, Generator* generator) {
  check_probability("bernoulli_", p);
  x.get("bernoulli_");
  return drawn_into(x, everywhere(x, p), generator);
}

Tensor& bernoulli_(Tensor& x, const Tensor& p, Generator* generator) {
  x.get("bernoulli_");
  check_probabilities("bernoulli_", p);
  Tensor probability = detail::beside("bernoulli_", p.detach(), x);
  if (x.impl()->storage == p.impl()->storage) probability = probability.clone();
  return drawn_into(
      x, make_alias(probability, expand("bernoulli_", probability.layout(), x.sizes())), generator);
}

Tensor bernoulli(const Tensor& p, Generator* generator) {
  check_probabilities("bernoulli", p);
  Tensor y = empty_like(p);
  kernels(p.device()).random.bernoulli(y.view(), p.view(), next_key(generator, p.numel()));
  return y;
}

Tensor bernoulli(const Tensor& x, double p, Generator* generator) {
  check_probability("bernoulli", p);
  x.get("bernoulli");
  Tensor y = empty_like(x);
  kernels(x.device())
      .random.bernoulli(y.view(), everywhere(x, p).view(), next_key(generator, x.numel()));
  return y;
}

}  // namespace weft
