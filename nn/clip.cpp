#include <weft/nn/clip.h>

#include <cmath>

#include <weft/autograd/record.h>
#include <weft/core/check.h>
#include <weft/ops/elementwise.h>
#include <weft/ops/make.h>
#include <weft/ops/reduce.h>
#include <weft/ops/shape.h>

namespace weft::nn {

namespace {

std::vector<Tensor> gradients(const char* op, const std::vector<Tensor>& parameters) {
  std::vector<Tensor> list;
  for (const Tensor& p : parameters) {
    if (Tensor g = p.grad(); g.defined()) list.push_back(g.detach());
  }
  for (const Tensor& g : list) autograd::check_inplace(op, g, false);
  return list;
}

}  // namespace

Tensor clip_grad_norm_(const std::vector<Tensor>& parameters, double max_norm, double norm_type,
                       bool error_if_nonfinite) {
  const NoGradGuard guard;
  std::vector<Tensor> grads = gradients("clip_grad_norm_", parameters), norms;
  if (grads.empty()) return zeros({});
  for (const Tensor& g : grads) norms.push_back(g.norm(norm_type).to(grads[0].device()));
  const Tensor total = stack(norms).norm(norm_type);
  if (total.device() != kCPU && !error_if_nonfinite) {  // without waiting for it
    const Tensor factor = (max_norm / (total.to(DType::F64) + 1e-6)).clamp({}, 1);
    for (Tensor& g : grads) g.mul_(factor.to(g.device()));
    return total;
  }
  const auto value = total.item<double>();
  if (error_if_nonfinite && !std::isfinite(value)) {
    fail<ValueError>("clip_grad_norm_", "got gradients of norm {}, expected a finite one", value);
  }
  // A NaN goes on into the gradients.
  const double scale = max_norm / (value + 1e-6);
  if (scale >= 1) return total;
  const Tensor factor = make_scalar(scale, DType::F64);  // once, and before anything changes
  for (Tensor& g : grads) g.mul_(factor);
  return total;
}

void clip_grad_value_(const std::vector<Tensor>& parameters, double clip_value) {
  if (!(clip_value >= 0)) {
    fail<ValueError>("clip_grad_value_", "got {}, expected 0 or more", clip_value);
  }
  const NoGradGuard guard;
  for (Tensor& g : gradients("clip_grad_value_", parameters)) g.clamp_(-clip_value, clip_value);
}

}  // namespace weft::nn
