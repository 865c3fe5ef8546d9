#include <weft/autograd/engine.h>
#include <weft/core/allocator.h>
#include <weft/nn/linear.h>
#include <weft/nn/optim.h>
#include <weft/ops/elementwise.h>
#include <weft/ops/make.h>
#include <weft/ops/reduce.h>
#include <weft/ops/shape.h>
#include <weft/tests/catch.h>

// The numbers are what torch.optim of PyTorch 2.15 gives for the same four steps in f64.
using namespace weft;
using Numbers = std::vector<double>;
using Catch::Matchers::ContainsSubstring;

namespace {

Tensor start() {
  Tensor p = tensor({1.0, -2.0, 0.5, 3.0}, f64);
  return p.requires_grad_();
}

void one_step(optim::Optimizer& optimizer, const Tensor& p, int i) {
  optimizer.zero_grad();
  const Tensor loss = p * p * tensor({1.0, 0.5, -2.0, 0.25}, f64) + p * (i + 1);
  loss.sum().backward();
  optimizer.step();
}

void check(const Tensor& p, const Numbers& expected) {
  const auto got = p.to_vector<double>();
  for (std::size_t i = 0; i < expected.size(); ++i) {
    INFO(i);
    CHECK(got[i] == Approx(expected[i]).epsilon(1e-12));
  }
}

template <class O>
void check_four(O&& optimizer, const Tensor& p, const Numbers& expected) {
  for (int i = 0; i < 4; ++i) one_step(optimizer, p, i);
  check(p, expected);
}

}  // namespace

TEST_CASE("SGD makes PyTorch's steps") {
  Tensor p = start();
  check_four(optim::SGD({p}, {.lr = 0.1}), p, {-0.4096, -2.2171, 0.4344, 1.49228125});
  p = start();
  check_four(optim::SGD({p}, {.lr = 0.1, .momentum = 0.9, .dampening = 0.1, .weight_decay = 0.01}),
             p, {-1.655613130089171, -2.061710470329758, 0.85589240685706469, 0.17194224651448647});
  p = start();
  const optim::SGDOptions nesterov{
      .lr = 0.1, .momentum = 0.9, .weight_decay = 0.01, .nesterov = true, .maximize = true};
  check_four(optim::SGD({p}, nesterov), p,
             {8.9642877033158435, -1.923063857725994, 1.0256732644808362, 7.9802082642327266});
}

TEST_CASE("Adam and AdamW make PyTorch's steps") {
  Tensor p = start();
  check_four(optim::Adam({p}, {.lr = 0.1, .weight_decay = 0.01}), p,
             {0.59983615535648771, -1.9102293207235286, 0.73453292564835004, 2.6013555952294976});
  p = start();
  check_four(optim::Adam({p}, {.lr = 0.1, .beta1 = 0.5, .beta2 = 0.6, .amsgrad = true}), p,
             {0.5973585957977362, -2.0112919509625811, 0.62105616713458001, 2.5977659000138611});
  p = start();
  check_four(optim::AdamW({p}, {.lr = 0.1, .weight_decay = 0.1}), p,
             {0.56633317014225404, -1.8445928601031607, 0.70156424816814622, 2.4890760071752842});
}

TEST_CASE("a saved optimiser goes on with the same bits") {
  Tensor p = start(), q = start();
  optim::Adam a({p}, {.lr = 0.1}), b({q}, {.lr = 0.5});
  one_step(a, p, 0);
  one_step(a, p, 1);
  {
    const NoGradGuard guard;
    q.copy_(p);
  }
  b.load_state_dict(a.state_dict());
  one_step(a, p, 2);
  one_step(b, q, 2);
  CHECK(p.to_vector<double>() == q.to_vector<double>());
}

TEST_CASE("an optimiser's state that does not fit changes nothing") {
  Tensor p = start(), q = ones({2}, Options(f64).requires_grad(true));
  optim::Adam a({p}), b({q});
  one_step(a, p, 0);
  const auto mismatches = b.mismatches(a.state_dict());
  REQUIRE(mismatches.size() == 2);
  CHECK(mismatches[0] == "state.0.exp_avg has shape [4], expected [2]");
  CHECK_THROWS_AS(b.load_state_dict(a.state_dict()), ValueError);
  CHECK(b.state_dict().size() == 10);
}

TEST_CASE("a step changes nothing if a gradient is wrong or memory runs out") {
  Tensor p = start(), q = start();
  optim::SGD sgd({p, q}, {.lr = 0.1, .momentum = 0.9});
  p.set_grad(ones({4}, f64));
  q.set_grad(ones({4}, f64));
  const std::size_t before = sgd.state_dict().size();
  for (int k = 1; k <= 2; ++k) {
    fail_allocation_at(static_cast<std::uint64_t>(k));
    CHECK_THROWS_AS(sgd.step(), OutOfMemory);
    fail_allocation_at(0);
    CHECK(p.to_vector<double>() == Numbers{1, -2, 0.5, 3});
    CHECK(sgd.state_dict().size() == before);
  }
  sgd.step();
  CHECK(p.to_vector<double>()[0] == 0.9);
}

