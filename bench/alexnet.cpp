// One training step of the classic AlexNet for CIFAR: where its time goes. Arguments: [--json]
// [--batch N] [--steps N] [--precision f32|bf16] [--fast] [--threads N]. Milliseconds, medians.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>

#include <weft/core/threads.h>
#include <weft/nn/models/alexnet.h>
#include <weft/nn/optim.h>
#include <weft/ops/autocast.h>
#include <weft/ops/loss.h>
#include <weft/ops/make.h>

using namespace weft;

namespace {

struct Settings {
  Index batch = 128;
  int steps = 9;
  bool json = false, bf16 = false, fast = false;
};

Settings parse(int argc, char** argv) {
  Settings s;
  for (int i = 1; i < argc; ++i) {
    const std::string a = argv[i], value = i + 1 < argc ? argv[i + 1] : "";
    if (a == "--json") s.json = true;
    if (a == "--fast") s.fast = true;
    if (a == "--batch") s.batch = std::atoll(value.c_str());
    if (a == "--steps") s.steps = std::max(1, std::atoi(value.c_str()));
    if (a == "--precision") s.bf16 = value == "bf16";
    if (a == "--threads") set_num_threads(std::atoi(value.c_str()));
  }
  return s;
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

}  // namespace

int main(int argc, char** argv) {
  const Settings s = parse(argc, argv);
  nn::AlexNet model = make_model(s.fast);
  model.materialize({s.batch, 3, 32, 32});
  optim::SGD sgd(model.parameters(), {.lr = 0.01, .momentum = 0.9});
  const Tensor x = randn({s.batch, 3, 32, 32}).contiguous(MemoryFormat::ChannelsLast);
  const Tensor y = randint(0, 10, {s.batch});
  Times warm, times;
  for (int i = 0; i < 2; ++i) run_step(model, sgd, x, y, s.bf16, warm);
  for (int i = 0; i < s.steps; ++i) run_step(model, sgd, x, y, s.bf16, times);
  const double step = median(times.step);
  std::printf(s.json ? "{\"benchmark\": \"alexnet\", \"network\": \"%s\", \"precision\": \"%s\", "
                       "\"batch\": %d, \"forward_ms\": %.2f, \"backward_ms\": %.2f, "
                       "\"optimizer_ms\": %.2f, \"step_ms\": %.2f, \"images_per_second\": %.1f}\n"
                     : "AlexNet %s %s, batch %d: forward %.1f, backward %.1f, optimiser %.1f, step "
                       "%.1f ms, %.0f images/s\n",
              s.fast ? "fast" : "classic", s.bf16 ? "bf16" : "f32", static_cast<int>(s.batch),
              median(times.forward), median(times.backward), median(times.optimizer), step,
              static_cast<double>(s.batch) / step * 1e3);
}
