#pragma once

#if defined(__CUDACC__)
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#else
#include <cstdio>
#include <cstdlib>
#endif

#include <cstdint>
#include <type_traits>

#include <weft/core/dtype.h>
#include <weft/ops/formula.h>

// What device code computes with, and elements of any dtype read and written as such. The rules are
// the CPU's (cpu/isa/): halves in float, integers in 64 bits that wrap around.
namespace weft::cuda {

struct Int {
  std::int64_t v;

  Int() = default;
  WEFT_HD Int(std::int64_t v) : v(v) {}  // NOLINT
  // Constants of a formula; infinite bounds saturate.
  WEFT_HD explicit Int(int c) : v(c) {}
  WEFT_HD explicit Int(double c)
      : v(c >= 0x1p63   ? INT64_MAX
          : c < -0x1p63 ? INT64_MIN
                        : static_cast<std::int64_t>(c)) {}
  WEFT_HD static Int wrap(std::uint64_t u) { return static_cast<std::int64_t>(u); }
  WEFT_HD std::uint64_t bits() const { return static_cast<std::uint64_t>(v); }

  WEFT_HD friend Int operator+(Int a, Int b) { return wrap(a.bits() + b.bits()); }
  WEFT_HD friend Int operator-(Int a, Int b) { return wrap(a.bits() - b.bits()); }
  WEFT_HD friend Int operator*(Int a, Int b) { return wrap(a.bits() * b.bits()); }
  WEFT_HD friend Int operator/(Int a, Int b) { return formula::trunc_div(a.v, b.v); }
  WEFT_HD friend Int operator-(Int a) { return wrap(0 - a.bits()); }
  WEFT_HD friend Int operator&(Int a, Int b) { return a.v & b.v; }
  WEFT_HD friend Int operator|(Int a, Int b) { return a.v | b.v; }
  WEFT_HD friend Int operator^(Int a, Int b) { return a.v ^ b.v; }
  WEFT_HD friend bool operator<(Int a, Int b) { return a.v < b.v; }
  WEFT_HD friend bool operator<=(Int a, Int b) { return a.v <= b.v; }
  WEFT_HD friend bool operator>(Int a, Int b) { return a.v > b.v; }
  WEFT_HD friend bool operator>=(Int a, Int b) { return a.v >= b.v; }
  WEFT_HD friend bool operator==(Int a, Int b) { return a.v == b.v; }
  WEFT_HD friend bool operator!=(Int a, Int b) { return a.v != b.v; }
};
WEFT_HD inline Int select(bool m, Int a, Int b) { return m ? a : b; }
WEFT_HD inline bool is_nan(Int) { return false; }
WEFT_HD inline Int abs(Int x) { return x.v < 0 ? -x : x; }
WEFT_HD inline Int floor(Int x) { return x; }
WEFT_HD inline Int ceil(Int x) { return x; }
WEFT_HD inline Int round_even(Int x) { return x; }
WEFT_HD inline Int trunc_div(Int a, Int b) { return formula::trunc_div(a.v, b.v); }
WEFT_HD inline Int floor_div(Int a, Int b) { return formula::floor_div(a.v, b.v); }
WEFT_HD inline Int trunc_rem(Int a, Int b) { return formula::trunc_rem(a.v, b.v); }
WEFT_HD inline Int floor_rem(Int a, Int b) { return formula::floor_rem(a.v, b.v); }
WEFT_HD inline Int shift_left(Int a, Int b) { return formula::shift_left(a.v, b.v); }
WEFT_HD inline Int shift_right(Int a, Int b) { return formula::shift_right(a.v, b.v); }
WEFT_HD inline Int pow(Int a, Int b) {
  if (b.v < 0) return Int(std::int64_t{a.v == 1 ? 1 : a.v == -1 ? (b.v % 2 ? -1 : 1) : 0});
  Int result(std::int64_t{1});
  for (std::int64_t e = b.v; e > 0; e >>= 1, a = a * a) {
    if (e & 1) result = result * a;
  }
  return result;
}

// ---- Elements
#if defined(__CUDACC__)
using Half = __half;
using BFloat = __nv_bfloat16;
WEFT_HD inline float to_float(Half h) { return __half2float(h); }
WEFT_HD inline float to_float(BFloat h) { return __bfloat162float(h); }
WEFT_HD inline void round_to(float f, Half& h) { h = __float2half_rn(f); }
WEFT_HD inline void round_to(float f, BFloat& h) { h = __float2bfloat16_rn(f); }
#else
using Half = weft::Half;
using BFloat = weft::BFloat16;
inline float to_float(Half h) { return h; }
inline float to_float(BFloat h) { return h; }
inline void round_to(float f, Half& h) { h = Half(f); }
inline void round_to(float f, BFloat& h) { h = BFloat(f); }
#endif
template <class T>
inline constexpr bool is_half_type = std::is_same_v<T, Half> || std::is_same_v<T, BFloat>;

// C: float, double or Int; D: what lies in memory.
template <class C, class D>
WEFT_HD C widen(D d) {
  if constexpr (is_half_type<D>) {
    return widen<C>(to_float(d));
  } else if constexpr (!std::is_same_v<C, Int>) {
    return static_cast<C>(d);
  } else if constexpr (std::is_floating_point_v<D>) {
    return d != d ? Int(std::int64_t{0}) : Int(static_cast<double>(d));
  } else {
    return Int(static_cast<std::int64_t>(d));
  }
}
template <class D, class C>
WEFT_HD D narrow(C c) {
  if constexpr (is_half_type<D>) {
    D d;
    if constexpr (std::is_same_v<C, Int>) {
      round_to(static_cast<float>(c.v), d);
    } else {
      round_to(static_cast<float>(c), d);
    }
    return d;
  } else if constexpr (std::is_same_v<C, Int>) {
    return static_cast<D>(c.v);
  } else if constexpr (std::is_integral_v<D>) {
    return static_cast<D>(widen<Int>(c).v);
  } else {
    return static_cast<D>(c);
  }
}

// Calls f with the type that a floating dtype is computed in.
template <class F>
void by_compute(DType t, F&& f) {
  if (t == DType::F64) return f(double{});
  f(float{});
}

// Calls f with an element's type as it lies in memory. Plain switch: core's dispatch() is the
// host's.
template <class F>
WEFT_HD decltype(auto) by_dtype(DType t, F&& f) {
  switch (t) {
    case DType::Bool:
    case DType::U8: return f(std::uint8_t{});
    case DType::I8: return f(std::int8_t{});
    case DType::I16: return f(std::int16_t{});
    case DType::I32: return f(std::int32_t{});
    case DType::I64: return f(std::int64_t{});
    case DType::F16: return f(Half{});
    case DType::BF16: return f(BFloat{});
    case DType::F32: return f(float{});
    default: return f(double{});
  }
}

// The same of floating dtypes alone.
template <class F>
WEFT_HD decltype(auto) by_floating(DType t, F&& f) {
  if (t == DType::F32) return f(float{});
  if (t == DType::F16) return f(Half{});
  if (t == DType::BF16) return f(BFloat{});
  return f(double{});
}

template <class C>
WEFT_HD C load(const char* at, DType t) {
  return by_dtype(t, [at](auto d) { return widen<C>(*reinterpret_cast<const decltype(d)*>(at)); });
}
// What becomes bool is compared with zero.
template <class C>
WEFT_HD void store(char* at, DType t, C value) {
  if (t == DType::Bool) {
    *at = value != C(0);
    return;
  }
  by_dtype(
      t, [at, value](auto d) { *reinterpret_cast<decltype(d)*>(at) = narrow<decltype(d)>(value); });
}
WEFT_HD inline void store(char* at, DType, bool value) { *at = value; }

// kVector elements that lie beside each other and start on a border of their size, at most 16
// bytes.
inline constexpr int kVector = 8;
template <class D>
struct alignas(sizeof(D) * kVector < 16 ? sizeof(D) * kVector : 16) Pack {
  D value[kVector];
};
// The pack at a place, which must be on its border: simulated devices end the process where it is
// not, as a real one ends its context.
template <class D>
WEFT_HD Pack<D>* pack_at(const char* at) {
#if !defined(__CUDACC__)
  if (reinterpret_cast<std::uintptr_t>(at) % alignof(Pack<D>) != 0) {
    std::fputs("a simulated device was given a pack off its border\n", stderr);
    std::abort();
  }
#endif
  return reinterpret_cast<Pack<D>*>(const_cast<char*>(at));
}

// Packs of these dtypes are read and written at once; all else goes one by one, so that a kernel
// holds no code that is hardly ever run.
template <class C>
constexpr bool packs(DType t) {
  if constexpr (std::is_same_v<C, float>) return t == DType::F32 || is_half(t);
  if constexpr (std::is_same_v<C, double>) return t == DType::F64;
  return t == DType::I64;
}
template <class C, class F>
WEFT_HD void by_pack(DType t, F&& f) {
  if constexpr (std::is_same_v<C, float>) {
    if (t == DType::F32) return f(float{});
    if (t == DType::F16) return f(Half{});
    return f(BFloat{});
  } else if constexpr (std::is_same_v<C, double>) {
    return f(double{});
  } else {
    return f(std::int64_t{});
  }
}
template <class C>
WEFT_HD void load_pack(const char* at, DType t, C (&out)[kVector]) {
  by_pack<C>(t, [&](auto d) {
    const auto pack = *pack_at<decltype(d)>(at);
    for (int j = 0; j < kVector; ++j) out[j] = widen<C>(pack.value[j]);
  });
}
template <class C>
WEFT_HD void store_pack(char* at, DType t, const C (&value)[kVector]) {
  by_pack<C>(t, [&](auto d) {
    using D = decltype(d);
    Pack<D> pack;
    for (int j = 0; j < kVector; ++j) pack.value[j] = narrow<D>(value[j]);
    *pack_at<D>(at) = pack;
  });
}
WEFT_HD inline void store_pack(char* at, DType, const bool (&value)[kVector]) {
  Pack<std::uint8_t> pack;
  for (int j = 0; j < kVector; ++j) pack.value[j] = value[j];
  *pack_at<std::uint8_t>(at) = pack;
}

}  // namespace weft::cuda
