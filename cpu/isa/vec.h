#pragma once

#include <immintrin.h>

#include <cstring>

#include <Eigen/Core>
#include <unsupported/Eigen/SpecialFunctions>

#include <weft/ops/formula.h>

// The number types that elementwise formulas (ops/formula.h) are read with on the CPU: a register
// of floats or doubles over Eigen's packet functions, and an integer. All live in the instruction
// set's own namespace, so that no symbol of theirs can be merged with another set's.
namespace weft::cpu::WEFT_ISA {

namespace packet = Eigen::internal;

template <class S>
struct Mask {
  typename packet::packet_traits<S>::type p;
  friend Mask operator&(Mask a, Mask b) { return {packet::pand(a.p, b.p)}; }
  friend Mask operator|(Mask a, Mask b) { return {packet::por(a.p, b.p)}; }
  friend Mask operator!(Mask a) { return {packet::pandnot(packet::ptrue(a.p), a.p)}; }
};

inline void put_past_caches(float* x, __m128 p) { _mm_stream_ps(x, p); }
inline void put_past_caches(double* x, __m128d p) { _mm_stream_pd(x, p); }
#ifdef __AVX__
inline void put_past_caches(float* x, __m256 p) { _mm256_stream_ps(x, p); }
inline void put_past_caches(double* x, __m256d p) { _mm256_stream_pd(x, p); }
#endif
#ifdef __AVX512F__
inline void put_past_caches(float* x, __m512 p) { _mm512_stream_ps(x, p); }
inline void put_past_caches(double* x, __m512d p) { _mm512_stream_pd(x, p); }
#endif

template <class S>
struct Vec {
  using Scalar = S;
  using Packet = typename packet::packet_traits<S>::type;
  using MaskType = Mask<S>;
  static constexpr int size = packet::unpacket_traits<Packet>::size;
  Packet p;

  Vec() = default;
  Vec(Packet p) : p(p) {}  // NOLINT
  explicit Vec(double v) : p(packet::pset1<Packet>(static_cast<S>(v))) {}

  static Vec load(const S* x) { return packet::ploadu<Packet>(x); }
  void store(S* x) const { packet::pstoreu(x, p); }
  // To aligned memory, past the caches; _mm_sfence() before others may read it.
  void stream(S* x) const { put_past_caches(x, p); }

