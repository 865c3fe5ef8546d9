#include <weft/nn/loss.h>

namespace weft::nn {

Tensor CrossEntropyLoss::forward(const Tensor& x, const Tensor& target) {
  return cross_entropy(x, target, options_);
}
Tensor NLLLoss::forward(const Tensor& x, const Tensor& target) {
  return nll_loss(x, target, options_);
}
Tensor MSELoss::forward(const Tensor& x, const Tensor& target) {
  return mse_loss(x, target, reduction_);
}
Tensor L1Loss::forward(const Tensor& x, const Tensor& target) {
  return l1_loss(x, target, reduction_);
}
Tensor BCEWithLogitsLoss::forward(const Tensor& x, const Tensor& target) {
  return binary_cross_entropy_with_logits(x, target, options_);
}

}  // namespace weft::nn
