#include <weft/nn/dropout.h>

#include <weft/core/check.h>
#include <weft/ops/dropout.h>

namespace weft::nn {

Dropout::Dropout(double p, bool inplace) : inplace_(inplace) { set_p(p); }
void Dropout::set_p(double p) {
  if (!(p >= 0 && p <= 1)) fail<ValueError>("Dropout", "got p {}, expected 0 to 1", p);
  p_ = p;
}
Tensor Dropout::forward(const Tensor& x) {
  Tensor y = x;
  return inplace_ ? dropout_(y, p_, training()) : dropout(x, p_, training());
}
std::string Dropout::extra_repr() const {
  return fmt::format("p={}, inplace={}", p_, inplace_ ? "True" : "False");
}

}  // namespace weft::nn