  friend Vec operator+(Vec a, Vec b) { return packet::padd(a.p, b.p); }
  friend Vec operator-(Vec a, Vec b) { return packet::psub(a.p, b.p); }
  friend Vec operator*(Vec a, Vec b) { return packet::pmul(a.p, b.p); }
  friend Vec operator/(Vec a, Vec b) { return packet::pdiv(a.p, b.p); }
  friend Vec operator-(Vec a) { return packet::pnegate(a.p); }
  friend MaskType operator<(Vec a, Vec b) { return {packet::pcmp_lt(a.p, b.p)}; }
  friend MaskType operator<=(Vec a, Vec b) { return {packet::pcmp_le(a.p, b.p)}; }
  friend MaskType operator>(Vec a, Vec b) { return {packet::pcmp_lt(b.p, a.p)}; }
  friend MaskType operator>=(Vec a, Vec b) { return {packet::pcmp_le(b.p, a.p)}; }
  friend MaskType operator==(Vec a, Vec b) { return {packet::pcmp_eq(a.p, b.p)}; }
};

template <class S>
Vec<S> select(Mask<S> m, Vec<S> a, Vec<S> b) {
  return packet::pselect(m.p, a.p, b.p);
}
template <class S>
Mask<S> is_nan(Vec<S> x) {
  return !(x == x);
}
template <class S>
Vec<S> min(Vec<S> a, Vec<S> b) {
  return select(b < a, b, a);
}
template <class S>
Vec<S> abs(Vec<S> x) {
  return packet::pabs(x.p);
}
// The processor's own: Eigen's goes by an estimate in AVX, which makes NaN of infinity.
inline __m128 root(__m128 x) { return _mm_sqrt_ps(x); }
inline __m128d root(__m128d x) { return _mm_sqrt_pd(x); }
#ifdef __AVX__
inline __m256 root(__m256 x) { return _mm256_sqrt_ps(x); }
inline __m256d root(__m256d x) { return _mm256_sqrt_pd(x); }
#endif
#ifdef __AVX512F__
inline __m512 root(__m512 x) { return _mm512_sqrt_ps(x); }
inline __m512d root(__m512d x) { return _mm512_sqrt_pd(x); }
#endif
template <class S>
Vec<S> sqrt(Vec<S> x) {
  return typename Vec<S>::Packet(root(x.p));
}
template <class S>
Vec<S> floor(Vec<S> x) {
  return packet::pfloor(x.p);
}
template <class S>
Vec<S> ceil(Vec<S> x) {
  return packet::pceil(x.p);
}
template <class S>
Vec<S> round_even(Vec<S> x) {
  return packet::print(x.p);
}

// What Eigen has no packet function for is done lane by lane.
template <class S, class F>
Vec<S> each(Vec<S> x, F f) {
  alignas(64) S lane[Vec<S>::size];
  x.store(lane);
  for (S& v : lane) v = f(v);
  return Vec<S>::load(lane);
}
template <class S, class F>
Vec<S> each(Vec<S> x, Vec<S> y, F f) {
  alignas(64) S a[Vec<S>::size], b[Vec<S>::size];
  x.store(a);
  y.store(b);
  for (int i = 0; i < Vec<S>::size; ++i) a[i] = f(a[i], b[i]);
  return Vec<S>::load(a);
}

// e^x = 2^n e^r, where n is the integer nearest to x / ln 2 and r what is left of x: the polynomial
// and the two parts of ln 2 (n times the first is exact) are those of Cephes' expf. Adding 1.5 *
// 2^23 rounds to an integer and leaves it in the lowest bits, from where a shift brings it to the
// exponent. What would be subnormal is 0.
inline Vec<float> exp(Vec<float> x) {
  using V = Vec<float>;
  typedef std::uint32_t Bits __attribute__((vector_size(sizeof(V::Packet))));
  const auto fma = [](V a, V b, double c) { return V(packet::pmadd(a.p, b.p, V(c).p)); };
  const V shifted = fma(x, V(1.44269504088896341), 0x1.8p23), n = shifted - V(0x1.8p23);
  V r = packet::pmadd(n.p, V(-0.693359375).p, x.p);
  r = packet::pmadd(n.p, V(2.12194440e-4).p, r.p);
  V p = fma(V(1.9875691500e-4), r, 1.3981999507e-3);
  p = fma(p, r, 8.3334519073e-3);
  p = fma(p, r, 4.1665795894e-2);
  p = fma(p, r, 1.6666665459e-1);
  p = fma(p, r, 5.0000001201e-1);
  p = V(packet::pmadd((r * r).p, p.p, r.p)) + V(1);
  const Bits power = reinterpret_cast<Bits>(shifted.p) << 23;
  const V y = reinterpret_cast<V::Packet>(reinterpret_cast<Bits>(p.p) + power);
  const V finite = packet::pandnot(y.p, (x < V(-87.33654)).p);
  return select(x <= V(88.72283), finite, x * V(HUGE_VAL));  // beyond: infinity, or NaN as it came
}
// Eigen's stays at its smallest number for all that lies below that one's logarithm, -infinity
// among it. What would be subnormal is 0.
inline Vec<double> exp(Vec<double> x) {
  return packet::pandnot(packet::pexp(x.p), (x < Vec<double>(-708.396)).p);
}
template <class S>
Vec<S> log(Vec<S> x) {
  return packet::plog(x.p);
}
inline Vec<float> log1p(Vec<float> x) { return packet::plog1p(x.p); }
inline Vec<double> log1p(Vec<double> x) {
  return each(x, [](double v) { return ::log1p(v); });
}
inline Vec<float> sin(Vec<float> x) { return packet::psin(x.p); }
inline Vec<double> sin(Vec<double> x) {
  return each(x, [](double v) { return ::sin(v); });
}
inline Vec<float> cos(Vec<float> x) { return packet::pcos(x.p); }
inline Vec<double> cos(Vec<double> x) {
  return each(x, [](double v) { return ::cos(v); });
}
inline Vec<float> tanh(Vec<float> x) { return packet::ptanh(x.p); }
inline Vec<double> tanh(Vec<double> x) {
  return each(x, [](double v) { return ::tanh(v); });
}
inline Vec<float> erf(Vec<float> x) {
  return each(x, [](float v) { return ::erff(v); });
}
inline Vec<double> erf(Vec<double> x) {
  return each(x, [](double v) { return ::erf(v); });
}
inline Vec<float> pow(Vec<float> x, Vec<float> y) {
  return each(x, y, [](float a, float b) { return ::powf(a, b); });
}
inline Vec<double> pow(Vec<double> x, Vec<double> y) {
  return each(x, y, [](double a, double b) { return ::pow(a, b); });
}
template <class S>
Vec<S> trunc_div(Vec<S> a, Vec<S> b) {
  const Vec<S> q = a / b;
  return select(q < Vec<S>(0), ceil(q), floor(q));
}
template <class S>
Vec<S> floor_div(Vec<S> a, Vec<S> b) {
  return each(a, b, [](S x, S y) { return formula::floor_div(x, y); });
}
template <class S>
Vec<S> trunc_rem(Vec<S> a, Vec<S> b) {
  return each(a, b, [](S x, S y) { return formula::trunc_rem(x, y); });
}
template <class S>
Vec<S> floor_rem(Vec<S> a, Vec<S> b) {
  return each(a, b, [](S x, S y) { return formula::floor_rem(x, y); });
}

// bool and all integer dtypes are computed as 64-bit integers; storing wraps to the dtype's width.
struct Flag {
  bool m;
  friend Flag operator&(Flag a, Flag b) { return {a.m && b.m}; }
  friend Flag operator|(Flag a, Flag b) { return {a.m || b.m}; }
  friend Flag operator!(Flag a) { return {!a.m}; }
};

struct Int {
  using Scalar = std::int64_t;
  using MaskType = Flag;
  static constexpr int size = 1;
  std::int64_t v;

