#include <weft/ops/elementwise.h>

// The elementwise methods of Tensor, which are the functions of ops/elementwise.h.
namespace weft {

Tensor Tensor::abs() const { return weft::abs(*this); }
Tensor Tensor::neg() const { return weft::neg(*this); }
Tensor Tensor::sign() const { return weft::sign(*this); }
Tensor Tensor::exp() const { return weft::exp(*this); }
Tensor Tensor::log() const { return weft::log(*this); }
Tensor Tensor::log1p() const { return weft::log1p(*this); }
Tensor Tensor::sqrt() const { return weft::sqrt(*this); }
Tensor Tensor::rsqrt() const { return weft::rsqrt(*this); }
Tensor Tensor::square() const { return weft::square(*this); }
Tensor Tensor::reciprocal() const { return weft::reciprocal(*this); }
Tensor Tensor::sin() const { return weft::sin(*this); }
Tensor Tensor::cos() const { return weft::cos(*this); }
Tensor Tensor::tanh() const { return weft::tanh(*this); }
Tensor Tensor::erf() const { return weft::erf(*this); }
Tensor Tensor::sigmoid() const { return weft::sigmoid(*this); }
Tensor Tensor::relu() const { return weft::relu(*this); }
Tensor Tensor::floor() const { return weft::floor(*this); }
Tensor Tensor::ceil() const { return weft::ceil(*this); }
Tensor Tensor::round() const { return weft::round(*this); }
Tensor Tensor::isnan() const { return weft::isnan(*this); }
Tensor Tensor::isfinite() const { return weft::isfinite(*this); }
Tensor Tensor::logical_not() const { return weft::logical_not(*this); }

Tensor& Tensor::abs_() { return weft::abs_(*this); }
Tensor& Tensor::neg_() { return weft::neg_(*this); }
Tensor& Tensor::exp_() { return weft::exp_(*this); }
Tensor& Tensor::log_() { return weft::log_(*this); }
Tensor& Tensor::sqrt_() { return weft::sqrt_(*this); }
Tensor& Tensor::tanh_() { return weft::tanh_(*this); }
Tensor& Tensor::sigmoid_() { return weft::sigmoid_(*this); }
Tensor& Tensor::relu_() { return weft::relu_(*this); }

Tensor Tensor::pow(const Tensor& exponent) const { return weft::pow(*this, exponent); }
Tensor Tensor::maximum(const Tensor& other) const { return weft::maximum(*this, other); }
Tensor Tensor::minimum(const Tensor& other) const { return weft::minimum(*this, other); }
Tensor Tensor::eq(const Tensor& other) const { return weft::eq(*this, other); }
Tensor Tensor::ne(const Tensor& other) const { return weft::ne(*this, other); }
Tensor Tensor::lt(const Tensor& other) const { return weft::lt(*this, other); }
Tensor Tensor::le(const Tensor& other) const { return weft::le(*this, other); }
Tensor Tensor::gt(const Tensor& other) const { return weft::gt(*this, other); }
Tensor Tensor::ge(const Tensor& other) const { return weft::ge(*this, other); }
Tensor Tensor::logical_and(const Tensor& other) const { return weft::logical_and(*this, other); }
Tensor Tensor::logical_or(const Tensor& other) const { return weft::logical_or(*this, other); }
Tensor Tensor::logical_xor(const Tensor& other) const { return weft::logical_xor(*this, other); }
Tensor Tensor::pow(const Scalar& exponent) const { return weft::pow(*this, exponent); }
Tensor& Tensor::pow_(const Tensor& exponent) { return weft::pow_(*this, exponent); }
Tensor& Tensor::pow_(const Scalar& exponent) { return weft::pow_(*this, exponent); }

Tensor Tensor::add(const Tensor& other, const Scalar& alpha) const {
  return weft::add(*this, other, alpha);
}
Tensor Tensor::add(const Scalar& other, const Scalar& alpha) const {
  return weft::add(*this, other, alpha);
}
Tensor Tensor::sub(const Tensor& other, const Scalar& alpha) const {
  return weft::sub(*this, other, alpha);
}
Tensor Tensor::sub(const Scalar& other, const Scalar& alpha) const {
  return weft::sub(*this, other, alpha);
}
Tensor Tensor::mul(const Tensor& other) const { return weft::mul(*this, other); }
Tensor Tensor::div(const Tensor& other, const char* rounding_mode) const {
  return weft::div(*this, other, rounding_mode);
}
Tensor Tensor::mul(const Scalar& other) const { return weft::mul(*this, other); }
Tensor Tensor::div(const Scalar& other, const char* rounding_mode) const {
  return weft::div(*this, other, rounding_mode);
}

}  // namespace weft
