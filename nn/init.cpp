#include <weft/nn/init.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include <weft/autograd/mode.h>
#include <weft/core/check.h>
#include <weft/ops/make.h>

namespace weft::nn::init {

double calculate_gain(const std::string& nonlinearity, double negative_slope) {
  if (nonlinearity == "linear" || nonlinearity == "conv2d" || nonlinearity == "sigmoid") return 1;
  if (nonlinearity == "tanh") return 5.0 / 3;
  if (nonlinearity == "relu") return std::sqrt(2.0);
  if (nonlinearity == "leaky_relu") return std::sqrt(2 / (1 + negative_slope * negative_slope));
  if (nonlinearity == "selu") return 0.75;
  fail<ValueError>("calculate_gain",
                   "got \"{}\", expected linear, conv2d, sigmoid, tanh, relu, leaky_relu or selu",
                   nonlinearity);
}

Fans calculate_fans(const Tensor& t) {
  if (t.dim() < 2) {
    fail<ShapeError>("calculate_fans", "got a tensor of shape [{}], expected 2 or more dimensions",
                     fmt::join(t.sizes(), ", "));
  }
  Index field = 1;
  for (int d = 2; d < t.dim(); ++d) field *= t.sizes()[d];
  return {t.sizes()[1] * field, t.sizes()[0] * field};
}

Tensor uniform_(Tensor t, double low, double high, Generator* generator) {
  const NoGradGuard guard;
  return weft::uniform_(t, low, high, generator);
}

Tensor normal_(Tensor t, double mean, double std, Generator* generator) {
  const NoGradGuard guard;
  return weft::normal_(t, mean, std, generator);
}

namespace {

double normal_cdf(double x) { return (1 + std::erf(x / std::numbers::sqrt2)) / 2; }

// Solves erf(x) = y: a first guess (Winitzki 2008), then Halley's steps.
double inverse_erf(double y) {
  const double l = std::log1p(-y * y), a = 0.147;
  const double b = 2 / (std::numbers::pi * a) + l / 2;
  double x = std::copysign(std::sqrt(std::sqrt(b * b - l / a) - b), y);
  for (int i = 0; i < 3; ++i) {
    const double error = std::erf(x) - y;
    const double step = error / (2 * std::numbers::inv_sqrtpi * std::exp(-x * x));
    if (std::isfinite(step)) x -= step / (1 + x * step);
  }
  return x;
}

// The part u of the normal numbers from a to b standard deviations, a >= 5. There erf has no digits
// left; what is inverted is x exp(-x^2 / 2), whose shape is the same but for 1 / a^2.
double tail_quantile(double u, double a, double b) {
  const double all = -std::expm1((a - b) * (a + b) / 2);
  return a * std::sqrt(1 - 2 * std::log1p(-u * all) / a / a);
}

}  // namespace

Tensor trunc_normal_(Tensor t, double mean, double std, double low, double high,
                     Generator* generator) {
  if (!(low < high) || !(std > 0)) {
    fail<ValueError>("trunc_normal_", "got low {}, high {}, std {}, expected low < high, std > 0",
                     low, high, std);
  }
  const NoGradGuard guard;
  const double a = (low - mean) / std, b = (high - mean) / std;
  const double side = a >= 5 ? 1 : b <= -5 ? -1 : 0;  // of a tail alone
  Tensor u = empty(t.sizes(), DType::F64);
  // A uniform number between the bounds' quantiles is the quantile of the result.
  weft::uniform_(u, side != 0 ? 0 : 2 * normal_cdf(a) - 1, side != 0 ? 1 : 2 * normal_cdf(b) - 1,
                 generator);
  auto* p = u.data<double>();
  for (Index i = 0; i < u.numel(); ++i) {
    const double x = side > 0   ? tail_quantile(p[i], a, b)
                     : side < 0 ? -tail_quantile(p[i], -b, -a)
                                : std::numbers::sqrt2 * inverse_erf(p[i]);
    p[i] = std::clamp(mean + std * x, low, high);
  }
  return t.copy_(u);
}

Tensor constant_(Tensor t, double value) {
  const NoGradGuard guard;
  return t.fill_(value);
}
Tensor zeros_(Tensor t) { return constant_(std::move(t), 0); }
Tensor ones_(Tensor t) { return constant_(std::move(t), 1); }

Tensor xavier_uniform_(Tensor t, double gain, Generator* generator) {
  const Fans fans = calculate_fans(t);
  const double bound = gain * std::sqrt(6.0 / static_cast<double>(fans.in + fans.out));
  return init::uniform_(std::move(t), -bound, bound, generator);
}

Tensor xavier_normal_(Tensor t, double gain, Generator* generator) {
  const Fans fans = calculate_fans(t);
  const double std = gain * std::sqrt(2.0 / static_cast<double>(fans.in + fans.out));
  return init::normal_(std::move(t), 0, std, generator);
}

namespace {

double kaiming_std(const Tensor& t, double a, Fan mode, const std::string& nonlinearity) {
  const Fans fans = calculate_fans(t);
  const Index fan = mode == Fan::In ? fans.in : fans.out;
  return fan ? calculate_gain(nonlinearity, a) / std::sqrt(static_cast<double>(fan)) : 0;
}

}  // namespace

Tensor kaiming_uniform_(Tensor t, double a, Fan mode, const std::string& nonlinearity,
                        Generator* generator) {
  const double bound = std::sqrt(3.0) * kaiming_std(t, a, mode, nonlinearity);
  return init::uniform_(std::move(t), -bound, bound, generator);
}

Tensor kaiming_normal_(Tensor t, double a, Fan mode, const std::string& nonlinearity,
                       Generator* generator) {
  const double std = kaiming_std(t, a, mode, nonlinearity);
  return init::normal_(std::move(t), 0, std, generator);
}

}  // namespace weft::nn::init
