#include <weft/nn/activation.h>

#include <weft/core/check.h>
#include <weft/ops/elementwise.h>

namespace weft::nn {

Tensor Module::forward_relu(const Tensor& x) { return relu((*this)(x)); }
Tensor Module::forward_gelu(const Tensor& x, const char* approximate) {
  return gelu((*this)(x), approximate);
}

Tensor ReLU::forward(const Tensor& x) {
  Tensor y = x;
  return inplace_ ? relu_(y) : relu(x);
}
Tensor LeakyReLU::forward(const Tensor& x) {
  Tensor y = x;
  return inplace_ ? leaky_relu_(y, slope_) : leaky_relu(x, slope_);
}
Tensor SiLU::forward(const Tensor& x) {
  Tensor y = x;
  return inplace_ ? silu_(y) : silu(x);
}
Tensor GELU::forward(const Tensor& x) { return gelu(x, approximate_.c_str()); }
Tensor Softplus::forward(const Tensor& x) { return softplus(x, beta_, threshold_); }
Tensor Sigmoid::forward(const Tensor& x) { return sigmoid(x); }
Tensor Tanh::forward(const Tensor& x) { return tanh(x); }

std::string LeakyReLU::extra_repr() const {
  return fmt::format("negative_slope={}{}", slope_, inplace_ ? ", inplace=True" : "");
}
std::string Softplus::extra_repr() const {
  return fmt::format("beta={}, threshold={}", beta_, threshold_);
}

GELU::GELU(std::string approximate) : approximate_(std::move(approximate)) {
  if (approximate_ != "none" && approximate_ != "tanh") {
    fail<ValueError>("GELU", "got approximate \"{}\", expected none or tanh", approximate_);
  }
}

}  // namespace weft::nn
