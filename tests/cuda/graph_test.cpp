#include <cstring>

#include <weft/core/pinned.h>
#include <weft/tests/catch.h>
#include <weft/tests/cuda/simulated.h>
#include <weft/weft.h>

using namespace weft;

namespace {

Options there(DType t = f32) { return Options(t).device(kDevice); }

bool same_bits(const Tensor& a, const Tensor& b) {
  const Tensor x = a.cpu().contiguous(), y = b.cpu().contiguous();
  return x.dtype() == y.dtype() && x.sizes() == y.sizes() &&
         std::memcmp(x.data(), y.data(), x.nbytes()) == 0;
}

// A training run with all that a graph must do anew at each step: dropout, running statistics,
// moments of the optimiser, a schedule.
struct Training {
  Tensor x = empty({8, 3, 8, 8}, there()), t = zeros(8, there(i64)), loss;
  nn::Sequential net{nn::Conv2d(3, 8, 3),      nn::BatchNorm2d(8), nn::ReLU(),
                     nn::MaxPool2d(2),         nn::Dropout(0.4),   nn::Flatten(),
                     nn::Linear(8 * 3 * 3, 10)};
  std::unique_ptr<optim::Optimizer> optimizer;
  bool clip;

  Training(bool adam, bool clip) : clip(clip) {
    net.to(kDevice);
    if (adam) {
      optimizer = std::make_unique<optim::AdamW>(net.parameters(), optim::AdamWOptions{.lr = 0.01});
    } else {
      optimizer = std::make_unique<optim::SGD>(
          net.parameters(), optim::SGDOptions{.lr = 0.05, .momentum = 0.9, .weight_decay = 1e-3});
    }
  }
  void batch(int i) {
    Generator g(static_cast<std::uint64_t>(i));
    Tensor pictures = empty({8, 3, 8, 8});
    x.copy_(normal_(pictures, 0, 1, &g));
    t.copy_(tensor({0, 1, 2, 3, 4, 5, 6, 7}).to(i64));
    optimizer->groups()[0].options.lr = 0.05 / (1 + i);
  }
  void step() {
    optimizer->zero_grad();
    loss = cross_entropy(net(x), t);
    loss.backward();
    if (clip) nn::clip_grad_norm_(net.parameters(), 0.5);
    optimizer->step();
  }
};

struct Outcome {
  std::vector<float> losses;
  std::vector<Tensor> end;
  RandomKey random;
};

constexpr int kBefore = 3, kSteps = 9;

Outcome trained(bool adam, bool clip, bool as_graph) {
  manual_seed(11);
  Training training(adam, clip);
  Outcome outcome;
  const cuda::Stream side;
  const cuda::StreamGuard guard(side);
  cuda::Graph graph;
  for (int i = 0; i < kSteps; ++i) {
    training.batch(i);
    if (as_graph && i == kBefore) graph.capture([&] { training.step(); });
    if (as_graph && i >= kBefore) {
      graph.replay();
    } else {
      training.step();
    }
    outcome.losses.push_back(training.loss.item<float>());
  }
  for (const auto& [name, tensor] : training.net.state_dict()) outcome.end.push_back(tensor.cpu());
  for (const auto& [name, tensor] : training.optimizer->state_dict())
    outcome.end.push_back(tensor.cpu());
  outcome.random = default_generator().state();
  return outcome;
}

void same_run(bool adam, bool clip) {
  const Outcome eager = trained(adam, clip, false), replayed = trained(adam, clip, true);
  CHECK(eager.losses == replayed.losses);
  CHECK(eager.random == replayed.random);
  REQUIRE(eager.end.size() == replayed.end.size());
  for (std::size_t i = 0; i < eager.end.size(); ++i) {
    INFO("state " << i);
    CHECK(same_bits(eager.end[i], replayed.end[i]));
  }
}

}  // namespace

TEST_CASE("a training step as a graph gives the bits of the step by itself: SGD") {
  same_run(false, false);
}
TEST_CASE("a training step as a graph gives the bits of the step by itself: AdamW, clipped") {
  same_run(true, true);
}

TEST_CASE("a graph computes on the memory it was captured with, and its own is kept for it") {
  Tensor x = ones({64, 64}, there()), y;
  cuda::Graph graph;
  graph.capture([&] { y = (x * 3).relu() + 1; });
  const void* const inside = y.data();
  graph.replay();
  CHECK(y.sum().item<float>() == 4 * 64 * 64);
  x.fill_(-1);
  const Tensor other = full({64, 64}, 77, there());  // not where the graph works
  CHECK(other.data() != inside);
  graph.replay();
  CHECK(y.sum().item<float>() == 64 * 64);
  CHECK(other.sum().item<float>() == 77 * 64 * 64);
  y = {};
  graph.reset();
  empty_cache(kDevice);
  CHECK_THROWS_AS(graph.replay(), Error);
}

