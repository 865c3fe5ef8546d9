#pragma once

#include <weft/ops/comparisons.h>
#include <weft/ops/formula.h>
#include <weft/ops/function.h>

// Elementwise ops of two tensors that broadcast: a struct each, and its function. See ops/unary.h.
//   forward(a, b); grad_a(g, a, b, y) and grad_b(g, a, b, y): the gradients of a and b from that of
//   y.
namespace weft {

namespace op {
using namespace formula;

struct Add {
  static constexpr const char *name = "add", *doc = "a + alpha * b";
  static constexpr Domain domain = Domain::All;
  static constexpr Reads reads = Reads::Nothing;
  double alpha = 1;
  template <class T>
  WEFT_HD T forward(T a, T b) const {
    return a + b * T(alpha);
  }
  template <class T>
  WEFT_HD T grad_a(T g, T, T, T) const {
    return g;
  }
  template <class T>
  WEFT_HD T grad_b(T g, T, T, T) const {
    return g * T(alpha);
  }
};

struct Sub {
  static constexpr const char *name = "sub", *doc = "a - alpha * b";
  static constexpr Domain domain = Domain::Number;
  static constexpr Reads reads = Reads::Nothing;
  double alpha = 1;
  template <class T>
  WEFT_HD T forward(T a, T b) const {
    return a - b * T(alpha);
  }
  template <class T>
  WEFT_HD T grad_a(T g, T, T, T) const {
    return g;
  }
  template <class T>
  WEFT_HD T grad_b(T g, T, T, T) const {
    return g * T(-alpha);
  }
};

struct Mul {
  static constexpr const char *name = "mul", *doc = "a * b";
  static constexpr Domain domain = Domain::All;
  static constexpr Reads reads = Reads::Input;
  template <class T>
  WEFT_HD T forward(T a, T b) const {
    return a * b;
  }
  template <class T>
  WEFT_HD T grad_a(T g, T, T b, T) const {
    return g * b;
  }
  template <class T>
  WEFT_HD T grad_b(T g, T a, T, T) const {
    return g * a;
  }
};

struct Div {
  static constexpr const char *name = "div", *doc = "a / b; of integers too";
  static constexpr Domain domain = Domain::Floating;
  static constexpr Reads reads = Reads::Input;
  template <class T>
  WEFT_HD T forward(T a, T b) const {
    return a / b;
  }
  template <class T>
  WEFT_HD T grad_a(T g, T, T b, T) const {
    return g / b;
  }
  template <class T>
  WEFT_HD T grad_b(T g, T a, T b, T) const {
    return -g * ((a / b) / b);
  }
};

struct TruncDiv {
  static constexpr const char *name = "div_trunc", *doc = "a / b rounded towards zero";
  static constexpr Domain domain = Domain::Number;
  static constexpr Reads reads = Reads::Nothing;
  template <class T>
  WEFT_HD T forward(T a, T b) const {
    return trunc_div(a, b);
  }
  template <class T>
  WEFT_HD T grad_a(T g, T, T, T) const {
    return g * T(0);
  }
  template <class T>
  WEFT_HD T grad_b(T g, T, T, T) const {
    return g * T(0);
  }
};

struct FloorDiv {
  static constexpr const char *name = "div_floor", *doc = "a / b rounded down";
  static constexpr Domain domain = Domain::Number;
  static constexpr Reads reads = Reads::Nothing;
  template <class T>
  WEFT_HD T forward(T a, T b) const {
    return floor_div(a, b);
  }
  template <class T>
  WEFT_HD T grad_a(T g, T, T, T) const {
    return g * T(0);
  }
  template <class T>
  WEFT_HD T grad_b(T g, T, T, T) const {
    return g * T(0);
  }
};

struct Fmod {
  static constexpr const char *name = "fmod", *doc = "a - b * trunc(a / b), exactly";
  static constexpr Domain domain = Domain::Number;
  static constexpr Reads reads = Reads::Input;
  template <class T>
  WEFT_HD T forward(T a, T b) const {
    return trunc_rem(a, b);
  }
  template <class T>
  WEFT_HD T grad_a(T g, T, T, T) const {
    return g;
  }
  template <class T>
  WEFT_HD T grad_b(T g, T a, T b, T) const {
    return -g * trunc_div(a, b);
  }
};

struct Remainder {
  static constexpr const char *name = "remainder",
                              *doc = "a - b * floor(a / b), exactly: of b's sign, as Python's %";
  static constexpr Domain domain = Domain::Number;
  static constexpr Reads reads = Reads::Input;
  template <class T>
  WEFT_HD T forward(T a, T b) const {
    return floor_rem(a, b);
  }
  template <class T>
  WEFT_HD T grad_a(T g, T, T, T) const {
    return g;
  }
  template <class T>
  WEFT_HD T grad_b(T g, T a, T b, T) const {
    return -g * floor_div(a, b);
  }
};

struct Pow {
  static constexpr const char *name = "pow", *doc = "a to the power b";
  static constexpr Domain domain = Domain::All;
  static constexpr Reads reads = Reads::Both;
  template <class T>
  WEFT_HD T forward(T a, T b) const {
    return pow(a, b);
  }
  // b == 0 gives 0 also where a is 0.
  template <class T>
  WEFT_HD T grad_a(T g, T a, T b, T) const {
    return select(b == T(0), T(0), g * b * pow(a, b - T(1)));
  }
  // 0 to a positive power stays 0 nearby: its logarithm must not spoil that.
  template <class T>
  WEFT_HD T grad_b(T g, T a, T b, T y) const {
    const auto zero = (a == T(0)) & (b >= T(0));
    return g * select(zero, T(0), y * log(select(zero, T(1), a)));
  }
};

struct Maximum {
  static constexpr const char *name = "maximum",
                              *doc = "the larger; NaN wins, ties share the gradient";
  static constexpr Domain domain = Domain::All;
  static constexpr Reads reads = Reads::Input;
  template <class T>
  WEFT_HD T forward(T a, T b) const {
    return select(is_nan(a) | (a > b), a, b);
  }
  template <class T>
  WEFT_HD T grad_a(T g, T a, T b, T) const {
    return select(a < b, T(0), select(a == b, g * T(0.5), g));
  }
  template <class T>
  WEFT_HD T grad_b(T g, T a, T b, T) const {
    return select(a > b, T(0), select(a == b, g * T(0.5), g));
  }
};

struct Minimum {
  static constexpr const char *name = "minimum",
                              *doc = "the smaller; NaN wins, ties share the gradient";
  static constexpr Domain domain = Domain::All;
  static constexpr Reads reads = Reads::Input;
  template <class T>
  WEFT_HD T forward(T a, T b) const {
    return select(is_nan(a) | (a < b), a, b);
  }
  template <class T>
  WEFT_HD T grad_a(T g, T a, T b, T) const {
    return select(a > b, T(0), select(a == b, g * T(0.5), g));
  }
  template <class T>
  WEFT_HD T grad_b(T g, T a, T b, T) const {
    return select(a < b, T(0), select(a == b, g * T(0.5), g));
  }
};

}  // namespace op

using BinaryOps =
    OpList<op::Add, op::Sub, op::Mul, op::Div, op::TruncDiv, op::FloorDiv, op::Fmod, op::Remainder,
           op::Pow, op::Maximum, op::Minimum, op::Eq, op::Ne, op::Lt, op::Le, op::Gt, op::Ge,
           op::LogicalAnd, op::LogicalOr, op::LogicalXor, op::BitwiseAnd, op::BitwiseOr,
           op::BitwiseXor, op::BitwiseLeftShift, op::BitwiseRightShift>;

inline constexpr auto binary_info = detail::infos_of(BinaryOps{});
template <class Op>
inline constexpr BinaryId binary_id{detail::IndexOf<Op, BinaryOps>::value};
namespace detail {
inline const Tensor& operand(const Tensor& t) { return t; }
inline Scalar operand(const Scalar& s) { return s; }
// Remainders of integers by zero: throws ValueError.
WEFT_API void check_divisor(const char* op, const Tensor& a, const Tensor& b);
WEFT_API void check_divisor(const char* op, const Tensor& a, const Scalar& b);
WEFT_API void check_divisor(const char* op, const Scalar& a, const Tensor& b);
template <class Op>
inline constexpr bool is_remainder = std::same_as<Op, op::Fmod> || std::same_as<Op, op::Remainder>;

template <class Op, class A, class B>
Tensor binary(const A& a, const B& b) {
  const Op none{};
  if constexpr (is_remainder<Op>) check_divisor(Op::name, operand(a), operand(b));
  return binary(binary_id<Op>, operand(a), operand(b), &none);
}
template <class Op, class B>
Tensor& binary_(Tensor& a, const B& b) {
  const Op none{};
  if constexpr (is_remainder<Op>) check_divisor(Op::name, a, operand(b));
  return binary_(binary_id<Op>, a, operand(b), &none);
}
}  // namespace detail

// Two tensors, or a tensor and a number on either side.
template <class A, class B>
concept TensorPair = (std::same_as<A, Tensor> &&
                      (std::same_as<B, Tensor> || std::convertible_to<B, Scalar>)) ||
                     (std::convertible_to<A, Scalar> && std::same_as<B, Tensor>);

// add, sub, mul and div have more forms: ops/elementwise.h.
template <class A, class B>
requires TensorPair<A, B> Tensor pow(const A& a, const B& b) {
  return detail::binary<op::Pow>(a, b);
}
// Remainders of a / b rounded towards zero, and rounded down.
template <class A, class B>
requires TensorPair<A, B> Tensor fmod(const A& a, const B& b) {
  return detail::binary<op::Fmod>(a, b);
}
template <class A, class B>
requires TensorPair<A, B> Tensor remainder(const A& a, const B& b) {
  return detail::binary<op::Remainder>(a, b);
}
template <class A, class B>
requires TensorPair<A, B> Tensor maximum(const A& a, const B& b) {
  return detail::binary<op::Maximum>(a, b);
}
template <class A, class B>
requires TensorPair<A, B> Tensor minimum(const A& a, const B& b) {
  return detail::binary<op::Minimum>(a, b);
}
template <class A, class B>
requires TensorPair<A, B> Tensor eq(const A& a, const B& b) { return detail::binary<op::Eq>(a, b); }
template <class A, class B>
requires TensorPair<A, B> Tensor ne(const A& a, const B& b) { return detail::binary<op::Ne>(a, b); }
template <class A, class B>
requires TensorPair<A, B> Tensor lt(const A& a, const B& b) { return detail::binary<op::Lt>(a, b); }
template <class A, class B>
requires TensorPair<A, B> Tensor le(const A& a, const B& b) { return detail::binary<op::Le>(a, b); }
template <class A, class B>
requires TensorPair<A, B> Tensor gt(const A& a, const B& b) { return detail::binary<op::Gt>(a, b); }
template <class A, class B>
requires TensorPair<A, B> Tensor ge(const A& a, const B& b) { return detail::binary<op::Ge>(a, b); }
template <class A, class B>
requires TensorPair<A, B> Tensor logical_and(const A& a, const B& b) {
  return detail::binary<op::LogicalAnd>(a, b);
}
template <class A, class B>
requires TensorPair<A, B> Tensor logical_or(const A& a, const B& b) {
  return detail::binary<op::LogicalOr>(a, b);
}
template <class A, class B>
requires TensorPair<A, B> Tensor logical_xor(const A& a, const B& b) {
  return detail::binary<op::LogicalXor>(a, b);
}
template <class A, class B>
requires TensorPair<A, B> Tensor bitwise_and(const A& a, const B& b) {
  return detail::binary<op::BitwiseAnd>(a, b);
}
template <class A, class B>
requires TensorPair<A, B> Tensor bitwise_or(const A& a, const B& b) {
  return detail::binary<op::BitwiseOr>(a, b);
}
template <class A, class B>
requires TensorPair<A, B> Tensor bitwise_xor(const A& a, const B& b) {
  return detail::binary<op::BitwiseXor>(a, b);
}
template <class A, class B>
requires TensorPair<A, B> Tensor bitwise_left_shift(const A& a, const B& b) {
  return detail::binary<op::BitwiseLeftShift>(a, b);
}
template <class A, class B>
requires TensorPair<A, B> Tensor bitwise_right_shift(const A& a, const B& b) {
  return detail::binary<op::BitwiseRightShift>(a, b);
}

// In place.
template <class B>
requires TensorPair<Tensor, B> Tensor& pow_(Tensor& a, const B& b) {
  return detail::binary_<op::Pow>(a, b);
}
template <class B>
requires TensorPair<Tensor, B> Tensor& fmod_(Tensor& a, const B& b) {
  return detail::binary_<op::Fmod>(a, b);
}
template <class B>
requires TensorPair<Tensor, B> Tensor& remainder_(Tensor& a, const B& b) {
  return detail::binary_<op::Remainder>(a, b);
}
template <class B>
requires TensorPair<Tensor, B> Tensor& bitwise_and_(Tensor& a, const B& b) {
  return detail::binary_<op::BitwiseAnd>(a, b);
}
template <class B>
requires TensorPair<Tensor, B> Tensor& bitwise_or_(Tensor& a, const B& b) {
  return detail::binary_<op::BitwiseOr>(a, b);
}
template <class B>
requires TensorPair<Tensor, B> Tensor& bitwise_xor_(Tensor& a, const B& b) {
  return detail::binary_<op::BitwiseXor>(a, b);
}
template <class B>
requires TensorPair<Tensor, B> Tensor& bitwise_left_shift_(Tensor& a, const B& b) {
  return detail::binary_<op::BitwiseLeftShift>(a, b);
}
template <class B>
requires TensorPair<Tensor, B> Tensor& bitwise_right_shift_(Tensor& a, const B& b) {
  return detail::binary_<op::BitwiseRightShift>(a, b);
}

}  // namespace weft
