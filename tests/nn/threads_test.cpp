#include <weft/core/context.h>
#include <weft/core/threads.h>
#include <weft/ops/autocast.h>
#include <weft/tests/catch.h>
#include <weft/tests/nn/training.h>

using namespace weft;
using namespace weft::test;

namespace {

struct Switches {
  int threads = get_num_threads();
  bool winograd = float32_conv_winograd();
  Switches() { use_deterministic_algorithms(true); }
  ~Switches() {
    use_deterministic_algorithms(false);
    set_num_threads(threads);
    set_float32_conv_winograd(winograd);
  }
};

struct Setting {
  const char* name;
  Training::Size size;
  bool winograd = true, autocast = false;
};

// All states that a run of two steps goes through.
std::vector<Bytes> run(const Setting& setting, int threads) {
  set_num_threads(threads);
  set_float32_conv_winograd(setting.winograd);
  Training t(setting.size);
  std::vector<Bytes> states;
  for (int i = 0; i < 2; ++i) {
    {
      const AutocastGuard autocast(DType::BF16, setting.autocast);
      t.forward();
    }
    t.backward();
    t.clip();
    t.step();
    states.push_back(t.state());
    states.back()["loss"] = bytes_of(t.loss);
  }
  t.net.eval();
  const NoGradGuard no_grad;
  states.back()["evaluation"] = bytes_of(t.net(t.pictures));
  return states;
}

}  // namespace

TEST_CASE("training has the same bits for any number of threads in deterministic mode",
          "[threads]") {
  // Enough channels for Winograd behind the first layer, and so few that oneDNN, left alone, would
  // cut the batch among the threads; products beyond the small ones' limit.
  const Training::Size wide = {.channels = {32, 40, 48, 32, 32}, .hidden = {128}, .batch = 8};
  const Training::Size narrow = {
      .channels = {8, 8, 16, 8, 8}, .hidden = {256, 128}, .batch = 32, .adam = true};
  const Training::Size large = {.channels = {8, 12, 8, 8, 6},
                                .hidden = {128},
                                .batch = 8,
                                .side = 67,
                                .large_pictures = true};
  const Switches switches;
  for (const Setting& setting :
       {Setting{"Winograd", wide}, Setting{"no Winograd", wide, false}, Setting{"narrow", narrow},
        Setting{"large kernels", large}, Setting{"autocast", wide, true, true},
        Setting{"autocast, narrow", narrow, false, true}}) {
    const std::vector<Bytes> one = run(setting, 1);
    for (const int threads : {2, 4}) {
      INFO(setting.name << ", " << threads << " threads");
      const std::vector<Bytes> many = run(setting, threads);
      for (std::size_t i = 0; i < one.size(); ++i) CHECK(changes(one[i], many[i]) == "");
    }
  }
}
