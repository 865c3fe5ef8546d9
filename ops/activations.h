#pragma once

#include <weft/ops/formula.h>
#include <weft/ops/function.h>

// The activations among the elementwise ops of one tensor: see ops/unary.h, which has their list
// and functions.
namespace weft::op {
using namespace formula;

struct Sigmoid {
  static constexpr const char *name = "sigmoid", *doc = "1 / (1 + exp(-x))";
  static constexpr Domain domain = Domain::Floating;
  static constexpr Reads reads = Reads::Output;
  template <class T>
  WEFT_HD T forward(T x) const {
    return T(1) / (T(1) + exp(-x));
  }
  template <class T>
  WEFT_HD T grad(T g, T, T y) const {
    return g * ((T(1) - y) * y);
  }
};

struct Relu {
  static constexpr const char *name = "relu", *doc = "max(x, 0); NaN stays, the gradient at 0 is 0";
  static constexpr Domain domain = Domain::Number;
  static constexpr Reads reads = Reads::Output;
  template <class T>
  WEFT_HD T forward(T x) const {
    return select(x < T(0), T(0), x);
  }
  template <class T>
  WEFT_HD T grad(T g, T, T y) const {
    return select(y <= T(0), T(0), g);
  }
};

struct LeakyRelu {
  static constexpr const char *name = "leaky_relu",
                              *doc = "x where it is positive, negative_slope * x elsewhere";
  static constexpr Domain domain = Domain::Floating;
  static constexpr Reads reads = Reads::Input;
  double negative_slope = 0.01;
  template <class T>
  WEFT_HD T forward(T x) const {
    return select(x > T(0), x, x * T(negative_slope));
  }
  template <class T>
  WEFT_HD T grad(T g, T x, T) const {
    return select(x > T(0), g, g * T(negative_slope));
  }
};

// Gaussian error linear unit, Hendrycks and Gimpel 2016, arXiv:1606.08415.
struct Gelu {
  static constexpr const char *name = "gelu", *doc = "x * (1 + erf(x / sqrt(2))) / 2";
  static constexpr Domain domain = Domain::Floating;
  static constexpr Reads reads = Reads::Input;
  template <class T>
  WEFT_HD T cdf(T x) const {
    return T(0.5) * (T(1) + erf(x * T(0.70710678118654752)));
  }
  template <class T>
  WEFT_HD T forward(T x) const {
    return x * cdf(x);
  }
  template <class T>
  WEFT_HD T grad(T g, T x, T) const {
    return g * (cdf(x) + x * (T(0.39894228040143268) * exp(T(-0.5) * x * x)));
  }
};

struct GeluTanh {
  static constexpr const char *name = "gelu_tanh",
                              *doc = "x * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 x^3))) / 2";
  static constexpr Domain domain = Domain::Floating;
  static constexpr Reads reads = Reads::Input;
  template <class T>
  WEFT_HD T inner(T x) const {
    return tanh(T(0.79788456080286536) * (x + T(0.044715) * x * x * x));
  }
  template <class T>
  WEFT_HD T forward(T x) const {
    return T(0.5) * x * (T(1) + inner(x));
  }
  template <class T>
  WEFT_HD T grad(T g, T x, T) const {
    const T t = inner(x);
    const T slope = T(0.79788456080286536) * (T(1) + T(3 * 0.044715) * x * x);
    return g * (T(0.5) * (T(1) + t) + T(0.5) * x * (T(1) - t * t) * slope);
  }
};

struct Silu {
  static constexpr const char *name = "silu", *doc = "x * sigmoid(x)";
  static constexpr Domain domain = Domain::Floating;
  static constexpr Reads reads = Reads::Input;
  template <class T>
  WEFT_HD T forward(T x) const {
    return x / (T(1) + exp(-x));
  }
  template <class T>
  WEFT_HD T grad(T g, T x, T) const {
    const T s = T(1) / (T(1) + exp(-x));
    return g * (s * (T(1) + x * (T(1) - s)));
  }
};

struct Softplus {
  static constexpr const char *name = "softplus",
                              *doc = "log(1 + exp(beta x)) / beta; x where beta x > threshold";
  static constexpr Domain domain = Domain::Floating;
  static constexpr Reads reads = Reads::Input;
  double beta = 1, threshold = 20;
  template <class T>
  WEFT_HD T forward(T x) const {
    const T z = x * T(beta);
    // exp of min(z, threshold): the branch not taken must not overflow.
    return select(z > T(threshold), x, log1p(exp(min(z, T(threshold)))) / T(beta));
  }
  template <class T>
  WEFT_HD T grad(T g, T x, T) const {
    const T z = x * T(beta);
    return select(z > T(threshold), g, g / (T(1) + exp(-z)));
  }
};

}  // namespace weft::op
