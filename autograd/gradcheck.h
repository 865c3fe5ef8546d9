#pragma once

#include <functional>
#include <vector>

#include <weft/core/tensor.h>

namespace weft::autograd {

// A function of tensors whose outputs are to be differentiated.
using TensorFunction = std::function<std::vector<Tensor>(const std::vector<Tensor>&)>;

struct GradcheckOptions {
  double eps = 1e-6;  // step of the central differences
  double atol = 1e-5, rtol = 1e-3;
};

// Compares the gradients of f at `inputs` with central differences (f(x + eps) - f(x - eps)) / (2
// eps), element by element, for each input that requires grad. Those must be of f64: a ValueError
// tells otherwise. Throws AutogradError that names the first input, output and element that differ,
// with both numbers; returns true where all agree. f is called twice for each element of the
// inputs.
WEFT_API bool gradcheck(const TensorFunction& f, const std::vector<Tensor>& inputs,
                        const GradcheckOptions& options = {});

// The same for the gradients of f's gradients, at random grad_outputs.
WEFT_API bool gradgradcheck(const TensorFunction& f, const std::vector<Tensor>& inputs,
                            const GradcheckOptions& options = {});

}  // namespace weft::autograd
