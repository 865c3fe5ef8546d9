#pragma once

#include <weft/core/tensor.h>
#include <weft/ops/binary.h>
#include <weft/ops/unary.h>

// Elementwise functions whose arguments are more than tensors and numbers; the rest are in
// ops/unary.h and ops/binary.h. Operands broadcast; dtypes promote as PyTorch's. In-place forms end
// in _.
namespace weft {

// approximate: "none" or "tanh".
WEFT_API Tensor gelu(const Tensor& x, const char* approximate = "none");
// At least one bound; a bound of a wider category promotes the result.
WEFT_API Tensor clamp(const Tensor& x, const std::optional<Scalar>& min = {},
                      const std::optional<Scalar>& max = {});

// The bounds as tensors, which broadcast; an undefined max is none. An element that equals a bound
// shares the gradient with it, as in maximum() and minimum().
WEFT_API Tensor clamp(const Tensor& x, const Tensor& min, const Tensor& max = {});

// -x - 1, all bits turned; of bool logical_not().
WEFT_API Tensor bitwise_not(const Tensor& x);
WEFT_API Tensor& bitwise_not_(Tensor& x);

// a + alpha * b. alpha of an integer result must be an integer.
WEFT_API Tensor add(const Tensor& a, const Tensor& b, const Scalar& alpha = 1);
WEFT_API Tensor add(const Tensor& a, const Scalar& b, const Scalar& alpha = 1);
WEFT_API Tensor add(const Scalar& a, const Tensor& b, const Scalar& alpha = 1);
WEFT_API Tensor sub(const Tensor& a, const Tensor& b, const Scalar& alpha = 1);
WEFT_API Tensor sub(const Tensor& a, const Scalar& b, const Scalar& alpha = 1);
WEFT_API Tensor sub(const Scalar& a, const Tensor& b, const Scalar& alpha = 1);
WEFT_API Tensor mul(const Tensor& a, const Tensor& b);
WEFT_API Tensor mul(const Tensor& a, const Scalar& b);
WEFT_API Tensor mul(const Scalar& a, const Tensor& b);
// rounding_mode: nullptr (true division), "trunc" or "floor". An integer zero as divisor of a
// rounded integer division throws ValueError.
WEFT_API Tensor div(const Tensor& a, const Tensor& b, const char* rounding_mode = nullptr);
WEFT_API Tensor div(const Tensor& a, const Scalar& b, const char* rounding_mode = nullptr);
WEFT_API Tensor div(const Scalar& a, const Tensor& b, const char* rounding_mode = nullptr);

// condition is bool; a where it holds, b elsewhere.
WEFT_API Tensor where(const Tensor& condition, const Tensor& a, const Tensor& b);
WEFT_API Tensor where(const Tensor& condition, const Tensor& a, const Scalar& b);
WEFT_API Tensor where(const Tensor& condition, const Scalar& a, const Tensor& b);

inline Tensor operator+(const Tensor& a, const Tensor& b) { return add(a, b); }
inline Tensor operator+(const Tensor& a, const Scalar& b) { return add(a, b); }
inline Tensor operator+(const Scalar& a, const Tensor& b) { return add(a, b); }
inline Tensor operator-(const Tensor& a, const Tensor& b) { return sub(a, b); }
inline Tensor operator-(const Tensor& a, const Scalar& b) { return sub(a, b); }
inline Tensor operator-(const Scalar& a, const Tensor& b) { return sub(a, b); }
inline Tensor operator*(const Tensor& a, const Tensor& b) { return mul(a, b); }
inline Tensor operator*(const Tensor& a, const Scalar& b) { return mul(a, b); }
inline Tensor operator*(const Scalar& a, const Tensor& b) { return mul(a, b); }
inline Tensor operator/(const Tensor& a, const Tensor& b) { return div(a, b); }
inline Tensor operator/(const Tensor& a, const Scalar& b) { return div(a, b); }
inline Tensor operator/(const Scalar& a, const Tensor& b) { return div(a, b); }
inline Tensor operator-(const Tensor& a) { return neg(a); }
template <class A, class B>
requires TensorPair<A, B> Tensor operator%(const A& a, const B& b) { return remainder(a, b); }
template <class A, class B>
requires TensorPair<A, B> Tensor operator==(const A& a, const B& b) { return eq(a, b); }
template <class A, class B>
requires TensorPair<A, B> Tensor operator!=(const A& a, const B& b) { return ne(a, b); }
template <class A, class B>
requires TensorPair<A, B> Tensor operator<(const A& a, const B& b) { return lt(a, b); }
template <class A, class B>
requires TensorPair<A, B> Tensor operator<=(const A& a, const B& b) { return le(a, b); }
template <class A, class B>
requires TensorPair<A, B> Tensor operator>(const A& a, const B& b) { return gt(a, b); }
template <class A, class B>
requires TensorPair<A, B> Tensor operator>=(const A& a, const B& b) { return ge(a, b); }
template <class A, class B>
requires TensorPair<A, B> Tensor operator&(const A& a, const B& b) { return bitwise_and(a, b); }
template <class A, class B>
requires TensorPair<A, B> Tensor operator|(const A& a, const B& b) { return bitwise_or(a, b); }
template <class A, class B>
requires TensorPair<A, B> Tensor operator^(const A& a, const B& b) { return bitwise_xor(a, b); }
template <class A, class B>
requires TensorPair<A, B> Tensor operator<<(const A& a, const B& b) {
  return bitwise_left_shift(a, b);
}
template <class A, class B>
requires TensorPair<A, B> Tensor operator>>(const A& a, const B& b) {
  return bitwise_right_shift(a, b);
}
template <class B>
requires TensorPair<Tensor, B> Tensor& operator&=(Tensor& a, const B& b) {
  return bitwise_and_(a, b);
}
template <class B>
requires TensorPair<Tensor, B> Tensor& operator|=(Tensor& a, const B& b) {
  return bitwise_or_(a, b);
}
template <class B>
requires TensorPair<Tensor, B> Tensor& operator^=(Tensor& a, const B& b) {
  return bitwise_xor_(a, b);
}
template <class B>
requires TensorPair<Tensor, B> Tensor& operator<<=(Tensor& a, const B& b) {
  return bitwise_left_shift_(a, b);
}
template <class B>
requires TensorPair<Tensor, B> Tensor& operator>>=(Tensor& a, const B& b) {
  return bitwise_right_shift_(a, b);
}
inline Tensor operator~(const Tensor& x) { return bitwise_not(x); }

}  // namespace weft
