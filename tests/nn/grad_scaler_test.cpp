#include <cmath>
#include <limits>

#include <weft/nn/grad_scaler.h>
#include <weft/ops/elementwise.h>
#include <weft/ops/make.h>
#include <weft/ops/reduce.h>
#include <weft/tests/catch.h>

using namespace weft;

namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

struct Fixture {
  Tensor p = ones(2).requires_grad_();
  optim::SGD sgd{{p}, {.lr = 1}};
  amp::GradScaler scaler{{.init_scale = 4, .growth_interval = 2}};

  // A step whose gradient, before scaling, is g.
  bool step(float g) {
    sgd.zero_grad();
    scaler.scale((p * g).sum()).backward();
    const bool stepped = scaler.step(sgd);
    scaler.update();
    return stepped;
  }
};

}  // namespace

TEST_CASE("a scale grows after good steps, and falls where a gradient overflows") {
  // torch.amp.GradScaler("cpu", 4, growth_interval=2), torch 2.15, with the same gradients
  const float gradients[] = {1, 1, kInfinity, 1, 1, 1, 1, NAN, NAN};
  const double scales[] = {4, 8, 4, 4, 8, 8, 16, 8, 4};
  Fixture f;
  double expected = 1;
  for (std::size_t i = 0; i < std::size(scales); ++i) {
    INFO("step " << i);
    const bool good = std::isfinite(gradients[i]);
    CHECK(f.step(gradients[i]) == good);
    if (good) expected -= 1;
    CHECK(f.scaler.get_scale() == scales[i]);
    CHECK(f.p.to_vector<float>() == std::vector<float>(2, static_cast<float>(expected)));
  }
}

TEST_CASE("gradients may be looked at unscaled before the step") {
  Fixture f;
  f.scaler.scale((f.p * 3).sum()).backward();
  CHECK(f.p.grad().to_vector<float>() == std::vector<float>{12, 12});
  f.scaler.unscale_(f.sgd);
  CHECK(f.p.grad().to_vector<float>() == std::vector<float>{3, 3});
  CHECK_THROWS_AS(f.scaler.unscale_(f.sgd), Error);
  CHECK(f.scaler.step(f.sgd));
  CHECK_THROWS_AS(f.scaler.step(f.sgd), Error);
  f.scaler.update();
  CHECK_THROWS_AS(f.scaler.update(), Error);
}

TEST_CASE("a scaler that is off passes all on, and bad numbers are refused") {
  amp::GradScaler off({.enabled = false});
  Fixture f;
  off.scale((f.p * 3).sum()).backward();
  CHECK(off.step(f.sgd));
  off.update();
  CHECK(off.get_scale() == 1);
  CHECK(f.p.to_vector<float>() == std::vector<float>{-2, -2});
  CHECK(off.state_dict().empty());
  CHECK_THROWS_AS(amp::GradScaler({.init_scale = 0}), ValueError);
  CHECK_THROWS_AS(amp::GradScaler({.growth_factor = 1}), ValueError);
  CHECK_THROWS_AS(amp::GradScaler({.backoff_factor = 1}), ValueError);
  CHECK_THROWS_AS(amp::GradScaler({.growth_interval = 0}), ValueError);
  optim::SGD idle({ones(1).requires_grad_()}, {});
  CHECK_THROWS_AS(f.scaler.unscale_(idle), Error);
}

TEST_CASE("a scaler's state goes on where it was saved") {
  Fixture a, b;
  a.step(1);
  b.scaler.load_state_dict(a.scaler.state_dict());
  a.step(1);
  b.step(1);
  CHECK(a.scaler.get_scale() == 8);
  CHECK(b.scaler.get_scale() == 8);
  nn::StateDict bad = a.scaler.state_dict();
  bad.pop_back();
  CHECK_THROWS_AS(b.scaler.load_state_dict(bad), ValueError);
}
