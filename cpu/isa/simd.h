#pragma once

// Vectors of the instruction set this file is compiled for. Included only by cpu/isa/*.cpp, which
// are compiled once per set with WEFT_ISA naming it; everything here is inlined, so that the linker
// has nothing to merge between the sets.
#include <immintrin.h>

#include <cstdint>

#define WEFT_INLINE [[gnu::always_inline]] inline
#define WEFT_LAMBDA __attribute__((always_inline))

namespace weft::cpu::WEFT_ISA {

#if defined(__AVX512F__)
inline constexpr int kVectorBytes = 64;
#elif defined(__AVX2__)
inline constexpr int kVectorBytes = 32;
#else
inline constexpr int kVectorBytes = 16;
#endif

template <class T>
struct VectorOf {
  typedef T type __attribute__((vector_size(kVectorBytes)));
};
template <class T>
using Vec = typename VectorOf<T>::type;
template <class T>
inline constexpr int kLanes = kVectorBytes / static_cast<int>(sizeof(T));

using Int = std::int64_t;
using VecF = Vec<float>;
using VecI = Vec<std::int32_t>;
using VecU = Vec<std::uint32_t>;
inline constexpr int kFloats = kLanes<float>;
typedef std::uint16_t VecHalfword __attribute__((vector_size(kVectorBytes / 2)));
typedef std::uint8_t VecQuarter __attribute__((vector_size(kVectorBytes / 4)));

struct Bf16 {  // the bits of a weft::BFloat16
  std::uint16_t bits;
};

template <class V, class T>
WEFT_INLINE V load_as(const T* p) {
  V v;
  __builtin_memcpy(&v, p, sizeof v);
  return v;
}
WEFT_INLINE VecF load(const float* p) { return load_as<VecF>(p); }
WEFT_INLINE Vec<double> load(const double* p) { return load_as<Vec<double>>(p); }
WEFT_INLINE VecF load(const Bf16* p) {
  const VecU wide = __builtin_convertvector(load_as<VecHalfword>(p), VecU) << 16;
  return reinterpret_cast<VecF>(wide);
}
template <class T>
WEFT_INLINE void store(T* p, Vec<T> v) {
  __builtin_memcpy(p, &v, sizeof v);
}
WEFT_INLINE void store(Bf16* p, VecF v) {
  const VecU b = reinterpret_cast<VecU>(v);
  const VecU even = (b + 0x7fffu + ((b >> 16) & 1u)) >> 16;
  const VecU bits = (v != v) ? ((b >> 16) | 0x40u) : even;
  const VecHalfword narrow = __builtin_convertvector(bits, VecHalfword);
  __builtin_memcpy(p, &narrow, sizeof narrow);
}

template <class T>
WEFT_INLINE Vec<T> broadcast(T x) {
  return x - Vec<T>{};
}

WEFT_INLINE VecF multiply_add(VecF a, VecF b, VecF c) {
#if defined(__AVX512F__)
  return reinterpret_cast<VecF>(_mm512_fmadd_ps(
      reinterpret_cast<__m512>(a), reinterpret_cast<__m512>(b), reinterpret_cast<__m512>(c)));
#elif defined(__FMA__)
  return reinterpret_cast<VecF>(_mm256_fmadd_ps(
      reinterpret_cast<__m256>(a), reinterpret_cast<__m256>(b), reinterpret_cast<__m256>(c)));
#else
  return a * b + c;
#endif
}
WEFT_INLINE Vec<double> multiply_add(Vec<double> a, Vec<double> b, Vec<double> c) {
#if defined(__AVX512F__)
  return reinterpret_cast<Vec<double>>(_mm512_fmadd_pd(
      reinterpret_cast<__m512d>(a), reinterpret_cast<__m512d>(b), reinterpret_cast<__m512d>(c)));
#elif defined(__FMA__)
  return reinterpret_cast<Vec<double>>(_mm256_fmadd_pd(
      reinterpret_cast<__m256d>(a), reinterpret_cast<__m256d>(b), reinterpret_cast<__m256d>(c)));
#else
  return a * b + c;
#endif
}

}  // namespace weft::cpu::WEFT_ISA