TEST_CASE("groups have options of their own, and parameters without a gradient stay") {
  Tensor p = start(), q = start(), r = start();
  optim::SGD sgd({p}, {.lr = 0.1});
  sgd.add_group({q, r}, {.lr = 0.5});
  p.set_grad(ones({4}, f64));
  q.set_grad(ones({4}, f64));
  sgd.step();
  CHECK(p.to_vector<double>()[0] == Approx(0.9));
  CHECK(q.to_vector<double>()[0] == Approx(0.5));
  CHECK(r.to_vector<double>()[0] == 1);
  (q * q).sum().backward({}, false, true);
  sgd.zero_grad(false);
  CHECK(q.grad().to_vector<double>() == std::vector<double>(4, 0.0));
  CHECK_FALSE(q.grad().requires_grad());
  CHECK_FALSE(r.grad().defined());
  sgd.zero_grad();
  CHECK_FALSE(q.grad().defined());
}

TEST_CASE("optimisers refuse what makes no sense") {
  Tensor p = start();
  CHECK_THROWS_AS(optim::SGD({p}, {.lr = -1}), ValueError);
  CHECK_THROWS_AS(optim::SGD({p}, {.lr = 1, .nesterov = true}), ValueError);
  CHECK_THROWS_AS(optim::SGD({p, p}, {.lr = 1}), ValueError);
  CHECK_THROWS_AS(optim::SGD({p * 2.0}, {.lr = 1}), ValueError);
  CHECK_THROWS_AS(optim::SGD({Tensor()}, {.lr = 1}), ValueError);
  CHECK_NOTHROW(optim::SGD({ones({1})}, {.lr = 1}));  // may be frozen for now
  CHECK_THROWS_AS(optim::SGD({}, {.lr = 1}), ValueError);
  CHECK_THROWS_AS(optim::Adam({p}, {.beta1 = 1}), ValueError);
}

TEST_CASE("state follows a parameter to another dtype and another order in memory") {
  nn::Linear a(5, 4), b(5, 4);
  b.load_state_dict(a.state_dict());
  b.to(f64);
  optim::Adam one(a.parameters(), {.lr = 0.1}), other(b.parameters(), {.lr = 0.1});
  const auto step = [](optim::Adam& adam, nn::Linear& net, double sign) {
    const Tensor x = linspace(-1, 1, 15, f64).reshape({3, 5}).to(net.weight.dtype());
    adam.zero_grad();
    (net(x) * sign).square().sum().backward();
    adam.step();
  };
  step(one, a, 1);
  a.to(f64);
  step(one, a, 2);
  autograd::set_data(a.weight, a.weight.detach().t().contiguous().t());
  step(one, a, 3);
  for (int i = 1; i <= 3; ++i) step(other, b, i);
  CHECK((a.weight - b.weight).abs().max().item<double>() < 1e-4);
  CHECK(nn::find(one.state_dict(), "state.0.exp_avg")->dtype() == DType::F64);

  autograd::set_data(a.weight, ones({5, 5}, f64));
  a.weight.set_grad(ones({5, 5}, f64));
  const auto bias = a.bias.to_vector<double>();
  CHECK_THROWS_MATCHES(one.step(), ShapeError,
                       Catch::Matchers::MessageMatches(ContainsSubstring(
                           "got a parameter of shape [5, 5] that had shape [4, 5]")));
  CHECK(a.bias.to_vector<double>() == bias);
}

TEST_CASE("momentum that is off for a step goes on with what was gathered") {
  Tensor p = zeros({1}, Options(f64).requires_grad(true));
  optim::SGD sgd({p}, {.lr = 0.1, .momentum = 0.9});
  for (const double momentum : {0.9, 0.0, 0.9}) {
    sgd.groups()[0].options.momentum = momentum;
    p.set_grad(ones({1}, f64));
    sgd.step();
  }
  CHECK(p.item<double>() == Approx(-0.1 - 0.1 - 0.19).epsilon(1e-12));
}

TEST_CASE("a small gradient behind a large one keeps its digits") {
  Tensor p = zeros({1}, Options(f32).requires_grad(true));
  optim::Adam adam({p}, {.lr = 0.1, .beta1 = 0, .beta2 = 0, .eps = 0});
  for (const double g : {10.0, 1e-3, 1e-4}) {
    p.set_grad(full({1}, g));
    adam.step();
  }
  CHECK(p.item<double>() == Approx(-0.3).epsilon(1e-6));
}

TEST_CASE("a state without what a step of Adam leaves behind is not Adam's") {
  Tensor p = start(), q = start();
  optim::SGD sgd({p}, {.lr = 0.1});
  one_step(sgd, p, 0);
  optim::Adam adam({q});
  CHECK(adam.mismatches(sgd.state_dict()) ==
        std::vector<std::string>{"state.0.exp_avg is missing", "state.0.exp_avg_sq is missing"});
  one_step(adam, q, 0);
  auto state = adam.state_dict();
  std::erase_if(state, [](const auto& entry) { return entry.first == "state.0.step"; });
  CHECK(adam.mismatches(state) == std::vector<std::string>{"state.0.step is missing"});
}

TEST_CASE("a gradient laid out otherwise than its parameter") {
  for (const bool turned : {false, true}) {
    Tensor p = zeros({2, 3}, Options(f64).requires_grad(true));
    const Tensor g = tensor({1.0, 2.0, 3.0, 4.0, 5.0, 6.0}, f64).reshape({2, 3});
    p.set_grad(turned ? g.t().contiguous().t() : g);
    optim::SGD(std::vector<Tensor>{p}, {.lr = 1}).step();
    check(p, {-1, -2, -3, -4, -5, -6});
  }
}

TEST_CASE("a step counts as a change in place") {
  Tensor p = start();
  optim::SGD sgd({p}, {.lr = 0.1});
  const Tensor loss = (p * p).sum(), kept = (p * p).sum();
  loss.backward();
  sgd.step();
  CHECK_THROWS_AS(kept.backward(), AutogradError);
}
