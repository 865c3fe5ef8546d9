#include <thread>
#include <vector>

#include <weft/nn/attempt.h>
#include <weft/nn/norm.h>
#include <weft/nn/sequential.h>
#include <weft/ops/dropout.h>
#include <weft/ops/make.h>
#include <weft/tests/catch.h>

using namespace weft;

namespace {

struct Trouble {};

// Lets the module work, then fails, as often as asked.
struct Failing : nn::Module {
  explicit Failing(std::shared_ptr<nn::Module> m) : inner(std::move(m)) {}
  Tensor forward(const Tensor& x) override {
    const Tensor y = dropout((*inner)(x), 0.5, true);
    if (failures-- > 0) throw Trouble();
    return y;
  }
  std::shared_ptr<nn::Module> inner;
  int failures = 1;
};

struct Catching : nn::Module {
  explicit Catching(nn::Module& m) : inner(m) {}
  Tensor forward(const Tensor& x) override {
    rand({4});
    try {
      return inner(x);
    } catch (const Trouble&) {
      return inner(x);
    }
  }
  nn::Module& inner;
};

std::uint64_t offset() { return default_generator().state().offset; }

}  // namespace

TEST_CASE("a module that throws has changed no statistics and drawn no numbers", "[attempt]") {
  manual_seed(3);
  const auto norm = std::make_shared<nn::BatchNorm1d>(2);
  Failing net(norm);
  const Tensor x = randn({8, 2});
  const auto before = offset();
  CHECK_THROWS_AS(net(x), Trouble);
  CHECK(offset() == before);
  CHECK(norm->num_batches_tracked.item<Index>() == 0);
  CHECK(norm->running_mean.to_vector<float>() == std::vector<float>{0, 0});
  CHECK(norm->running_var.to_vector<float>() == std::vector<float>{1, 1});
  net(x);
  CHECK(offset() == before + 4);
  CHECK(norm->num_batches_tracked.item<Index>() == 1);
  CHECK(norm->running_mean.to_vector<float>() != std::vector<float>{0, 0});
}

TEST_CASE("a failure that is caught inside takes back its own part only", "[attempt]") {
  const auto norm = std::make_shared<nn::BatchNorm1d>(2);
  Failing inner(norm);
  Catching net(inner);
  const auto before = offset();
  net(ones({8, 2}));
  CHECK(offset() == before + 1 + 4);
  CHECK(norm->num_batches_tracked.item<Index>() == 1);
  inner.failures = 2;
  CHECK_THROWS_AS(net(ones({8, 2})), Trouble);
  CHECK(offset() == before + 1 + 4);
  CHECK(norm->num_batches_tracked.item<Index>() == 1);
}

TEST_CASE("parameters made for a first input are taken back, wherever the module went",
          "[attempt]") {
  nn::BatchNorm1d layer(0);
  std::unique_ptr<nn::BatchNorm1d> moved;
  {
    nn::Attempt attempt;
    nn::BatchNorm1d gone(0);
    gone(ones({2, 3}));
    layer(ones({2, 3}));
    moved = std::make_unique<nn::BatchNorm1d>(std::move(layer));
  }
  CHECK_THROWS_AS(moved->parameters(), Error);
  (*moved)(ones({2, 5}));
  CHECK(moved->weight.sizes() == Shape{5});
}

TEST_CASE("what another thread drew stays drawn", "[attempt]") {
  const auto before = offset();
  {
    const nn::Attempt attempt;
    rand({4});
    std::thread([] { rand({4}); }).join();
    rand({8});
  }
  CHECK(offset() == before + 2);
  {
    const nn::Attempt attempt;
    rand({8});
    std::thread([] { rand({4}); }).join();
  }
  CHECK(offset() == before + 5);
  {
    nn::Attempt outer;
    rand({4});
    {
      nn::Attempt inner;
      rand({4});
      inner.keep();
    }
    Generator own;
    rand({4}, {}, &own);
  }
  CHECK(offset() == before + 5);
}

TEST_CASE("what was changed last is taken back first", "[attempt]") {
  std::vector<int> order;
  {
    const nn::Attempt attempt;
    for (int i : {1, 2}) nn::Attempt::on_failure([&order, i] { order.push_back(i); });
    {
      const nn::Attempt inner;
      for (int i : {3, 4}) nn::Attempt::on_failure([&order, i] { order.push_back(i); });
    }
    CHECK(order == std::vector<int>{4, 3});
  }
  CHECK(order == std::vector<int>{4, 3, 2, 1});
}
