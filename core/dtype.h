#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>
#include <type_traits>
#include <utility>

#include <weft/core/macros.h>

namespace weft {

// The order is that of promotion within a category; values are written to no file.
enum class DType : std::uint8_t { Bool, U8, I8, I16, I32, I64, F16, BF16, F32, F64 };
inline constexpr int kDTypeCount = 10;

inline constexpr DType boolean = DType::Bool, u8 = DType::U8, i8 = DType::I8, i16 = DType::I16,
                       i32 = DType::I32, i64 = DType::I64, f16 = DType::F16, bf16 = DType::BF16,
                       f32 = DType::F32, f64 = DType::F64;

// IEEE 754 binary16, storage only: arithmetic is done in float. Rounds to nearest even.
struct Half {
  std::uint16_t bits = 0;
  Half() = default;
  WEFT_API explicit Half(float value);
  WEFT_API operator float() const;  // NOLINT: widening is exact
};

// The upper half of a float, storage only. Rounds to nearest even; NaN stays a quiet NaN.
struct BFloat16 {
  std::uint16_t bits = 0;
  BFloat16() = default;
  explicit BFloat16(float value) {
    const auto b = std::bit_cast<std::uint32_t>(value);
    const bool nan = (b & 0x7fffffffu) > 0x7f800000u;
    bits = static_cast<std::uint16_t>(nan ? (b >> 16) | 0x40u
                                          : (b + 0x7fffu + ((b >> 16) & 1u)) >> 16);
  }
  operator float() const { return std::bit_cast<float>(std::uint32_t{bits} << 16); }  // NOLINT
};

constexpr std::size_t size_of(DType t) {
  constexpr std::size_t sizes[kDTypeCount] = {1, 1, 1, 2, 4, 8, 2, 2, 4, 8};
  return sizes[static_cast<int>(t)];
}
constexpr bool is_floating(DType t) { return t >= DType::F16; }
constexpr bool is_integral(DType t) { return t >= DType::U8 && t <= DType::I64; }
constexpr bool is_half(DType t) { return t == DType::F16 || t == DType::BF16; }

// "float32", "int64", "bool"...: PyTorch's names.
WEFT_API std::string_view name(DType t);

// PyTorch's promotion lattice for two tensors with dimensions: f16 with bf16 gives f32, u8 with a
// signed type the next wider signed type.
WEFT_API DType promote(DType a, DType b);

// Whether a tensor of `to` takes what is computed in `from`: bool, integers, floating dtypes, each
// holds those before it.
constexpr bool can_cast(DType from, DType to) {
  const auto category = [](DType t) { return t == DType::Bool ? 0 : is_integral(t) ? 1 : 2; };
  return category(from) <= category(to);
}

namespace detail {
template <class T>
struct DTypeOf;
// clang-format off
template <> struct DTypeOf<bool> { static constexpr DType value = DType::Bool; };
template <> struct DTypeOf<std::uint8_t> { static constexpr DType value = DType::U8; };
template <> struct DTypeOf<std::int8_t> { static constexpr DType value = DType::I8; };
template <> struct DTypeOf<std::int16_t> { static constexpr DType value = DType::I16; };
template <> struct DTypeOf<std::int32_t> { static constexpr DType value = DType::I32; };
template <> struct DTypeOf<std::int64_t> { static constexpr DType value = DType::I64; };
template <> struct DTypeOf<long long> { static constexpr DType value = DType::I64; };
template <> struct DTypeOf<Half> { static constexpr DType value = DType::F16; };
template <> struct DTypeOf<BFloat16> { static constexpr DType value = DType::BF16; };
template <> struct DTypeOf<float> { static constexpr DType value = DType::F32; };
template <> struct DTypeOf<double> { static constexpr DType value = DType::F64; };
// clang-format on
}  // namespace detail

template <class T>
inline constexpr DType dtype_of = detail::DTypeOf<std::remove_cv_t<T>>::value;

template <class T>
struct Tag {
  using type = T;
};

// Calls f(Tag<T>{}) with the C++ type of t:
// dispatch(t, [&](auto tag) { using T = decltype(tag)::type; ... });
template <class F>
decltype(auto) dispatch(DType t, F&& f) {
  switch (t) {
    case DType::Bool: return f(Tag<bool>{});
    case DType::U8: return f(Tag<std::uint8_t>{});
    case DType::I8: return f(Tag<std::int8_t>{});
    case DType::I16: return f(Tag<std::int16_t>{});
    case DType::I32: return f(Tag<std::int32_t>{});
    case DType::I64: return f(Tag<std::int64_t>{});
    case DType::F16: return f(Tag<Half>{});
    case DType::BF16: return f(Tag<BFloat16>{});
    case DType::F32: return f(Tag<float>{});
    case DType::F64: return f(Tag<double>{});
  }
  std::abort();  // unreachable: the enumeration is closed
}

}  // namespace weft