TEST_CASE("a graph captured amid autocast converts weights at each replay") {
  const Tensor x = ones({8, 8}, there());
  Tensor w = full({8, 8}, 2, there()).requires_grad_(), y;
  const AutocastGuard scope(bf16);
  CHECK(linear(x, w).sum().item<float>() == 2 * 8 * 64);  // keeps its conversion
  cuda::Graph graph;
  graph.capture([&] { y = linear(x, w); });
  CHECK(linear(x, w).sum().item<float>() == 2 * 8 * 64);  // not of the graph's
  {
    const NoGradGuard no_grad;
    w.fill_(3);
  }
  graph.replay();
  CHECK(y.sum().item<float>() == 3 * 8 * 64);
}

TEST_CASE("what a graph frees before its first random number does not overwrite that") {
  const Tensor x = ones({64, 512}, there());
  manual_seed(9);
  const Tensor expected = dropout(full({64, 512}, 2.0), 0.5);
  manual_seed(9);
  Tensor y;
  cuda::Graph graph;
  graph.capture([&] {
    Tensor before = x * 7;
    before = {};
    y = dropout(x * 2, 0.5);
  });
  graph.replay();
  CHECK(same_bits(y, expected));
}

TEST_CASE("random permutations in a graph differ from replay to replay as the CPU's do") {
  manual_seed(4);
  Tensor order;
  cuda::Graph graph;
  graph.capture([&] { order = randperm(100, there(i64)); });
  for (int i = 0; i < 3; ++i) {
    graph.replay();
    const auto got = order.cpu().to_vector<Index>();
    const RandomKey after = default_generator().state();
    default_generator().set_state({4, after.offset - 25});
    CHECK(got == randperm(100).to_vector<Index>());
    CHECK(default_generator().state() == after);
  }
}

TEST_CASE("there is no capture where nothing keeps its memory") {
  const AllocationMode before = allocation_mode();
  set_allocation_mode({.passthrough = true});
  cuda::Graph graph;
  CHECK_THROWS_WITH(graph.capture([] {}), Catch::Matchers::ContainsSubstring("pass-through mode"));
  set_allocation_mode(before);
  CHECK_FALSE(cuda::is_current_stream_capturing());
}

TEST_CASE("a replay whose optimizer is gone says so, and steps nothing") {
  Tensor p = ones(4, there()).requires_grad_();
  auto adam = std::make_unique<optim::Adam>(std::vector{p}, optim::AdamOptions{.lr = 0.5});
  const auto step = [&] {
    adam->zero_grad();
    dropout(p, 0.5).sum().backward();
    adam->step();
  };
  step();
  cuda::Graph graph;
  graph.capture(step);
  graph.replay();
  auto moved = std::make_unique<optim::Adam>(std::move(*adam));
  adam = {};
  const Tensor before = p.detach().clone();
  CHECK_THROWS_WITH(graph.replay(), Catch::Matchers::ContainsSubstring("optimizer that is gone"));
  CHECK(same_bits(p.detach(), before));
}

TEST_CASE("what cannot be captured says so, and leaves the graph and the allocator as they were") {
  const Tensor x = ones(10, there());
  cuda::Graph graph;
  const auto refuses = [&](auto f) {
    CHECK_THROWS_WITH(graph.capture(f),
                      Catch::Matchers::ContainsSubstring("while a graph is captured"));
    CHECK_FALSE(cuda::is_current_stream_capturing());
  };
  refuses([&] { (x + 1).sum().item(); });
  refuses([&] { (x + 1).cpu(); });
  refuses([&] { x.nonzero(); });
  refuses([&] { cuda::synchronize(); });
  refuses([&] {
    Generator own(3);
    Tensor y = empty(4, there());
    uniform_(y, 0, 1, &own);
  });
  refuses([&] {
    const Tensor p = ones(3, there()).requires_grad_();
    optim::SGD sgd({p}, {.lr = 1, .momentum = 0.9});
    p.sum().backward();
    sgd.step();
  });
  CHECK_THROWS_WITH(graph.capture_begin(), Catch::Matchers::ContainsSubstring("default stream"));
  CHECK_THROWS_WITH(graph.capture([&] { graph.replay(); }),
                    Catch::Matchers::ContainsSubstring("not captured"));
  CHECK_THROWS_WITH(graph.capture_end(), Catch::Matchers::ContainsSubstring("does not capture"));
  CHECK_THROWS_WITH(graph.replay(), Catch::Matchers::ContainsSubstring("not captured"));
  CHECK((x + 1).sum().item<float>() == 20);
  Tensor y;
  graph.capture([&] { y = x * 2; });
  graph.replay();
  CHECK(y.sum().item<float>() == 20);
}

TEST_CASE("a graph outlives nothing of its memory") {
  empty_cache(kDevice);
  const std::size_t before = memory_stats(kDevice).reserved;
  {
    const Tensor x = ones({512, 512}, there());
    Tensor y;
    cuda::Graph graph;
    graph.capture([&] { y = x.exp(); });
    for (int i = 0; i < 3; ++i) graph.replay();
    cuda::synchronize();
  }
  empty_cache(kDevice);
  CHECK(memory_stats(kDevice).reserved <= before);
}
