#pragma once

#include <weft/ops/formula.h>
#include <weft/ops/kernels.h>

// The functions of the elementwise ops: exp(x), exp_(x), maximum(a, b). They are objects, so that
// one line beside an op's struct makes its function; the work is in ops/elementwise.cpp.
namespace weft {

class Tensor;
class Scalar;

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

// List is the op list the op stands in. Parameters are the members of Op, in their order.
template <class Op, class List>
struct UnaryFunction {
  static constexpr UnaryId id{detail::IndexOf<Op, List>::value};
  template <class... P, class R = Tensor>  // R: Tensor is complete only where this is called
  R operator()(const Tensor& x, P... parameters) const {
    const Op op{parameters...};
    return detail::unary(id, x, &op);
  }
};

template <class Op, class List>
struct UnaryInPlace {
  template <class... P>
  Tensor& operator()(Tensor& x, P... parameters) const {
    const Op op{parameters...};
    return detail::unary_(UnaryFunction<Op, List>::id, x, &op);
  }
};

template <class Op, class List>
struct BinaryFunction {
  static constexpr BinaryId id{detail::IndexOf<Op, List>::value};
  template <class A, class B, class R = Tensor>
  R operator()(const A& a, const B& b) const {
    const Op op{};
    return detail::binary(id, a, b, &op);
  }
};

}  // namespace weft
