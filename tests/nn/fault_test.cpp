#include <weft/core/threads.h>
#include <weft/tests/nn/faults.h>

using namespace weft;
using namespace weft::test;

namespace {

struct Threads {
  explicit Threads(int n) : before(get_num_threads()) { set_num_threads(n); }
  ~Threads() { set_num_threads(before); }
  int before;
};

struct Outcome {
  Bytes state;
  std::string loss;
};

// The gradients of the second step are added to those of the first.
template <class EachStep>
std::vector<Outcome> train(Training& t, int steps, EachStep&& each_step) {
  std::vector<Outcome> outcomes;
  for (int i = 0; i < steps; ++i) {
    if (i == 2) t.optimizer->zero_grad();
    each_step(t);
    outcomes.push_back({t.state(), bytes_of(t.loss)});
    t.loss = {};
  }
  return outcomes;
}

std::vector<Outcome> undisturbed(const Training::Size& size, int steps) {
  Training t(size);
  return train(t, steps, [](Training& u) {
    u.forward();
    if (!u.optimizer) u.add_optimizer();
    u.backward();
    u.clip();
    u.step();
  });
}

void check_same(const std::vector<Outcome>& got, const std::vector<Outcome>& expected) {
  for (std::size_t i = 0; i < expected.size(); ++i) {
    INFO("step " << i);
    CHECK(changes(expected[i].state, got[i].state) == "");
    CHECK((got[i].loss == expected[i].loss));
  }
}

}  // namespace

TEST_CASE("a training step in which any allocation fails changes nothing and can be tried again",
          "[fault]") {
  for (const int threads : {1, 2}) {
    const Threads set(threads);
    Training::Size size;  // with two threads: large enough for both to work
    if (threads == 2) size = {.channels = {8, 32, 48, 32, 32}, .hidden = {64}, .batch = 8};
    size.adam = threads == 2;
    const int steps = threads == 2 ? 1 : 3;
    const std::vector<Outcome> expected = undisturbed(size, steps);
    Training t(size);
    int forward = 0, backward = 0, step = 0;
    check_same(
        train(t, steps,
              [&](Training& u) {
                forward = fail_all(u, "forward", [&] { u.forward(); });
                backward = fail_all(u, "backward", [&] { u.backward(true); });
                fail_all(u, "clip the norm", [&] { nn::clip_grad_norm_(u.net.parameters(), 0.5); });
                fail_all(u, "clip values", [&] { nn::clip_grad_value_(u.net.parameters(), 0.02); });
                step += fail_all(u, "step", [&] { u.step(); });
              }),
        expected);
    CHECK(forward > 50);
    CHECK(backward > 50);
    CHECK(step > 5);  // the momentum's buffers
  }
}

TEST_CASE("parameters that are made in a pass that fails are made anew", "[fault]") {
  const Threads one(1);
  const Training::Size size = {.lazy = true};
  const int steps = 2;
  const std::vector<Outcome> expected = undisturbed(size, steps);
  Training t(size);
  check_same(train(t, steps,
                   [&](Training& u) {
                     fail_all(u, "forward", [&] { u.forward(); });
                     if (!u.optimizer) u.add_optimizer();
                     u.backward();
                     u.clip();
                     u.step();
                   }),
             expected);
}

TEST_CASE("a graph that was to be freed is gone after a failure, and nothing else", "[fault]") {
  const Threads one(1);
  Training t;
  const std::size_t in_use = memory_stats().in_use;
  const Bytes before = t.state();
  const RandomKey generator = default_generator().state();
  nn::StateDict buffers;
  for (const auto& [name, tensor] : t.net.named_buffers())
    buffers.emplace_back(name, tensor.clone());
  const std::size_t with_copies = memory_stats().in_use;
  for (int k = 1; k < 2000; ++k) {
    INFO("allocation " << k);
    t.forward();
    const bool done = survives(static_cast<std::uint64_t>(k), [&] { t.backward(); });
    t.loss = {};
    if (done) break;
    CHECK(memory_stats().in_use == with_copies);
    t.net.load_matching(buffers);
    default_generator().set_state(generator);
    REQUIRE(changes(before, t.state()) == "");
  }
  buffers.clear();
  t.optimizer->zero_grad();
  CHECK(memory_stats().in_use == in_use);
}