  Int() = default;
  Int(std::int64_t v) : v(v) {}  // NOLINT
  // A constant of a formula; infinite bounds saturate.
  explicit Int(int c) : v(c) {}
  explicit Int(double c)
      : v(c >= 0x1p63   ? INT64_MAX
          : c < -0x1p63 ? INT64_MIN
                        : static_cast<std::int64_t>(c)) {}
  static Int load(const std::int64_t* x) { return *x; }
  void store(std::int64_t* x) const { *x = v; }
  static Int wrap(std::uint64_t u) { return static_cast<std::int64_t>(u); }

  friend Int operator+(Int a, Int b) {
    return wrap(static_cast<std::uint64_t>(a.v) + static_cast<std::uint64_t>(b.v));
  }
  friend Int operator-(Int a, Int b) {
    return wrap(static_cast<std::uint64_t>(a.v) - static_cast<std::uint64_t>(b.v));
  }
  friend Int operator*(Int a, Int b) {
    return wrap(static_cast<std::uint64_t>(a.v) * static_cast<std::uint64_t>(b.v));
  }
  friend Int operator/(Int a, Int b) { return formula::trunc_div(a.v, b.v); }
  friend Int operator-(Int a) { return Int(0) - a; }
  friend Int operator&(Int a, Int b) { return a.v & b.v; }
  friend Int operator|(Int a, Int b) { return a.v | b.v; }
  friend Int operator^(Int a, Int b) { return a.v ^ b.v; }
  friend Flag operator<(Int a, Int b) { return {a.v < b.v}; }
  friend Flag operator<=(Int a, Int b) { return {a.v <= b.v}; }
  friend Flag operator>(Int a, Int b) { return {a.v > b.v}; }
  friend Flag operator>=(Int a, Int b) { return {a.v >= b.v}; }
  friend Flag operator==(Int a, Int b) { return {a.v == b.v}; }
};
inline Int select(Flag m, Int a, Int b) { return m.m ? a : b; }
inline Flag is_nan(Int) { return {false}; }
inline Int abs(Int x) { return x.v < 0 ? -x : x; }
inline Int floor(Int x) { return x; }
inline Int ceil(Int x) { return x; }
inline Int round_even(Int x) { return x; }
inline Int trunc_div(Int a, Int b) { return formula::trunc_div(a.v, b.v); }
inline Int floor_div(Int a, Int b) { return formula::floor_div(a.v, b.v); }
inline Int trunc_rem(Int a, Int b) { return formula::trunc_rem(a.v, b.v); }
inline Int floor_rem(Int a, Int b) { return formula::floor_rem(a.v, b.v); }
inline Int shift_left(Int a, Int b) { return formula::shift_left(a.v, b.v); }
inline Int shift_right(Int a, Int b) { return formula::shift_right(a.v, b.v); }
inline Int pow(Int a, Int b) {
  if (b.v < 0) return Int(std::int64_t{a.v == 1 ? 1 : a.v == -1 ? (b.v % 2 ? -1 : 1) : 0});
  Int result(std::int64_t{1});
  for (std::int64_t e = b.v; e > 0; e >>= 1, a = a * a) {
    if (e & 1) result = result * a;
  }
  return result;
}

template <class S>
void store_mask(Mask<S> m, std::uint8_t* out) {
  alignas(64) S lane[Vec<S>::size];
  select(m, Vec<S>(1), Vec<S>(0)).store(lane);
  for (int i = 0; i < Vec<S>::size; ++i) out[i] = lane[i] != 0;
}
inline void store_mask(Flag m, std::uint8_t* out) { *out = m.m; }

}  // namespace weft::cpu::WEFT_ISA
