#include <limits>

#include <weft/nn/linear.h>
#include <weft/nn/scheduler.h>
#include <weft/ops/make.h>
#include <weft/tests/catch.h>

// The numbers are what torch.optim.lr_scheduler of PyTorch 2.15 gives.
using namespace weft;
using Numbers = std::vector<double>;

namespace {

struct Bench {
  Tensor p = zeros({1}, Options(f32).requires_grad(true));
  optim::SGD sgd{{p}, {.lr = 0.1, .momentum = 0.9}};
};

void check(const Numbers& got, const Numbers& expected) {
  REQUIRE(got.size() == expected.size());
  for (std::size_t i = 0; i < got.size(); ++i) {
    INFO(i);
    CHECK(got[i] == Approx(expected[i]).epsilon(1e-12));
  }
}

Numbers rates(optim::Scheduler& s, std::size_t n) {
  Numbers list;
  for (std::size_t i = 0; i < n; ++i) {
    if (i) s.step();
    list.push_back(s.last_lr()[0]);
  }
  return list;
}

}  // namespace

TEST_CASE("steps and milestones") {
  Bench a, b;
  optim::StepLR step(a.sgd, 3, 0.5);
  check(rates(step, 10), {0.1, 0.1, 0.1, 0.05, 0.05, 0.05, 0.025, 0.025, 0.025, 0.0125});
  optim::MultiStepLR multi(b.sgd, {2, 5, 9}, 0.1);
  check(rates(multi, 10), {0.1, 0.1, 0.01, 0.01, 0.01, 0.001, 0.001, 0.001, 0.001, 0.0001});
}

TEST_CASE("cosine and warm-up, and one after the other") {
  Bench a, b, c;
  optim::CosineAnnealingLR cosine(a.sgd, 8, 0.01);
  check(rates(cosine, 9),
        {0.1, 0.096574578963007904, 0.08681980515339463, 0.072220754456429045, 0.055,
         0.037779245543570962, 0.023180194846605363, 0.013425421036992097, 0.01});
  optim::LinearLR linear(b.sgd, 0.25, 1, 4);
  check(rates(linear, 7), {0.025, 0.04375, 0.0625, 0.08125, 0.1, 0.1, 0.1});
  optim::SequentialLR both(c.sgd,
                           {std::make_shared<optim::LinearLR>(c.sgd, 0.1, 1, 3),
                            std::make_shared<optim::CosineAnnealingLR>(c.sgd, 5)},
                           {3});
  // The second was made at a rate of 0.01: its own base does not count.
  check(rates(both, 8), {0.01, 0.04, 0.07, 0.1, 0.090450849718747381, 0.065450849718747373,
                         0.034549150281252633, 0.0095491502812526333});
}

TEST_CASE("one cycle of rate and momentum") {
  Bench a;
  optim::OneCycleLR cycle(a.sgd, {.max_lr = 0.4, .total_steps = 10});
  Numbers got;
  for (int i = 0; i < 10; ++i) {
    if (i) cycle.step();
    got.push_back(a.sgd.groups()[0].options.lr);
    got.push_back(a.sgd.groups()[0].options.momentum);
  }
  check(got, {0.016,
              0.95,
              0.208,
              0.9,
              0.4,
              0.85,
              0.38019385280538953,
              0.85495155660487898,
              0.32469826157990522,
              0.86882550990706331,
              0.24450480877451572,
              0.88887395330218422,
              0.15549679122548429,
              0.91112604669781572,
              0.075303338420094804,
              0.93117449009293662,
              0.019807747194610516,
              0.94504844339512095,
              1.6e-06,
              0.95});
  cycle.step();
  CHECK_THROWS_AS(cycle.step(), ValueError);
  CHECK(cycle.last_step() == 10);

  Tensor p = zeros({1}, Options(f32).requires_grad(true));
  optim::Adam adam({p}, {.lr = 0.1});
  optim::OneCycleLR three(adam, {.max_lr = 0.4,
                                 .total_steps = 10,
                                 .pct_start = 0.4,
                                 .linear = true,
                                 .div_factor = 10,
                                 .final_div_factor = 100,
                                 .three_phase = true});
  got.clear();
  for (int i = 0; i < 10; ++i) {
    if (i) three.step();
    got.push_back(adam.groups()[0].options.lr);
    got.push_back(adam.groups()[0].options.beta1);
  }
  check(got, {0.04,   0.95,
              0.16,   0.91666666666666663,
              0.28,   0.8833333333333333,
              0.4,    0.85,
              0.28,   0.8833333333333333,
              0.16,   0.91666666666666663,
              0.04,   0.95,
              0.0268, 0.95,
              0.0136, 0.95,
              0.0004, 0.95});
}

