#pragma once

#include <concepts>

#include <weft/core/tensor.h>
#include <weft/ops/formula.h>
#include <weft/ops/kernels.h>

// What the functions of the elementwise ops call, exp(x), exp_(x), maximum(a, b): one line beside
// an op's struct makes its function. The work is in ops/elementwise.cpp.
namespace weft {

namespace detail {
WEFT_API Tensor unary(UnaryId, const Tensor& x, const void* op);
WEFT_API Tensor& unary_(UnaryId, Tensor& x, const void* op);
WEFT_API Tensor binary(BinaryId, const Tensor& a, const Tensor& b, const void* op);
WEFT_API Tensor binary(BinaryId, const Tensor& a, const Scalar& b, const void* op);
WEFT_API Tensor binary(BinaryId, const Scalar& a, const Tensor& b, const void* op);
WEFT_API Tensor& binary_(BinaryId, Tensor& a, const Tensor& b, const void* op);
WEFT_API Tensor& binary_(BinaryId, Tensor& a, const Scalar& b, const void* op);

template <class Op, class List>
struct IndexOf;
template <class Op, class... Rest>
struct IndexOf<Op, OpList<Op, Rest...>> {
  static constexpr int value = 0;
};
template <class Op, class First, class... Rest>
struct IndexOf<Op, OpList<First, Rest...>> {
  static constexpr int value = 1 + IndexOf<Op, OpList<Rest...>>::value;
};
}  // namespace detail

}  // namespace weft
