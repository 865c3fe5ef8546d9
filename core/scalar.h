#pragma once

#include <concepts>

#include <weft/core/dtype.h>

namespace weft {

// A number that takes part in type promotion weakly: it gives its category (bool, integer,
// floating), not its width.
class Scalar {
 public:
  Scalar(bool value) : kind_(DType::Bool) { value_.integer = value; }  // NOLINT
  template <std::integral T>
  Scalar(T value) : kind_(DType::I64) {
    value_.integer = static_cast<std::int64_t>(value);
  }  // NOLINT
  template <std::floating_point T>
  Scalar(T value) : kind_(DType::F64) {
    value_.floating = static_cast<double>(value);
  }                                                              // NOLINT
  Scalar(Half value) : Scalar(static_cast<float>(value)) {}      // NOLINT
  Scalar(BFloat16 value) : Scalar(static_cast<float>(value)) {}  // NOLINT

  DType dtype() const { return kind_; }  // bool, i64 or f64
  bool is_floating() const { return kind_ == DType::F64; }
  double to_double() const {
    return is_floating() ? value_.floating : static_cast<double>(value_.integer);
  }
  // Towards zero; out of range saturates, NaN gives 0.
  WEFT_API std::int64_t to_int() const;
  bool to_bool() const { return is_floating() ? value_.floating != 0 : value_.integer != 0; }

  template <class T>
  T to() const {
    if constexpr (std::is_same_v<T, bool>) {
      return to_bool();
    } else if constexpr (std::is_integral_v<T>) {
      return static_cast<T>(to_int());
    } else if constexpr (std::is_same_v<T, Half> || std::is_same_v<T, BFloat16>) {
      return T(static_cast<float>(to_double()));
    } else {
      return static_cast<T>(to_double());
    }
  }

 private:
  union {
    std::int64_t integer;
    double floating;
  } value_;
  DType kind_;
};

}  // namespace weft