TEST_CASE("a cycle with a phase of no length has finite rates") {
  for (const bool linear : {false, true}) {
    Bench a;
    optim::OneCycleLR cycle(a.sgd,
                            {.max_lr = 0.4, .total_steps = 4, .pct_start = 0.25, .linear = linear});
    CHECK(a.sgd.groups()[0].options.lr == 0.4);
    CHECK(a.sgd.groups()[0].options.momentum == 0.85);
    check(rates(cycle, 3),
          linear ? Numbers{0.4, 0.2666672, 0.1333344} : Numbers{0.4, 0.3000004, 0.1000012});
    cycle.step();
    CHECK(cycle.last_lr()[0] == Approx(1.6e-06).epsilon(1e-9));
  }
  for (const Index total : {1, 2, 3, 10, 64}) {
    for (const double start : {0.0, 0.1, 0.25, 1 / 3.0, 0.5, 1.0}) {
      for (const bool three : {false, true}) {
        CAPTURE(total, start, three);
        Bench a;
        optim::OneCycleLR cycle(
            a.sgd, {.max_lr = 0.4, .total_steps = total, .pct_start = start, .three_phase = three});
        for (const double rate : rates(cycle, static_cast<int>(total) + 1)) {
          CHECK((rate > 0 && rate <= 0.4 + 1e-12));
        }
      }
    }
  }
}

TEST_CASE("a schedule goes on where it was saved") {
  Bench a, b;
  optim::CosineAnnealingLR first(a.sgd, 8);
  rates(first, 4);
  b.sgd.groups()[0].options.lr = 0.5;
  optim::CosineAnnealingLR second(b.sgd, 8);
  second.load_state_dict(first.state_dict());
  CHECK(second.last_step() == 3);
  CHECK(second.last_lr() == first.last_lr());
  first.step();
  second.step();
  CHECK(second.last_lr() == first.last_lr());
  CHECK_THROWS_AS(second.load_state_dict({{"last_step", nn::number(Index{1})}}), ValueError);
  CHECK(second.last_step() == 4);
}

TEST_CASE("a rate that was changed before a save is there after the load") {
  Tensor p = zeros({1}, Options(f32).requires_grad(true)), q = zeros({1}).requires_grad_();
  const auto make = [&] {
    optim::SGD sgd({p}, {.lr = 0.1});
    sgd.add_group({q}, {.lr = 0.2});
    return sgd;
  };
  optim::SGD a = make(), b = make();
  optim::StepLR first(a, 2, 0.5), second(b, 2, 0.5);
  first.step();
  a.groups()[0].options.lr = 0.03;
  b.load_state_dict(a.state_dict());
  second.load_state_dict(first.state_dict());
  CHECK(b.groups()[0].options.lr == 0.03);
  for (int i = 0; i < 5; ++i) {
    first.step();
    second.step();
    CHECK(second.last_lr() == first.last_lr());
  }
  check(first.last_lr(), {0.03 / 8, 0.2 / 8});
}

TEST_CASE("a state that a schedule cannot go on from changes nothing") {
  Bench a, b;
  a.sgd.groups()[0].options.lr = b.sgd.groups()[0].options.lr = 0.04;
  const optim::OneCycleOptions options{.max_lr = 1, .total_steps = 20};
  optim::OneCycleLR first(a.sgd, options);
  for (int i = 0; i < 15; ++i) first.step();
  optim::OneCycleLR second(b.sgd, {.max_lr = 1, .total_steps = 10});
  CHECK_THROWS_AS(second.prepare_load(first.state_dict()), ValueError);
  for (const double step : {-1.0, 1e18, std::numeric_limits<double>::quiet_NaN()}) {
    auto state = second.state_dict();
    state[0].second = nn::number(step);
    CHECK(second.mismatches(state).size() == 1);
  }
  CHECK(second.last_step() == 0);
  CHECK(b.sgd.groups()[0].options.lr == Approx(0.04));
}

TEST_CASE("a chain of schedules multiplies, and goes on where it was saved") {
  struct Chain : Bench {
    optim::StepLR step{sgd, 2, 0.5};
    optim::LinearLR linear{sgd, 0.5, 1, 3};
    Numbers run(int n) {
      Numbers list;
      for (int i = 0; i < n; ++i) {
        list.push_back(sgd.groups()[0].options.lr);
        step.step();
        linear.step();
      }
      return list;
    }
  };
  Chain a, b;
  check(a.run(4), {0.05, 0.2 / 3, 0.125 / 3, 0.05});
  CHECK(a.step.base_lrs() == Numbers{0.1});
  CHECK(a.sgd.groups()[0].initial_lr == 0.1);
  b.step.load_state_dict(a.step.state_dict());  // in any order
  b.sgd.load_state_dict(a.sgd.state_dict());
  b.linear.load_state_dict(a.linear.state_dict());
  CHECK(b.step.last_lr() == a.step.last_lr());
  CHECK(a.run(5) == b.run(5));
}

