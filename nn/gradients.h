#pragma once

// For .cpp files only: what optimisers and modules do to the gradients of their parameters.
#include <weft/autograd/mode.h>
#include <weft/core/tensor.h>
#include <weft/ops/make.h>

namespace weft::nn {

// Takes the gradient away, or fills it with zeros where there is one. One that the tape knows makes
// way for a new one.
inline void clear_grad(Tensor& p, bool set_to_none) {
  const NoGradGuard guard;
  Tensor grad = set_to_none ? Tensor() : p.grad();
  if (!grad.defined() || grad.requires_grad()) {
    p.set_grad(grad.defined() ? zeros_like(grad.detach()) : Tensor());
  } else {
    grad.zero_();
  }
}

}  // namespace weft::nn
