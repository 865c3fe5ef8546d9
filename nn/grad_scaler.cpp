#include <weft/nn/grad_scaler.h>

#include <algorithm>
#include <cmath>

#include <weft/autograd/record.h>
#include <weft/core/check.h>
#include <weft/ops/elementwise.h>

namespace weft::amp {

namespace {

constexpr const char* kNumbers[] = {"scale", "growth_factor", "backoff_factor", "growth_interval",
                                    "growth_tracker"};

void check(const GradScalerOptions& o) {
  const auto refuse = [](const char* what, double value, const char* expected) {
    fail<ValueError>("GradScaler", "got {} {}, expected {}", what, value, expected);
  };
  if (!(o.init_scale > 0) || !std::isfinite(o.init_scale))
    refuse("init_scale", o.init_scale, "more than 0");
  if (!(o.growth_factor > 1)) refuse("growth_factor", o.growth_factor, "more than 1");
  if (!(o.backoff_factor > 0 && o.backoff_factor < 1))
    refuse("backoff_factor", o.backoff_factor, "more than 0 and less than 1");
  if (o.growth_interval < 1)
    refuse("growth_interval", static_cast<double>(o.growth_interval), "1 or more");
}

std::vector<Tensor> gradients(const optim::Optimizer& optimizer) {
  std::vector<Tensor> found;
  for (const auto& group : optimizer.groups()) {
    for (const Tensor& p : group.params) {
      if (const Tensor g = p.grad(); g.defined()) found.push_back(g.detach());
    }
  }
  return found;
}

// Asked of all before the host waits for one.
bool all_finite(const std::vector<Tensor>& tensors) {
  std::vector<Tensor> answers;
  for (const Tensor& t : tensors) answers.push_back(t.isfinite().all());
  for (const Tensor& a : answers) {
    if (!a.item<bool>()) return false;
  }
  return true;
}

}  // namespace

GradScaler::GradScaler(const GradScalerOptions& options)
    : options_(options), scale_(options.init_scale) {
  check(options);
}

Tensor GradScaler::scale(const Tensor& x) const { return options_.enabled ? x * scale_ : x; }

void GradScaler::unscale_(optim::Optimizer& optimizer) {
  if (!options_.enabled) return;
  if (seen_.contains(&optimizer))
    fail<Error>("GradScaler.unscale_",
                "got an optimiser for the second time since the last update(), expected once");
  const NoGradGuard guard;
  std::vector<Tensor> grads = gradients(optimizer);
  if (grads.empty())
    fail<Error>("GradScaler.unscale_", "got an optimiser without gradients, expected backward()");
  for (const Tensor& g : grads) autograd::check_inplace("GradScaler.unscale_", g, false);
  const bool finite = all_finite(grads);
  for (Tensor& g : grads) g.mul_(1 / scale_);
  seen_[&optimizer] = {finite, false};
}

bool GradScaler::step(optim::Optimizer& optimizer) {
  if (!options_.enabled) {
    optimizer.step();
    return true;
  }
  if (!seen_.contains(&optimizer)) unscale_(optimizer);
  Seen& seen = seen_[&optimizer];
  if (seen.stepped)
    fail<Error>("GradScaler.step",
                "got an optimiser for the second time since the last update(), expected once");
  if (seen.finite) optimizer.step();
  seen.stepped = true;
  return seen.finite;
}

void GradScaler::update() {
  if (!options_.enabled) return;
  if (seen_.empty())
    fail<Error>("GradScaler.update", "got no optimiser that was unscaled, expected step() before");
  bool finite = true;
  for (const auto& [optimizer, seen] : seen_) finite = finite && seen.finite;
  seen_.clear();
  if (!finite) {
    scale_ *= options_.backoff_factor;
    good_steps_ = 0;
  } else if (++good_steps_ == options_.growth_interval) {
    // As PyTorch: what is beyond f32 is not taken.
    const double grown = scale_ * options_.growth_factor;
    if (std::isfinite(static_cast<float>(grown))) scale_ = grown;
    good_steps_ = 0;
  }
}

nn::StateDict GradScaler::state_dict() const {
  if (!options_.enabled) return {};
  return {{"scale", nn::number(scale_)},
          {"growth_factor", nn::number(options_.growth_factor)},
          {"backoff_factor", nn::number(options_.backoff_factor)},
          {"growth_interval", nn::number(options_.growth_interval)},
          {"growth_tracker", nn::number(good_steps_)}};
}

std::vector<std::string> GradScaler::mismatches(const nn::StateDict& state) const {
  std::vector<std::string> found;
  if (!options_.enabled) return found;
  for (const char* name : kNumbers) {
    const Tensor* t = nn::find(state, name);
    if (!t) found.push_back(std::string(name) + " is missing");
    if (t && t->numel() != 1) found.push_back(std::string(name) + " is not one number");
  }
  for (const auto& [name, tensor] : state) {
    if (std::find(std::begin(kNumbers), std::end(kNumbers), name) == std::end(kNumbers))
      found.push_back(name + " is unknown here");
  }
  return found;
}

std::function<void()> GradScaler::prepare_state(const nn::StateDict& state) {
  if (!options_.enabled) return [] {};
  const auto number = [&](const char* name) { return nn::find(state, name)->item<double>(); };
  GradScalerOptions o = options_;
  o.init_scale = number("scale");
  o.growth_factor = number("growth_factor");
  o.backoff_factor = number("backoff_factor");
  o.growth_interval = nn::find(state, "growth_interval")->item<Index>();
  check(o);
  const auto good = nn::find(state, "growth_tracker")->item<Index>();
  return [this, o, good] {
    options_ = o;
    scale_ = o.init_scale;
    good_steps_ = good;
  };
}

}  // namespace weft::amp
