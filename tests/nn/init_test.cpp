#include <algorithm>
#include <cmath>

#include <weft/nn/init.h>
#include <weft/nn/linear.h>
#include <weft/ops/make.h>
#include <weft/tests/catch.h>

using namespace weft;
namespace init = nn::init;

namespace {

struct Moments {
  double mean = 0, std = 0, low = 1e300, high = -1e300;
};

Moments moments(const Tensor& t) {
  Moments m;
  const auto values = t.to_vector<double>();
  const double n = static_cast<double>(values.size());
  for (double v : values) {
    m.mean += v / n;
    m.low = std::min(m.low, v);
    m.high = std::max(m.high, v);
  }
  for (double v : values) m.std += (v - m.mean) * (v - m.mean) / n;
  m.std = std::sqrt(m.std);
  return m;
}

}  // namespace

TEST_CASE("initial values have the bounds and moments of their papers") {
  Generator g(3);
  const Tensor t = empty({200, 50, 2, 2});  // fan in 200, fan out 800
  const auto check = [&](double std, double bound) {
    const Moments m = moments(t);
    CHECK(m.mean == Approx(0.0).margin(4 * std / 200));
    CHECK(m.std == Approx(std).epsilon(0.02));
    if (bound > 0) {
      CHECK(m.high <= bound);
      CHECK(m.high > 0.99 * bound);
      CHECK(m.low >= -bound);
    }
  };
  init::xavier_uniform_(t, 2, &g);
  check(2 * std::sqrt(2.0 / 1000), 2 * std::sqrt(6.0 / 1000));
  init::xavier_normal_(t, 1, &g);
  check(std::sqrt(2.0 / 1000), 0);
  init::kaiming_uniform_(t, std::sqrt(5.0), init::Fan::In, "leaky_relu", &g);
  check(std::sqrt(1.0 / 600), std::sqrt(1.0 / 200));
  init::kaiming_normal_(t, 0, init::Fan::Out, "relu", &g);
  check(std::sqrt(2.0 / 800), 0);
  // The variance of N(0, 1) between -1 and 1: 1 - 2 phi(1) / (2 Phi(1) - 1).
  init::trunc_normal_(t, 0, 0.5, -0.5, 0.5, &g);
  check(0.5 * std::sqrt(1 - 2 * 0.24197072451914337 / 0.6826894921370859), 0.5);
}

TEST_CASE("bounds far from the mean have the tail's numbers") {
  Generator g;
  Tensor t = empty({40000}, f64);
  init::trunc_normal_(t, 0, 1, 9, 11, &g);
  CHECK(moments(t).mean == Approx(9.1085).margin(0.003));  // phi(9) / (1 - Phi(9))
  CHECK(moments(t).low >= 9);
  CHECK(moments(t).high <= 11);
  init::trunc_normal_(t, 0, 1, -11, -9, &g);
  CHECK(moments(t).mean == Approx(-9.1085).margin(0.003));
  CHECK(moments(t).high <= -9);
  init::trunc_normal_(t, 3, 0.05, -2, 2, &g);
  CHECK(moments(t).mean == Approx(1.9975).margin(0.0002));
  CHECK(moments(t).high <= 2);
}

TEST_CASE("gains are PyTorch's") {
  CHECK(init::calculate_gain("relu") == Approx(1.4142135623730951));
  CHECK(init::calculate_gain("tanh") == Approx(1.6666666666666667));
  CHECK(init::calculate_gain("leaky_relu", 0.2) == Approx(1.3867504905630728));
  CHECK_THROWS_AS(init::calculate_gain("step"), ValueError);
  CHECK_THROWS_AS(init::calculate_fans(ones({3})), ShapeError);
}

TEST_CASE("parameters are initialised off the tape, the same from the same seed") {
  manual_seed(7);
  nn::Linear a(64, 32);
  manual_seed(7);
  nn::Linear b(64, 32);
  CHECK(a.weight.to_vector<float>() == b.weight.to_vector<float>());
  CHECK(moments(a.weight).high <= 0.125);
  CHECK(moments(a.weight).std == Approx(0.125 / std::sqrt(3.0)).epsilon(0.05));
  init::constant_(a.bias, 2);
  CHECK(a.bias.requires_grad());
  CHECK(a.bias.is_leaf());
  CHECK(moments(a.bias).mean == 2);
}
