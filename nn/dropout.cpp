#include <weft/nn/dropout.h>

#include <weft/core/check.h>
#include <weft/ops/dropout.h>

namespace weft::nn {

Dropout::Dropout(double p) { set_p(p); }
void Dropout::set_p(double p) {
  if (!(p >= 0 && p <= 1)) fail<ValueError>("Dropout", "got p {}, expected 0 to 1", p);
  p_ = p;
}
Tensor Dropout::forward(const Tensor& x) { return dropout(x, p_, training()); }
std::string Dropout::extra_repr() const { return fmt::format("p={}", p_); }

}  // namespace weft::nn
