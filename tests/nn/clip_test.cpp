#include <cmath>
#include <limits>

#include <weft/nn/clip.h>
#include <weft/nn/grad_scaler.h>
#include <weft/ops/make.h>
#include <weft/tests/catch.h>

using namespace weft;

namespace {

Tensor with_grad(const Tensor& grad) {
  Tensor p = zeros(grad.sizes(), Options(grad.dtype()).requires_grad(true));
  p.set_grad(grad);
  return p;
}

}  // namespace

TEST_CASE("gradients are scaled together to a norm") {
  const Tensor a = with_grad(tensor({3.0, 0.0}, f64)), b = with_grad(tensor({4.0}, f64));
  const Tensor none = zeros({2}, Options(f64).requires_grad(true));
  CHECK(nn::clip_grad_norm_({a, none, b}, 10).item<double>() == 5);
  CHECK(a.grad().to_vector<double>()[0] == 3);
  CHECK(nn::clip_grad_norm_({a, none, b}, 1).item<double>() == 5);
  CHECK(a.grad().to_vector<double>()[0] == Approx(0.6).epsilon(1e-6));
  CHECK(b.grad().to_vector<double>()[0] == Approx(0.8).epsilon(1e-6));
  const double infinity = std::numeric_limits<double>::infinity();
  CHECK(nn::clip_grad_norm_({a, b}, 0.4, infinity).item<double>() == Approx(0.8));
  CHECK(a.grad().to_vector<double>()[0] == Approx(0.3).epsilon(1e-5));
  CHECK(nn::clip_grad_norm_({none}, 1).item<double>() == 0);
}

TEST_CASE("a norm that is not finite can be refused") {
  const Tensor a = with_grad(tensor({1.0, std::numeric_limits<double>::infinity()}, f64));
  CHECK_THROWS_AS(nn::clip_grad_norm_({a}, 1, 2, true), ValueError);
  CHECK(a.grad().to_vector<double>()[0] == 1);
}

TEST_CASE("a norm that is NaN goes on into every gradient") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const Tensor a = with_grad(tensor({1.0, nan}, f64)), b = with_grad(tensor({2.0}, f64));
  CHECK(std::isnan(nn::clip_grad_norm_({a, b}, 1).item<double>()));
  CHECK(std::isnan(a.grad().to_vector<double>()[0]));
  CHECK(std::isnan(b.grad().to_vector<double>()[0]));
}

TEST_CASE("gradients are clamped one by one") {
  const Tensor a = with_grad(tensor({-3.0, 0.5}, f64));
  nn::clip_grad_value_({a}, 1);
  CHECK(a.grad().to_vector<double>() == std::vector<double>{-1, 0.5});
}

TEST_CASE("a gradient that cannot be changed in place keeps others from being clipped") {
  Tensor p = ones({3}).requires_grad_(), q = ones({3}).requires_grad_();
  p.set_grad(full({3}, 2.0f));
  q.set_grad(ones({1}).expand({3}));
  CHECK_THROWS_AS(nn::clip_grad_norm_({p, q}, 0.1), ShapeError);
  CHECK_THROWS_AS(nn::clip_grad_value_({p, q}, 0.1), ShapeError);
  optim::SGD sgd({p, q}, {.lr = 1});
  amp::GradScaler scaler({.init_scale = 4});
  CHECK_THROWS_AS(scaler.unscale_(sgd), ShapeError);
  CHECK(p.grad().to_vector<float>() == std::vector<float>{2, 2, 2});
}
