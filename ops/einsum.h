#pragma once

#include <span>
#include <string>

#include <weft/core/tensor.h>

// Sums of products by Einstein's convention.
namespace weft {

// equation: "ij,jk->ik": a letter for each dimension of each tensor, then those of the result. What
// the result lacks is summed over; a letter that a tensor has twice takes its diagonal; "..."
// stands for the dimensions that have no letter, which broadcast. Without "->" the result has "..."
// and the letters that come once, in alphabetical order, capitals first. Tensors are joined from
// left to right, by products of matrices where something is summed. Throws ValueError for an
// equation that says nothing and ShapeError for tensors that it does not fit.
WEFT_API Tensor einsum(const std::string& equation, std::span<const Tensor> tensors);
inline Tensor einsum(const std::string& equation, std::initializer_list<Tensor> tensors) {
  return einsum(equation, std::span(tensors.begin(), tensors.size()));
}

}  // namespace weft