TEST_CASE("a chain of schedules is one") {
  const auto chained = [](Bench& x) {
    return optim::ChainedScheduler({std::make_shared<optim::StepLR>(x.sgd, 2, 0.5),
                                    std::make_shared<optim::LinearLR>(x.sgd, 0.5, 1, 3)});
  };
  Bench a, b, c;
  optim::ChainedScheduler first = chained(a);
  check(rates(first, 4), {0.05, 0.2 / 3, 0.125 / 3, 0.05});
  CHECK(first.lr_at(3, 0.1) == Approx(0.05));
  optim::ChainedScheduler second = chained(b);
  b.sgd.load_state_dict(a.sgd.state_dict());
  second.load_state_dict(first.state_dict());
  CHECK(rates(second, 3) == rates(first, 3));
  CHECK(second.last_step() == 5);
  CHECK_THROWS_AS(optim::ChainedScheduler({}), ValueError);
  CHECK_THROWS_AS(optim::ChainedScheduler({std::make_shared<optim::StepLR>(a.sgd, 2)}, &c.sgd),
                  ValueError);
  CHECK_THROWS_AS(optim::ChainedScheduler({std::make_shared<optim::StepLR>(a.sgd, 2),
                                           std::make_shared<optim::StepLR>(c.sgd, 2)}),
                  ValueError);
}

TEST_CASE("a one-cycle schedule within another moves the momentum") {
  const optim::OneCycleOptions options{.max_lr = 1, .total_steps = 5};
  Bench alone, chained, sequence;
  optim::OneCycleLR one(alone.sgd, options);
  optim::ChainedScheduler chain({std::make_shared<optim::OneCycleLR>(chained.sgd, options)});
  optim::SequentialLR row(sequence.sgd,
                          {std::make_shared<optim::OneCycleLR>(sequence.sgd, options),
                           std::make_shared<optim::StepLR>(sequence.sgd, 1)},
                          {5});
  for (int i = 0; i < 4; ++i) {
    one.step(), chain.step(), row.step();
    const double momentum = alone.sgd.groups()[0].options.momentum;
    CHECK(chained.sgd.groups()[0].options.momentum == momentum);
    CHECK(sequence.sgd.groups()[0].options.momentum == momentum);
  }
  chain.step();
  CHECK_THROWS_AS(chain.step(), ValueError);
  CHECK(chain.last_step() == 5);
}

TEST_CASE("a schedule is resumed by its step alone") {
  Bench a, b;
  optim::StepLR first(a.sgd, 2, 0.5);
  rates(first, 4);
  CHECK_THROWS_AS(optim::StepLR(b.sgd, 2, 0.5, 3), ValueError);
  b.sgd.load_state_dict(a.sgd.state_dict());
  optim::StepLR second(b.sgd, 2, 0.5, 3);
  CHECK(second.last_step() == 4);
  first.step();
  check(second.last_lr(), first.last_lr());
}

TEST_CASE("schedules refuse what makes no sense") {
  Bench a;
  CHECK_THROWS_AS(optim::StepLR(a.sgd, 0), ValueError);
  CHECK_THROWS_AS(optim::CosineAnnealingLR(a.sgd, 0), ValueError);
  CHECK_THROWS_AS(optim::LinearLR(a.sgd, 0), ValueError);
  CHECK_THROWS_AS(optim::OneCycleLR(a.sgd, {.max_lr = 0.1}), ValueError);
  constexpr double kInf = std::numeric_limits<double>::infinity();
  for (const double factor : {0.0, -1.0, kInf - kInf, 1e-320}) {
    CAPTURE(factor);
    CHECK_THROWS_AS(
        optim::OneCycleLR(a.sgd, {.max_lr = 0.1, .total_steps = 5, .div_factor = factor}),
        ValueError);
    CHECK_THROWS_AS(
        optim::OneCycleLR(a.sgd, {.max_lr = 0.1, .total_steps = 5, .final_div_factor = factor}),
        ValueError);
  }
  CHECK_THROWS_AS(optim::OneCycleLR(a.sgd, {.max_lr = kInf, .total_steps = 5}), ValueError);
  CHECK_THROWS_AS(optim::SequentialLR(a.sgd, {}, {}), ValueError);
  CHECK_FALSE(a.sgd.groups()[0].initial_lr);
  CHECK(a.sgd.groups()[0].options.lr == 0.1);
}

TEST_CASE("one cycle leaves the momentum alone where it is told to") {
  Bench a;
  optim::OneCycleLR cycle(a.sgd, {.max_lr = 0.4, .total_steps = 10, .cycle_momentum = false});
  for (int i = 0; i < 9; ++i) {
    CHECK(a.sgd.groups()[0].options.momentum == 0.9);
    cycle.step();
  }
}
