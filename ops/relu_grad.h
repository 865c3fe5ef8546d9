#pragma once

#include <weft/core/tensor.h>

// For .cpp files only: those of ops/.
namespace weft::detail {

// What relu lets through of g, given its output; in g's own memory where nobody else holds it.
Tensor relu_grad(Tensor& g, const Tensor& y);

}  // namespace weft::detail
