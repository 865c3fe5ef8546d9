#include <weft/autograd/function.h>

#include <algorithm>

#include <weft/autograd/engine.h>
#include <weft/core/check.h>
#include <weft/core/random.h>

namespace weft::autograd {
namespace {

bool contains(const std::vector<Tensor>& list, const Tensor& t) {
  return std::any_of(list.begin(), list.end(), [&](const Tensor& x) { return x.is_same(t); });
}

}  // namespace

std::vector<Tensor> FunctionContext::saved() const {
  std::vector<Tensor> result;
  for (const SavedTensor& s : saved_) result.push_back(s.get());
  return result;
}

void FunctionCall::note_needs(FunctionContext& ctx, std::span<const Tensor> inputs) {
  for (const Tensor& t : inputs) ctx.needs_.push_back(grad_enabled() && needs_grad(t));
}

void FunctionCall::finish(const char* name, std::shared_ptr<FunctionContext> ctx,
                          std::span<Tensor> outputs, std::span<const Tensor> inputs,
                          Backward backward) {
  const bool recorded =
      std::any_of(ctx->needs_.begin(), ctx->needs_.end(), [](bool b) { return b; });
  if (!recorded) return;
  std::vector<Tensor> tracked;
  for (Tensor& y : outputs) {
    const bool is_input =
        std::any_of(inputs.begin(), inputs.end(), [&](const Tensor& x) { return x.is_same(y); });
    if (is_input && !contains(ctx->dirty_, y)) y = make_alias(y, y.layout());
    if (is_floating(y.dtype()) && !contains(ctx->constant_, y)) tracked.push_back(y);
  }
  for (const Tensor& t : ctx->to_save_)
    ctx->saved_.push_back(contains(tracked, t) ? saved_output(t) : saved(t));
  ctx->to_save_.clear();
  const std::size_t count = inputs.size();
  const auto run = [ctx, backward, count, name](std::span<Tensor> gradients, Gradients& in) {
    auto result = backward(*ctx, std::vector<Tensor>(gradients.begin(), gradients.end()));
    if (result.size() != count) {
      fail<AutogradError>(
          name, "got {} gradients from backward(), expected one for each of the {} tensors",
          result.size(), count);
    }
    for (std::size_t i = 0; i < count; ++i) in.set(i, [&] { return result[i]; });
  };
  if (ctx->dirty_.empty()) {
    record_many(name, tracked, inputs, run);
    return;
  }
  if (tracked.size() != 1 || inputs.empty() || !contains(ctx->dirty_, tracked[0]) ||
      !inputs[0].is_same(tracked[0])) {
    fail<AutogradError>(
        name, "got {} outputs of an in-place function, expected just its first input, changed",
        tracked.size());
  }
  check_inplace(name, tracked[0], true);
  bump_version(name, tracked[0]);
  record_inplace(name, tracked[0], inputs, run);
}

namespace {

struct Replay {
  std::function<std::vector<Tensor>(const std::vector<Tensor>&)> f;
  RandomKey random;
  std::vector<SavedTensor> inputs;
  std::vector<bool> needs;
};

// Runs the function again, recorded, from detached inputs, and differentiates what it recorded.
std::vector<Tensor> replay(const Replay& r, std::span<const Tensor> gradients) {
  EnableGradGuard enable;
  std::vector<Tensor> inputs;
  for (std::size_t i = 0; i < r.inputs.size(); ++i) {
    Tensor x = r.inputs[i].get();
    inputs.push_back(x.defined() ? x.detach() : x);
    if (r.needs[i]) inputs.back().requires_grad_();
  }
  const RandomKey now = default_generator().state();
  default_generator().set_state(r.random);
  std::vector<Tensor> outputs;
  try {
    outputs = r.f(inputs);
  } catch (...) {
    default_generator().set_state(now);
    throw;
  }
  default_generator().set_state(now);
  std::vector<Tensor> roots, seeds;
  for (std::size_t i = 0; i < outputs.size() && i < gradients.size(); ++i) {
    if (!gradients[i].defined() || !outputs[i].requires_grad()) continue;
    roots.push_back(outputs[i]);
    seeds.push_back(gradients[i]);
  }
  if (roots.empty()) return std::vector<Tensor>(inputs.size());
  return backward_within(roots, seeds, inputs);
}

}  // namespace

std::vector<Tensor> checkpoint(std::function<std::vector<Tensor>(const std::vector<Tensor>&)> f,
                               const std::vector<Tensor>& inputs) {
  const RandomKey random = default_generator().state();
  std::vector<Tensor> outputs;
  {
    NoGradGuard no_grad;
    outputs = f(inputs);
  }
  if (!grad_enabled()) return outputs;
  Replay r{std::move(f), random, {}, {}};
  bool any = false;
  for (const Tensor& t : inputs) {
    r.inputs.push_back(saved(t));
    r.needs.push_back(needs_grad(t));
    any = any || r.needs.back();
  }
  if (!any) {
    fail<AutogradError>(
        "checkpoint",
        "got no input that requires grad, expected at least one: else no gradient would "
        "reach what the function uses");
  }
  for (Tensor& y : outputs) {
    for (const Tensor& x : inputs) {
      if (y.is_same(x)) y = make_alias(y, y.layout());
    }
  }
  record_many(
      "checkpoint", outputs, inputs,
      [r = std::move(r)](std::span<Tensor> gradients, Gradients& in) {
        if (grad_enabled()) {
          fail<AutogradError>(
              "checkpoint",
              "got create_graph, expected a backward() without: what is run again is not kept");
        }
        auto result = replay(r, gradients);
        for (std::size_t i = 0; i < result.size(); ++i) in.set(i, [&] { return result[i]; });
      });
  return outputs;
}

Tensor checkpoint(std::function<Tensor(const Tensor&)> f, const Tensor& input) {
  const auto many = [f = std::move(f)](const std::vector<Tensor>& x) {
    return std::vector<Tensor>{f(x[0])};
  };
  return checkpoint(many, std::vector<Tensor>{input})[0];
}

}  // namespace weft::autograd
