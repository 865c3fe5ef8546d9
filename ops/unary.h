#pragma once

#include <weft/ops/activations.h>
#include <weft/ops/formula.h>
#include <weft/ops/function.h>

// Elementwise ops of one tensor: a struct each, and its function. To add one, write the struct, put
// it in UnaryOps, and give it a row in tests/op_table; see docs/CONTRIBUTING.md.
//   forward(x); grad(g, x, y): the gradient of x from that of y, if the op has one (then `reads`
//   tells which of x and y it reads). Parameters: members with defaults, in the function's order.
namespace weft {

namespace op {
using namespace formula;

// The gradient of a step function.
struct Steps {
  static constexpr Reads reads = Reads::Nothing;
  template <class T>
  WEFT_HD T grad(T g, T, T) const {
    return g * T(0);
  }
};

struct Abs {
  static constexpr const char *name = "abs", *doc = "|x|; the gradient at 0 and at NaN is 0";
  static constexpr Domain domain = Domain::Number;
  static constexpr Reads reads = Reads::Input;
  template <class T>
  WEFT_HD T forward(T x) const {
    return abs(x);
  }
  template <class T>
  WEFT_HD T grad(T g, T x, T) const {
    return g * select(x > T(0), T(1), select(x < T(0), T(-1), T(0)));
  }
};

struct Neg {
  static constexpr const char *name = "neg", *doc = "-x";
  static constexpr Domain domain = Domain::Number;
  static constexpr Reads reads = Reads::Nothing;
  template <class T>
  WEFT_HD T forward(T x) const {
    return -x;
  }
  template <class T>
  WEFT_HD T grad(T g, T, T) const {
    return -g;
  }
};

struct Sign : Steps {
  static constexpr const char *name = "sign", *doc = "-1, 0 or 1; NaN gives 0, as in PyTorch";
  static constexpr Domain domain = Domain::All;
  template <class T>
  WEFT_HD T forward(T x) const {
    return select(x > T(0), T(1), select(x < T(0), T(-1), T(0)));
  }
};

struct Exp {
  static constexpr const char *name = "exp", *doc = "e to the power x";
  static constexpr Domain domain = Domain::Floating;
  static constexpr Reads reads = Reads::Output;
  template <class T>
  WEFT_HD T forward(T x) const {
    return exp(x);
  }
  template <class T>
  WEFT_HD T grad(T g, T, T y) const {
    return g * y;
  }
};

struct Log {
  static constexpr const char *name = "log", *doc = "natural logarithm; NaN below 0";
  static constexpr Domain domain = Domain::Floating;
  static constexpr Reads reads = Reads::Input;
  template <class T>
  WEFT_HD T forward(T x) const {
    return log(x);
  }
  template <class T>
  WEFT_HD T grad(T g, T x, T) const {
    return g / x;
  }
};

struct Log1p {
  static constexpr const char *name = "log1p", *doc = "log(1 + x), accurate near 0";
  static constexpr Domain domain = Domain::Floating;
  static constexpr Reads reads = Reads::Input;
  template <class T>
  WEFT_HD T forward(T x) const {
    return log1p(x);
  }
  template <class T>
  WEFT_HD T grad(T g, T x, T) const {
    return g / (x + T(1));
  }
};

struct Sqrt {
  static constexpr const char *name = "sqrt", *doc = "square root; NaN below 0";
  static constexpr Domain domain = Domain::Floating;
  static constexpr Reads reads = Reads::Output;
  template <class T>
  WEFT_HD T forward(T x) const {
    return sqrt(x);
  }
  template <class T>
  WEFT_HD T grad(T g, T, T y) const {
    return g / (T(2) * y);
  }
};

struct Rsqrt {
  static constexpr const char *name = "rsqrt", *doc = "1 / sqrt(x)";
  static constexpr Domain domain = Domain::Floating;
  static constexpr Reads reads = Reads::Output;
  template <class T>
  WEFT_HD T forward(T x) const {
    return T(1) / sqrt(x);
  }
  template <class T>
  WEFT_HD T grad(T g, T, T y) const {
    return T(-0.5) * g * (y * y * y);
  }
};

struct Square {
  static constexpr const char *name = "square", *doc = "x * x";
  static constexpr Domain domain = Domain::Number;
  static constexpr Reads reads = Reads::Input;
  template <class T>
  WEFT_HD T forward(T x) const {
    return x * x;
  }
  template <class T>
  WEFT_HD T grad(T g, T x, T) const {
    return T(2) * g * x;
  }
};

struct Reciprocal {
  static constexpr const char *name = "reciprocal", *doc = "1 / x";
  static constexpr Domain domain = Domain::Floating;
  static constexpr Reads reads = Reads::Output;
  template <class T>
  WEFT_HD T forward(T x) const {
    return T(1) / x;
  }
  template <class T>
  WEFT_HD T grad(T g, T, T y) const {
    return -g * (y * y);
  }
};

struct Sin {
  static constexpr const char *name = "sin", *doc = "sine of x radians";
  static constexpr Domain domain = Domain::Floating;
  static constexpr Reads reads = Reads::Input;
  template <class T>
  WEFT_HD T forward(T x) const {
    return sin(x);
  }
  template <class T>
  WEFT_HD T grad(T g, T x, T) const {
    return g * cos(x);
  }
};

struct Cos {
  static constexpr const char *name = "cos", *doc = "cosine of x radians";
  static constexpr Domain domain = Domain::Floating;
  static constexpr Reads reads = Reads::Input;
  template <class T>
  WEFT_HD T forward(T x) const {
    return cos(x);
  }
  template <class T>
  WEFT_HD T grad(T g, T x, T) const {
    return -g * sin(x);
  }
};

struct Tanh {
  static constexpr const char *name = "tanh", *doc = "hyperbolic tangent";
  static constexpr Domain domain = Domain::Floating;
  static constexpr Reads reads = Reads::Output;
  template <class T>
  WEFT_HD T forward(T x) const {
    return tanh(x);
  }
  template <class T>
  WEFT_HD T grad(T g, T, T y) const {
    return g * (T(1) - y * y);
  }
};

struct Erf {
  static constexpr const char *name = "erf", *doc = "error function";
  static constexpr Domain domain = Domain::Floating;
  static constexpr Reads reads = Reads::Input;
  template <class T>
  WEFT_HD T forward(T x) const {
    return erf(x);
  }
  template <class T>
  WEFT_HD T grad(T g, T x, T) const {
    return T(1.1283791670955126) * g * exp(-(x * x));
  }
};

// NaN stays. A missing bound is infinite; integers compare as such (see ops/elementwise.cpp).
struct Clamp {
  static constexpr const char *name = "clamp",
                              *doc = "x within [min, max] or NaN; the gradient is 0 at the bounds";
  static constexpr Domain domain = Domain::Number;
  static constexpr Reads reads = Reads::Input;
  double low = -std::numeric_limits<double>::infinity(),
         high = std::numeric_limits<double>::infinity();
  template <class T>
  WEFT_HD T forward(T x) const {
    const T raised = select((x < T(low)) | is_nan(T(low)), T(low), x);
    return select((raised > T(high)) | is_nan(T(high)), T(high), raised);
  }
  template <class T>
  WEFT_HD T grad(T g, T x, T) const {
    const auto number = x == x;
    const auto above = __builtin_isinf(low) ? number : x > T(low),
               below = __builtin_isinf(high) ? number : x < T(high);
    return select(above & below, g, T(0));
  }
};

struct Floor : Steps {
  static constexpr const char *name = "floor", *doc = "the largest integer not above x";
  static constexpr Domain domain = Domain::Number;
  template <class T>
  WEFT_HD T forward(T x) const {
    return floor(x);
  }
};

struct Ceil : Steps {
  static constexpr const char *name = "ceil", *doc = "the smallest integer not below x";
  static constexpr Domain domain = Domain::Number;
  template <class T>
  WEFT_HD T forward(T x) const {
    return ceil(x);
  }
};

struct Round : Steps {
  static constexpr const char *name = "round",
                              *doc = "the nearest integer; halves go to the even one";
  static constexpr Domain domain = Domain::Number;
  template <class T>
  WEFT_HD T forward(T x) const {
    return round_even(x);
  }
};

struct IsNan {
  static constexpr const char *name = "isnan", *doc = "whether x is NaN, as bool";
  static constexpr Domain domain = Domain::All;
  static constexpr Result result = Result::Bool;
  template <class T>
  WEFT_HD auto forward(T x) const {
    return is_nan(x);
  }
};

struct IsFinite {
  static constexpr const char *name = "isfinite",
                              *doc = "whether x is neither NaN nor infinite, as bool";
  static constexpr Domain domain = Domain::All;
  static constexpr Result result = Result::Bool;
  template <class T>
  WEFT_HD auto forward(T x) const {
    return (x - x) == T(0);
  }
};

struct LogicalNot {
  static constexpr const char *name = "logical_not", *doc = "whether x is 0, as bool";
  static constexpr Domain domain = Domain::All;
  static constexpr Result result = Result::Bool;
  template <class T>
  WEFT_HD auto forward(T x) const {
    return x == T(0);
  }
};

}  // namespace op

using UnaryOps =
    OpList<op::Abs, op::Neg, op::Sign, op::Exp, op::Log, op::Log1p, op::Sqrt, op::Rsqrt, op::Square,
           op::Reciprocal, op::Sin, op::Cos, op::Tanh, op::Erf, op::Sigmoid, op::Relu,
           op::LeakyRelu, op::Gelu, op::GeluTanh, op::Silu, op::Softplus, op::Clamp, op::Floor,
           op::Ceil, op::Round, op::IsNan, op::IsFinite, op::LogicalNot>;

inline constexpr auto unary_info = detail::infos_of(UnaryOps{});
template <class Op>
inline constexpr UnaryId unary_id{detail::IndexOf<Op, UnaryOps>::value};
namespace detail {
template <class Op>
Tensor unary(const Tensor& x, const Op& parameters = {}) {
  return unary(unary_id<Op>, x, &parameters);
}
template <class Op>
Tensor& unary_(Tensor& x, const Op& parameters = {}) {
  return unary_(unary_id<Op>, x, &parameters);
}
inline UnaryId unary_of(Activation a) {  // which has no parameters
  constexpr UnaryId ids[] = {{}, unary_id<op::Relu>, unary_id<op::Gelu>, unary_id<op::GeluTanh>};
  return ids[static_cast<int>(a)];
}
}  // namespace detail

// gelu and clamp: ops/elementwise.h.
inline Tensor abs(const Tensor& x) { return detail::unary<op::Abs>(x); }
inline Tensor neg(const Tensor& x) { return detail::unary<op::Neg>(x); }
inline Tensor sign(const Tensor& x) { return detail::unary<op::Sign>(x); }
inline Tensor exp(const Tensor& x) { return detail::unary<op::Exp>(x); }
inline Tensor log(const Tensor& x) { return detail::unary<op::Log>(x); }
inline Tensor log1p(const Tensor& x) { return detail::unary<op::Log1p>(x); }
inline Tensor sqrt(const Tensor& x) { return detail::unary<op::Sqrt>(x); }
inline Tensor rsqrt(const Tensor& x) { return detail::unary<op::Rsqrt>(x); }
inline Tensor square(const Tensor& x) { return detail::unary<op::Square>(x); }
inline Tensor reciprocal(const Tensor& x) { return detail::unary<op::Reciprocal>(x); }
inline Tensor sin(const Tensor& x) { return detail::unary<op::Sin>(x); }
inline Tensor cos(const Tensor& x) { return detail::unary<op::Cos>(x); }
inline Tensor tanh(const Tensor& x) { return detail::unary<op::Tanh>(x); }
inline Tensor erf(const Tensor& x) { return detail::unary<op::Erf>(x); }
inline Tensor sigmoid(const Tensor& x) { return detail::unary<op::Sigmoid>(x); }
inline Tensor relu(const Tensor& x) { return detail::unary<op::Relu>(x); }
inline Tensor leaky_relu(const Tensor& x, double negative_slope = 0.01) {
  return detail::unary<op::LeakyRelu>(x, {negative_slope});
}
inline Tensor silu(const Tensor& x) { return detail::unary<op::Silu>(x); }
inline Tensor softplus(const Tensor& x, double beta = 1, double threshold = 20) {
  return detail::unary<op::Softplus>(x, {beta, threshold});
}
inline Tensor floor(const Tensor& x) { return detail::unary<op::Floor>(x); }
inline Tensor ceil(const Tensor& x) { return detail::unary<op::Ceil>(x); }
inline Tensor round(const Tensor& x) { return detail::unary<op::Round>(x); }
inline Tensor isnan(const Tensor& x) { return detail::unary<op::IsNan>(x); }
inline Tensor isfinite(const Tensor& x) { return detail::unary<op::IsFinite>(x); }
inline Tensor logical_not(const Tensor& x) { return detail::unary<op::LogicalNot>(x); }

inline Tensor& abs_(Tensor& x) { return detail::unary_<op::Abs>(x); }
inline Tensor& neg_(Tensor& x) { return detail::unary_<op::Neg>(x); }
inline Tensor& sign_(Tensor& x) { return detail::unary_<op::Sign>(x); }
inline Tensor& exp_(Tensor& x) { return detail::unary_<op::Exp>(x); }
inline Tensor& log_(Tensor& x) { return detail::unary_<op::Log>(x); }
inline Tensor& log1p_(Tensor& x) { return detail::unary_<op::Log1p>(x); }
inline Tensor& sqrt_(Tensor& x) { return detail::unary_<op::Sqrt>(x); }
inline Tensor& rsqrt_(Tensor& x) { return detail::unary_<op::Rsqrt>(x); }
inline Tensor& square_(Tensor& x) { return detail::unary_<op::Square>(x); }
inline Tensor& reciprocal_(Tensor& x) { return detail::unary_<op::Reciprocal>(x); }
inline Tensor& sin_(Tensor& x) { return detail::unary_<op::Sin>(x); }
inline Tensor& cos_(Tensor& x) { return detail::unary_<op::Cos>(x); }
inline Tensor& tanh_(Tensor& x) { return detail::unary_<op::Tanh>(x); }
inline Tensor& erf_(Tensor& x) { return detail::unary_<op::Erf>(x); }
inline Tensor& sigmoid_(Tensor& x) { return detail::unary_<op::Sigmoid>(x); }
inline Tensor& relu_(Tensor& x) { return detail::unary_<op::Relu>(x); }
inline Tensor& leaky_relu_(Tensor& x, double negative_slope = 0.01) {
  return detail::unary_<op::LeakyRelu>(x, {negative_slope});
}
inline Tensor& silu_(Tensor& x) { return detail::unary_<op::Silu>(x); }
inline Tensor& softplus_(Tensor& x, double beta = 1, double threshold = 20) {
  return detail::unary_<op::Softplus>(x, {beta, threshold});
}
inline Tensor& floor_(Tensor& x) { return detail::unary_<op::Floor>(x); }
inline Tensor& ceil_(Tensor& x) { return detail::unary_<op::Ceil>(x); }
inline Tensor& round_(Tensor& x) { return detail::unary_<op::Round>(x); }
inline Tensor& logical_not_(Tensor& x) { return detail::unary_<op::LogicalNot>(x); }

}  // namespace weft
