#pragma once

#include <weft/ops/elementwise.h>

// The reader of elementwise formulas that records: a tensor with the operators and functions of
// ops/formula.h. For .cpp files only.
namespace weft::formula {

struct Value {
  Tensor t;

  Value(Tensor t) : t(std::move(t)) {}  // NOLINT
  explicit Value(double constant) : t(make_scalar(constant, DType::F64)) {}

  friend Value operator+(const Value& a, const Value& b) { return weft::add(a.t, b.t); }
  friend Value operator-(const Value& a, const Value& b) { return weft::sub(a.t, b.t); }
  friend Value operator*(const Value& a, const Value& b) { return weft::mul(a.t, b.t); }
  friend Value operator/(const Value& a, const Value& b) { return weft::div(a.t, b.t); }
  friend Value operator-(const Value& a) { return weft::neg(a.t); }
  friend Value operator<(const Value& a, const Value& b) { return weft::lt(a.t, b.t); }
  friend Value operator<=(const Value& a, const Value& b) { return weft::le(a.t, b.t); }
  friend Value operator>(const Value& a, const Value& b) { return weft::gt(a.t, b.t); }
  friend Value operator>=(const Value& a, const Value& b) { return weft::ge(a.t, b.t); }
  friend Value operator==(const Value& a, const Value& b) { return weft::eq(a.t, b.t); }
  friend Value operator&(const Value& a, const Value& b) { return weft::logical_and(a.t, b.t); }
  friend Value operator|(const Value& a, const Value& b) { return weft::logical_or(a.t, b.t); }
  friend Value operator!(const Value& a) { return weft::logical_not(a.t); }
};

inline Value select(const Value& m, const Value& a, const Value& b) {
  return weft::where(m.t, a.t, b.t);
}
inline Value is_nan(const Value& x) { return weft::isnan(x.t); }
inline Value min(const Value& a, const Value& b) { return weft::minimum(a.t, b.t); }
inline Value abs(const Value& x) { return weft::abs(x.t); }
inline Value exp(const Value& x) { return weft::exp(x.t); }
inline Value log(const Value& x) { return weft::log(x.t); }
inline Value log1p(const Value& x) { return weft::log1p(x.t); }
inline Value sqrt(const Value& x) { return weft::sqrt(x.t); }
inline Value sin(const Value& x) { return weft::sin(x.t); }
inline Value cos(const Value& x) { return weft::cos(x.t); }
inline Value tanh(const Value& x) { return weft::tanh(x.t); }
inline Value erf(const Value& x) { return weft::erf(x.t); }
inline Value pow(const Value& a, const Value& b) { return weft::pow(a.t, b.t); }
inline Value trunc_div(const Value& a, const Value& b) { return weft::div(a.t, b.t, "trunc"); }
inline Value floor_div(const Value& a, const Value& b) { return weft::div(a.t, b.t, "floor"); }

}  // namespace weft::formula
