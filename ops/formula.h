#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <type_traits>

#include <weft/core/macros.h>

// What an elementwise formula may be written with. A formula is a template on its number type T and
// has three kinds of reader: plain numbers (a CUDA kernel, a test), the vectors of cpu/isa/vec.h,
// and ops/value.h, which records Tensor operations so that gradients can be differentiated again.
// The other readers bring their own functions of these names. T(0.5) makes a constant of any of
// them. A comparison gives a mask; select(mask, a, b) takes a where it holds; all of &, |, ! work
// on masks.
namespace weft::formula {

// The C library's functions, overloaded as in <cmath>, which would be a tenth of what
// <weft/weft.h> costs to compile (and which nvcc includes by itself).
#if defined(__CUDACC__)
#define WEFT_C_FUNCTION(name) ::name
#else
#define WEFT_C_FUNCTION(name) __builtin_##name
#endif
#define WEFT_FORMULA_FUNCTION(name, c)                                   \
  WEFT_HD inline double name(double x) { return WEFT_C_FUNCTION(c)(x); } \
  WEFT_HD inline float name(float x) { return WEFT_C_FUNCTION(c##f)(x); }
#define WEFT_FORMULA_FUNCTION2(name, c)                                               \
  WEFT_HD inline double name(double x, double y) { return WEFT_C_FUNCTION(c)(x, y); } \
  WEFT_HD inline float name(float x, float y) { return WEFT_C_FUNCTION(c##f)(x, y); }
WEFT_FORMULA_FUNCTION(abs, fabs)
WEFT_FORMULA_FUNCTION(ceil, ceil)
WEFT_FORMULA_FUNCTION(cos, cos)
WEFT_FORMULA_FUNCTION(erf, erf)
WEFT_FORMULA_FUNCTION(exp, exp)
WEFT_FORMULA_FUNCTION(floor, floor)
WEFT_FORMULA_FUNCTION(log, log)
WEFT_FORMULA_FUNCTION(log1p, log1p)
WEFT_FORMULA_FUNCTION(sin, sin)
WEFT_FORMULA_FUNCTION(sqrt, sqrt)
WEFT_FORMULA_FUNCTION(tanh, tanh)
WEFT_FORMULA_FUNCTION(nearbyint, nearbyint)
WEFT_FORMULA_FUNCTION(trunc, trunc)
WEFT_FORMULA_FUNCTION2(copysign, copysign)
WEFT_FORMULA_FUNCTION2(fmod, fmod)
WEFT_FORMULA_FUNCTION2(pow, pow)
#undef WEFT_FORMULA_FUNCTION
#undef WEFT_FORMULA_FUNCTION2
#undef WEFT_C_FUNCTION

template <class T>
WEFT_HD T select(bool mask, T a, T b) {
  return mask ? a : b;
}
template <class T>
WEFT_HD T round_even(T x) {
  return nearbyint(x);
}
template <class T>
WEFT_HD bool is_nan(T x) {
  return x != x;
}
template <class T>
WEFT_HD T min(T a, T b) {
  return b < a ? b : a;
}
template <class T>
WEFT_HD T trunc_div(T a, T b) {
  return trunc(a / b);
}

// Integers: division by zero gives 0 and does not trap (the op refuses it before).
[[gnu::always_inline]] WEFT_HD inline std::int64_t trunc_div(std::int64_t a, std::int64_t b) {
  if (b == -1) return static_cast<std::int64_t>(0 - static_cast<std::uint64_t>(a));
  return b == 0 ? 0 : a / b;
}
[[gnu::always_inline]] WEFT_HD inline std::int64_t floor_div(std::int64_t a, std::int64_t b) {
  const std::int64_t q = trunc_div(a, b);
  return b != 0 && b != -1 && q * b != a && (a < 0) != (b < 0) ? q - 1 : q;
}
// Bits shifted by a number that the 64 do not have all go; what stays is the sign.
WEFT_HD inline std::int64_t shift_left(std::int64_t a, std::int64_t b) {
  return b < 0 || b > 63 ? 0 : static_cast<std::int64_t>(static_cast<std::uint64_t>(a) << b);
}
WEFT_HD inline std::int64_t shift_right(std::int64_t a, std::int64_t b) {
  return b < 0 || b > 63 ? (a < 0 ? -1 : 0) : a >> b;
}
// Floating: the largest integer q with q * b <= a up to rounding, by way of the exact remainder, as
// Python's // does.
template <class T>
[[gnu::always_inline]] WEFT_HD inline T floor_div(T a, T b) requires(sizeof(T) <= 8 &&
                                                                     !std::is_integral_v<T>) {
  if (b == 0) return a / b;
  T remainder = fmod(a, b), q = (a - remainder) / b;
  if (remainder != 0 && (b < 0) != (remainder < 0)) q -= 1;
  if (q == 0) return copysign(T(0), a / b);
  const T down = floor(q);
  return q - down > T(0.5) ? down + 1 : down;
}

// The exact remainder of a / b rounded towards zero: of a's sign.
template <class T>
WEFT_HD T trunc_rem(T a, T b) {
  return fmod(a, b);
}
[[gnu::always_inline]] WEFT_HD inline std::int64_t trunc_rem(std::int64_t a, std::int64_t b) {
  return b == 0 || b == -1 ? 0 : a % b;
}
// Of a / b rounded down: of b's sign, as Python's %.
template <class T>
[[gnu::always_inline]] WEFT_HD inline T floor_rem(T a, T b) requires(sizeof(T) <= 8) {
  const T r = trunc_rem(a, b);
  return r != 0 && (r < 0) != (b < 0) ? r + b : r;
}

}  // namespace weft::formula

namespace weft {

// Which dtypes an elementwise op computes in.
enum class Domain : std::uint8_t {
  Floating,  // integers and bool are converted to the default dtype
  Number,    // every dtype but bool
  All,
  Integer,
  Bits,  // integers and bool
};
constexpr bool takes_floating(Domain d) { return d != Domain::Integer && d != Domain::Bits; }
enum class Result : std::uint8_t { Bool };  // where it is not the inputs' dtype
// What the gradient reads besides the gradient of the output.
enum class Reads : std::uint8_t { Nothing = 0, Input = 1, Output = 2, Both = 3 };

template <class... Ops>
struct OpList {
  static constexpr int size = sizeof...(Ops);
};

template <class Op>
concept Differentiable = requires {
  Op::reads;
};

// What there is to know of an elementwise op without its type.
struct ElementwiseInfo {
  const char *name, *doc;
  Domain domain;
  bool gives_bool, differentiable;
  Reads reads;
  std::size_t bytes;  // of its parameters
};

namespace detail {
template <class Op>
constexpr ElementwiseInfo info_of() {
  ElementwiseInfo i{Op::name, Op::doc, Op::domain, false, false, Reads::Nothing, 0};
  if constexpr (requires { Op::result; }) i.gives_bool = true;
  if constexpr (Differentiable<Op>) {
    i.differentiable = true;
    i.reads = Op::reads;
  }
  if constexpr (!std::is_empty_v<Op>) i.bytes = sizeof(Op);
  return i;
}
template <class... Ops>
constexpr std::array<ElementwiseInfo, sizeof...(Ops)> infos_of(OpList<Ops...>) {
  return {info_of<Ops>()...};
}
}  // namespace detail

}  // namespace weft
