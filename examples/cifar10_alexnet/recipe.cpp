#include <weft/examples/cifar10_alexnet/recipe.h>

#include <fmt/format.h>

#include <charconv>

namespace cifar {

using namespace weft;

namespace {

bool classic(const std::string& preset) { return preset == "classic"; }

struct Defaults {
  Index epochs, batch_size;
  double lr;
};
constexpr Defaults kClassic{30, 128, 0.02}, kFast{14, 128, 0.1};

}  // namespace

void complete(Recipe& r) {
  const Defaults& d = classic(r.preset) ? kClassic : kFast;
  if (!r.epochs) r.epochs = d.epochs;
  if (!r.batch_size) r.batch_size = d.batch_size;
  if (r.lr == 0) r.lr = d.lr;
}

std::map<std::string, std::string> to_text(const Recipe& r) {
  return {{"preset", r.preset},
          {"precision", r.precision},
          {"epochs", std::to_string(r.epochs)},
          {"batch_size", std::to_string(r.batch_size)},
          {"lr", fmt::format("{}", r.lr)},
          {"seed", std::to_string(r.seed)},
          {"limit_train", std::to_string(r.limit_train)},
          {"limit_test", std::to_string(r.limit_test)},
          {"deterministic", r.deterministic ? "1" : "0"}};
}

Recipe to_recipe(const std::map<std::string, std::string>& text, const std::string& path) {
  const auto get = [&](const char* key) -> const std::string& {
    const auto at = text.find(key);
    if (at == text.end()) {
      throw ParseError(
          fmt::format("[resume] {}: got no \"{}\", expected a checkpoint of this "
                      "program",
                      path, key));
    }
    return at->second;
  };
  const auto number = [&]<class T>(const char* key, T& value) {
    const std::string& s = get(key);
    if (std::from_chars(s.data(), s.data() + s.size(), value).ec != std::errc()) {
      throw ParseError(fmt::format("[resume] {}: got {} \"{}\", expected a number", path, key, s));
    }
  };
  Recipe r;
  r.preset = get("preset");
  r.precision = get("precision");
  number("epochs", r.epochs);
  number("batch_size", r.batch_size);
  number("lr", r.lr);
  number("seed", r.seed);
  number("limit_train", r.limit_train);
  number("limit_test", r.limit_test);
  r.deterministic = get("deterministic") == "1";
  return r;
}

nn::AlexNet make_model(const std::string& preset) {
  nn::AlexNetOptions o = nn::AlexNetOptions::cifar();
  if (!classic(preset)) {
    o.channels = {48, 96, 192, 192, 192};
    o.hidden = {512};
    o.batch_norm = true;
    o.dropout = 0;
  }
  nn::AlexNet model(o);
  model.materialize({1, 3, 32, 32});
  return model;
}

optim::SGD make_optimizer(nn::Module& model, const Recipe& r) {
  if (classic(r.preset)) {
    return {model.parameters(), {.lr = r.lr, .momentum = 0.9, .weight_decay = 5e-4}};
  }
  // Norms and biases do not shrink.
  std::vector<Tensor> weights, rest;
  for (const auto& [name, p] : model.named_parameters())
    (p.dim() > 1 ? weights : rest).push_back(p);
  optim::SGD sgd(weights, {.lr = r.lr, .momentum = 0.9, .weight_decay = 5e-4, .nesterov = true});
  sgd.add_group(rest, {.lr = r.lr, .momentum = 0.9, .nesterov = true});
  return sgd;
}

std::unique_ptr<optim::Scheduler> make_schedule(optim::Optimizer& optimizer, const Recipe& r,
                                                Index steps_per_epoch) {
  const Index steps = r.epochs * steps_per_epoch;
  if (classic(r.preset)) {
    const std::vector<Index> milestones = {steps / 2, steps * 3 / 4};
    return std::make_unique<optim::MultiStepLR>(optimizer, milestones, 0.1);
  }
  return std::make_unique<optim::OneCycleLR>(optimizer,
                                             optim::OneCycleOptions{.max_lr = r.lr,
                                                                    .total_steps = steps,
                                                                    .pct_start = 0.25,
                                                                    .linear = true,
                                                                    .cycle_momentum = false,
                                                                    .div_factor = 10,
                                                                    .final_div_factor = 100});
}

double label_smoothing(const Recipe& r) { return classic(r.preset) ? 0 : 0.1; }
bool crops_and_flips(const Recipe& r) { return !classic(r.preset); }

}  // namespace cifar
