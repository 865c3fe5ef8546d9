#pragma once

#include <bit>
#include <cmath>
#include <cstdint>

#include <weft/core/macros.h>

// What is made of random words, one element at a time; kernels of every device run these very
// functions. Only +, -, *, / and sqrt of IEEE 754 are used, each rounded to nearest, so the bits
// are the same everywhere, provided that the compiler neither fuses nor reorders: files that
// include this header are compiled with -ffp-contract=off (CUDA: --fmad=false) and without
// fast-math.
#define WEFT_RECIPE WEFT_HD __attribute__((always_inline)) inline

namespace weft::random {

// [0, 1) in steps of 2^-24 (2^-11 for f16, 2^-8 for bf16: all their values are exact).
WEFT_RECIPE float unit_f32(std::uint32_t w) {
  return static_cast<float>(static_cast<std::int32_t>(w >> 8)) * 0x1p-24f;
}
WEFT_RECIPE float unit_f16(std::uint32_t w) {
  return static_cast<float>(static_cast<std::int32_t>(w >> 21)) * 0x1p-11f;
}
WEFT_RECIPE float unit_bf16(std::uint32_t w) {
  return static_cast<float>(static_cast<std::int32_t>(w >> 24)) * 0x1p-8f;
}
// [0, 1) in steps of 2^-53; its leading 24 bits are those of unit_f32(w).
WEFT_RECIPE double unit_f64(std::uint32_t w, std::uint32_t v) {
  const std::uint64_t r = (std::uint64_t{w} << 32 | v) >> 11;
  return static_cast<double>(static_cast<std::int64_t>(r)) * 0x1p-53;
}

// low + u * (high - low); what rounds up to high becomes low, so that high is never returned.
template <class T>
WEFT_RECIPE T scaled(T u, T low, T high) {
  const T x = u * (high - low) + low;
  return x < high ? x : low;
}

// low + floor(r * span / 2^64): every value within 2^-64 of 1 / span. span is at least 1; 0 stands
// for 2^64.
WEFT_RECIPE std::uint64_t below(std::uint32_t w, std::uint32_t v, std::uint64_t span) {
  const std::uint64_t r = std::uint64_t{w} << 32 | v;
  if (span == 0) return r;
  const std::uint64_t a = span & 0xFFFFFFFFu, b = span >> 32;
  const std::uint64_t low = (v * a) >> 32;
  const std::uint64_t middle = w * a + low;
  const std::uint64_t cross = v * b + (middle & 0xFFFFFFFFu);
  return w * b + (middle >> 32) + (cross >> 32);
}

// Dropout keeps an element where w >= threshold: p * 2^32, rounded to nearest.
inline std::uint64_t drop_threshold(double p) {
  return static_cast<std::uint64_t>(std::nearbyint(p * 0x1p32));
}

// The normal distribution by Box and Muller (Ann. Math. Stat. 29, 1958): elements 2j and 2j + 1 of
// a fill come from their two words (w of the even one for the radius, of the odd one for the
// angle):
//   radius = sqrt(-2 log u), u = (w >> 1 + 1/2) / 2^31, so |z| <= 6.7 (f64: 63 bits of r, |z|
//   <= 9.4) z(2j) = radius cos(angle), z(2j + 1) = radius sin(angle), angle = quadrant pi/2 + t,
//   quadrant = the two leading bits, t = the others as a signed fraction of [-pi/4, pi/4).
// log(m 2^e) = e log 2 + 2 s + s^3 R(s^2), s = (m - 1) / (m + 1), sqrt(1/2) <= m < sqrt(2). R and
// the polynomials of sine and cosine are minimax fits by Remez's algorithm; their error is below
// 2^-26 of the result (f64: 2^-54).
template <class T>
struct NormalPair {
  T even, odd;
};

WEFT_RECIPE float log_f32(float x) {
  const auto bits = std::bit_cast<std::int32_t>(x) - 0x3F3504F3;  // sqrt(1/2)
  const auto e = static_cast<float>(bits >> 23);
  const auto m = std::bit_cast<float>((bits & 0x007FFFFF) + 0x3F3504F3);
  const float s = (m - 1.0f) / (m + 1.0f), z = s * s;
  const float r = (0.29582046f * z + 0.39988719f) * z + 0.66666685f;
  return e * 0.69314718f + (s * z * r + (s + s));
}

WEFT_RECIPE double log_f64(double x) {
  const auto bits = std::bit_cast<std::int64_t>(x) - 0x3FE6A09E667F3BCD;  // sqrt(1/2)
  const auto e = static_cast<double>(static_cast<std::int32_t>(bits >> 52));
  const auto m = std::bit_cast<double>((bits & 0x000FFFFFFFFFFFFF) + 0x3FE6A09E667F3BCD);
  const double s = (m - 1.0) / (m + 1.0), z = s * s;
  double r = 0.1308780436007637;
  r = r * z + 0.13268651782377156;
  r = r * z + 0.15386244613155704;
  r = r * z + 0.18181795541619739;
  r = r * z + 0.22222222392728374;
  r = r * z + 0.28571428570798638;
  r = r * z + 0.40000000000000886;
  r = r * z + 0.66666666666666666;
  return e * 0.69314718055994531 + (s * z * r + (s + s));
}

WEFT_RECIPE float sin_f32(float x) {  // |x| <= pi/4, as below
  const float z = x * x;
  return x * z * ((-1.958800886e-4f * z + 8.332748999e-3f) * z - 0.1666666467f) + x;
}
WEFT_RECIPE float cos_f32(float x) {
  const float z = x * x;
  return z * z * ((2.454804054e-5f * z - 1.388830364e-3f) * z + 0.04166666466f) + (1.0f - 0.5f * z);
}
WEFT_RECIPE double sin_f64(double x) {
  const double z = x * x;
  double p = 1.5918142600375186e-10;
  p = p * z - 2.5051132050021955e-8;
  p = p * z + 2.7557316103657839e-6;
  p = p * z - 1.9841269836761007e-4;
  p = p * z + 8.3333333333309504e-3;
  p = p * z - 0.16666666666666665;
  return x * z * p + x;
}
WEFT_RECIPE double cos_f64(double x) {
  const double z = x * x;
  double p = -1.1382639822808373e-11;
  p = p * z + 2.0876146382371568e-9;
  p = p * z - 2.7557317272344187e-7;
  p = p * z + 2.480158729876704e-5;
  p = p * z - 1.3888888888887398e-3;
  p = p * z + 0.041666666666666665;
  return z * z * p + (1.0 - 0.5 * z);
}

// (cos, sin) of quadrant pi/2 + t from those of t: odd quadrants swap, then signs.
template <class T>
WEFT_RECIPE NormalPair<T> turned(std::uint32_t quadrant, T cosine, T sine, T radius) {
  const T a = quadrant & 1 ? sine : cosine, b = quadrant & 1 ? cosine : sine;
  const T even = (quadrant + 1) & 2 ? -a : a, odd = quadrant & 2 ? -b : b;
  return {radius * even, radius * odd};
}

WEFT_RECIPE NormalPair<float> normal_f32(std::uint32_t w0, std::uint32_t w1) {
  const float u = (static_cast<float>(static_cast<std::int32_t>(w0 >> 1)) + 0.5f) * 0x1p-31f;
  const float radius = std::sqrt(-2.0f * log_f32(u));
  const float t = static_cast<float>(static_cast<std::int32_t>(w1 << 2)) * 3.657295e-10f;
  return turned(w1 >> 30, cos_f32(t), sin_f32(t), radius);
}

WEFT_RECIPE NormalPair<double> normal_f64(std::uint32_t w0, std::uint32_t v0, std::uint32_t w1,
                                          std::uint32_t v1) {
  const std::uint64_t r0 = std::uint64_t{w0} << 32 | v0, r1 = std::uint64_t{w1} << 32 | v1;
  const double u = (static_cast<double>(static_cast<std::int64_t>(r0 >> 1)) + 0.5) * 0x1p-63;
  const double radius = std::sqrt(-2.0 * log_f64(u));
  const double t = static_cast<double>(static_cast<std::int64_t>(r1 << 2)) * 0x1.921fb54442d18p-64;
  return turned(w1 >> 30, cos_f64(t), sin_f64(t), radius);
}

}  // namespace weft::random
