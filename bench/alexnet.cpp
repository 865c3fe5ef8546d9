// One training step of AlexNet for CIFAR and where its time goes; bench/peers/alexnet_torch.py and
// floor.cpp take the same step. Milliseconds; with --json one line with every step's time.
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <string>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <weft/core/context.h>
#include <weft/core/threads.h>
#include <weft/nn/models/alexnet.h>
#include <weft/nn/optim.h>
#include <weft/ops/autocast.h>
#include <weft/ops/loss.h>
#include <weft/ops/make.h>

using namespace weft;

namespace {

struct Settings {
  std::string network = "classic", precision = "f32";
  Index batch = 128;
  int steps = 9, threads = 0;
  bool json = false, deterministic = false;
};

void add_options(CLI::App& app, Settings& s) {
  app.add_option("--network", s.network)->check(CLI::IsMember({"classic", "fast"}));
  app.add_option("--precision", s.precision)->check(CLI::IsMember({"f32", "bf16"}));
  app.add_option("--batch", s.batch)->check(CLI::PositiveNumber);
  app.add_option("--steps", s.steps)->check(CLI::PositiveNumber);
  app.add_option("--threads", s.threads)->check(CLI::Range(1, 1024));
  app.add_flag("--deterministic", s.deterministic);
  app.add_flag("--json", s.json);
}

nn::AlexNet make_model(bool fast) {
  nn::AlexNetOptions o = nn::AlexNetOptions::cifar();
  o.dropout = 0;
  if (fast) {
    o.channels = {48, 96, 192, 192, 192};
    o.hidden = {512};
    o.batch_norm = true;
  }
  return nn::AlexNet(o);
}

double median(std::vector<double> v) {
  std::sort(v.begin(), v.end());
  return v[v.size() / 2];
}

struct Times {
  std::vector<double> forward, backward, optimizer, step;
};

void run_step(nn::AlexNet& model, optim::Optimizer& sgd, const Tensor& x, const Tensor& y, bool low,
              Times& times) {
  using Clock = std::chrono::steady_clock;
  const auto ms = [](auto d) { return std::chrono::duration<double, std::milli>(d).count(); };
  const auto t0 = Clock::now();
  Tensor loss;
  {
    const AutocastGuard autocast(bf16, low);
    loss = cross_entropy(model(x), y);
  }
  const auto t1 = Clock::now();
  loss.backward();
  const auto t2 = Clock::now();
  sgd.step();
  sgd.zero_grad();
  const auto t3 = Clock::now();
  times.forward.push_back(ms(t1 - t0));
  times.backward.push_back(ms(t2 - t1));
  times.optimizer.push_back(ms(t3 - t2));
  times.step.push_back(ms(t3 - t0));
}

void print_json(const Settings& s, const Times& t) {
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  std::printf("%s\n", nlohmann::json{{"setting", "Weft " + s.precision},
                                     {"step_ms", t.step},
                                     {"forward_ms", t.forward},
                                     {"backward_ms", t.backward},
                                     {"optimizer_ms", t.optimizer},
                                     {"peak_bytes", used.ru_maxrss * 1024}}
                          .dump()
                          .c_str());
}

void print_text(const Settings& s, const Times& t) {
  const double step = median(t.step);
  std::printf(
      "AlexNet %s %s, batch %d: forward %.1f, backward %.1f, optimiser %.1f, step %.1f ms, "
      "%.0f images/s\n",
      s.network.c_str(), s.precision.c_str(), static_cast<int>(s.batch), median(t.forward),
      median(t.backward), median(t.optimizer), step, static_cast<double>(s.batch) / step * 1e3);
}

}  // namespace

int main(int argc, char** argv) {
  Settings s;
  CLI::App app("One training step of AlexNet for CIFAR");
  add_options(app, s);
  CLI11_PARSE(app, argc, argv);
  if (s.threads) set_num_threads(s.threads);
  use_deterministic_algorithms(s.deterministic);

  nn::AlexNet model = make_model(s.network == "fast");
  model.materialize({s.batch, 3, 32, 32});
  optim::SGD sgd(model.parameters(), {.lr = 0.01, .momentum = 0.9});
  const Tensor x = randn({s.batch, 3, 32, 32}).contiguous(MemoryFormat::ChannelsLast);
  const Tensor y = randint(0, 10, {s.batch});
  Times warm, times;
  const bool low = s.precision == "bf16";
  for (int i = 0; i < 2; ++i) run_step(model, sgd, x, y, low, warm);
  for (int i = 0; i < s.steps; ++i) run_step(model, sgd, x, y, low, times);
  s.json ? print_json(s, times) : print_text(s, times);
}
