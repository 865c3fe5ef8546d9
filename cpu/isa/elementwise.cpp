#include <weft/cpu/isa.h>
#include <weft/cpu/isa/vec.h>

#include <immintrin.h>

#include <utility>

// One loop for each elementwise op and compute type. Tails run through the same vector code as the
// rest, so an element's bits do not depend on where a range was cut.
namespace weft::cpu::WEFT_ISA {
namespace {

template <class V, class R>
void store_result(R r, void* out, Index i) {
  if constexpr (std::is_same_v<R, V>) {
    r.store(static_cast<typename V::Scalar*>(out) + i);
  } else {
    store_mask(r, static_cast<std::uint8_t*>(out) + i);
  }
}

// Whether an output is new memory of which the last cache would keep little: written around the
// caches, it is not read first, and what others need stays there.
inline bool past_caches(Index bytes, const void* out, const void* const* in, int k) {
  if (bytes < (Index{16} << 20)) return false;
  while (k-- > 0) {
    if (in[k] == out) return false;
  }
  return true;
}

// f(vectors...) over n elements of K inputs.
template <class V, int K, class F>
inline void loop(Index n, void* out, const void* const* in, F f) {
  using S = typename V::Scalar;
  const auto run = [&]<std::size_t... I>(std::index_sequence<I...>) {
    using R = decltype(f((static_cast<void>(I), V(S(0)))...));
    Index i = 0;
    if constexpr (std::is_same_v<R, V> && V::size > 1) {
      if (past_caches(n * static_cast<Index>(sizeof(S)), out, in, K)) {
        const auto past = reinterpret_cast<std::uintptr_t>(out) % sizeof(V) / sizeof(S);
        i = static_cast<Index>((static_cast<std::size_t>(V::size) - past) % V::size);
        loop<V, K>(i, out, in, f);
        for (; i + V::size <= n; i += V::size) {
          f(V::load(static_cast<const S*>(in[I]) + i)...).stream(static_cast<S*>(out) + i);
        }
        _mm_sfence();
      }
    }
    for (; i + V::size <= n; i += V::size) {
      store_result<V>(f(V::load(static_cast<const S*>(in[I]) + i)...), out, i);
    }
    if (i == n) return;
    alignas(64) S tail[K][V::size] = {};
    alignas(64) S result[V::size];
    for (int k = 0; k < K; ++k) {
      for (Index j = i; j < n; ++j) tail[k][j - i] = static_cast<const S*>(in[k])[j];
    }
    store_result<V>(f(V::load(tail[I])...), result, 0);
    using Stored = std::conditional_t<std::is_same_v<R, V>, S, std::uint8_t>;
    const Stored* from = reinterpret_cast<const Stored*>(result);
    for (Index j = i; j < n; ++j) static_cast<Stored*>(out)[j] = from[j - i];
  };
  run(std::make_index_sequence<K>{});
}

template <class Op, class V>
void unary_run(const void* op, Index n, void* out, const void* const* in) {
  const Op o = *static_cast<const Op*>(op);
  loop<V, 1>(n, out, in, [o](V x) { return o.template forward<V>(x); });
}
template <class Op, class V>
void unary_grad_run(const void* op, Index n, void* out, const void* const* in) {
  const Op o = *static_cast<const Op*>(op);
  loop<V, 3>(n, out, in, [o](V g, V x, V y) { return o.template grad<V>(g, x, y); });
}
template <class Op, class V>
void binary_run(const void* op, Index n, void* out, const void* const* in) {
  const Op o = *static_cast<const Op*>(op);
  loop<V, 2>(n, out, in, [o](V a, V b) { return o.template forward<V>(a, b); });
}
template <class Op, class V, int Which>
void binary_grad_run(const void* op, Index n, void* out, const void* const* in) {
  const Op o = *static_cast<const Op*>(op);
  loop<V, 4>(n, out, in, [o](V g, V a, V b, V y) {
    if constexpr (Which == 0)
      return o.template grad_a<V>(g, a, b, y);
    else
      return o.template grad_b<V>(g, a, b, y);
  });
}

template <class... Ops>
constexpr void fill_unary(IsaKernels& k, OpList<Ops...>) {
  int i = 0;
  const auto one = [&]<class Op>(const Op*) {
    k.unary[i][0] = unary_run<Op, Vec<float>>;
    k.unary[i][1] = unary_run<Op, Vec<double>>;
    if constexpr (Op::domain != Domain::Floating) k.unary[i][2] = unary_run<Op, Int>;
    if constexpr (Differentiable<Op>) {
      k.unary_grad[i][0] = unary_grad_run<Op, Vec<float>>;
      k.unary_grad[i][1] = unary_grad_run<Op, Vec<double>>;
    }
    ++i;
  };
  (one(static_cast<const Ops*>(nullptr)), ...);
}

template <class... Ops>
constexpr void fill_binary(IsaKernels& k, OpList<Ops...>) {
  int i = 0;
  const auto one = [&]<class Op>(const Op*) {
    if constexpr (takes_floating(Op::domain)) {
      k.binary[i][0] = binary_run<Op, Vec<float>>;
      k.binary[i][1] = binary_run<Op, Vec<double>>;
    }
    if constexpr (Op::domain != Domain::Floating) k.binary[i][2] = binary_run<Op, Int>;
    if constexpr (Differentiable<Op>) {
      k.binary_grad[0][i][0] = binary_grad_run<Op, Vec<float>, 0>;
      k.binary_grad[0][i][1] = binary_grad_run<Op, Vec<double>, 0>;
      k.binary_grad[1][i][0] = binary_grad_run<Op, Vec<float>, 1>;
      k.binary_grad[1][i][1] = binary_grad_run<Op, Vec<double>, 1>;
    }
    ++i;
  };
  (one(static_cast<const Ops*>(nullptr)), ...);
}

// ---- Conversions. Half types are named by Load/Store's own structs, which only core defines: here
// their bits are converted by hand, so that no function of core is compiled into this file.
struct HalfBits {
  std::uint16_t bits;
};
struct BFloatBits {
  std::uint16_t bits;
};

inline float widen(BFloatBits b) {
  const std::uint32_t u = std::uint32_t{b.bits} << 16;
  float f;
  __builtin_memcpy(&f, &u, 4);
  return f;
}
inline BFloatBits narrow_bfloat(float f) {
  std::uint32_t b;
  __builtin_memcpy(&b, &f, 4);
  const bool nan = (b & 0x7fffffffu) > 0x7f800000u;
  return {
      static_cast<std::uint16_t>(nan ? (b >> 16) | 0x40u : (b + 0x7fffu + ((b >> 16) & 1u)) >> 16)};
}
inline float widen(HalfBits h) {
#ifdef __F16C__
  return _cvtsh_ss(h.bits);
#else
  const std::uint32_t sign = std::uint32_t{h.bits & 0x8000u} << 16,
                      exponent = (h.bits >> 10) & 0x1fu, mantissa = h.bits & 0x3ffu;
  if (exponent == 0) return (sign ? -1.0f : 1.0f) * static_cast<float>(mantissa) * 0x1p-24f;
  const std::uint32_t u =
      sign | ((exponent == 31 ? 255u : exponent + 112) << 23) | (mantissa << 13);
  float f;
  __builtin_memcpy(&f, &u, 4);
  return f;
#endif
}
inline HalfBits narrow_half(float f) {
#ifdef __F16C__
  return {_cvtss_sh(f, _MM_FROUND_TO_NEAREST_INT)};
#else
  std::uint32_t b;
  __builtin_memcpy(&b, &f, 4);
  const std::uint32_t sign = (b >> 16) & 0x8000u, magnitude = b & 0x7fffffffu;
  if (magnitude > 0x7f800000u) return {static_cast<std::uint16_t>(sign | 0x7e00u)};
  if (magnitude >= 0x477ff000u) return {static_cast<std::uint16_t>(sign | 0x7c00u)};
  if (magnitude >= 0x38800000u) {
    const std::uint32_t rounded = magnitude + 0xfffu + ((magnitude >> 13) & 1u);
    return {static_cast<std::uint16_t>(sign | ((rounded - 0x38000000u) >> 13))};
  }
  float shifted;
  __builtin_memcpy(&shifted, &magnitude, 4);
  shifted += 0.5f;
  __builtin_memcpy(&b, &shifted, 4);
  return {static_cast<std::uint16_t>(sign | (b - 0x3f000000u))};
#endif
}

template <class D>
struct Stored {
  using type = D;
};
template <>
struct Stored<Half> {
  using type = HalfBits;
};
template <>
struct Stored<BFloat16> {
  using type = BFloatBits;
};
template <>
struct Stored<bool> {
  using type = std::uint8_t;
};

template <class To>
inline To saturate(double v) {
  return v >= 0x1p63   ? INT64_MAX
         : v < -0x1p63 ? INT64_MIN
         : v != v      ? 0
                       : static_cast<std::int64_t>(v);
}

template <class C, class D>
inline C read(D d) {
  if constexpr (std::is_same_v<D, HalfBits> || std::is_same_v<D, BFloatBits>) {
    return read<C>(widen(d));
  } else if constexpr (std::is_floating_point_v<D> && std::is_integral_v<C>) {
    return saturate<C>(static_cast<double>(d));
  } else {
    return static_cast<C>(d);
  }
}
template <class D, class C>
inline D write(C c) {
  if constexpr (std::is_same_v<D, HalfBits>) {
    return narrow_half(static_cast<float>(c));
  } else if constexpr (std::is_same_v<D, BFloatBits>) {
    return narrow_bfloat(static_cast<float>(c));
  } else if constexpr (std::is_floating_point_v<C> && std::is_integral_v<D>) {
    return static_cast<D>(saturate<std::int64_t>(static_cast<double>(c)));
  } else {
    return static_cast<D>(c);
  }
}

// Eight at a time, which the compiler does not find by itself; returns how many are done.
using Words = std::uint32_t __attribute__((vector_size(32)));
using HalfWords = std::uint16_t __attribute__((vector_size(16)));
inline Index widen_many(float* to, const BFloatBits* from, Index n) {
  Index i = 0;
  for (; i + 8 <= n; i += 8) {
    HalfWords h;
    __builtin_memcpy(&h, from + i, sizeof h);
    const Words w = __builtin_convertvector(h, Words) << 16;
    __builtin_memcpy(to + i, &w, sizeof w);
  }
  return i;
}
inline Index narrow_many(BFloatBits* to, const float* from, Index n) {
  Index i = 0;
  for (; i + 8 <= n; i += 8) {
    Words b;
    __builtin_memcpy(&b, from + i, sizeof b);
    const Words rounded = (b + 0x7fffu + ((b >> 16) & 1u)) >> 16, quiet = (b >> 16) | 0x40u;
    const Words w = (b & 0x7fffffffu) > 0x7f800000u ? quiet : rounded;
    const HalfWords h = __builtin_convertvector(w, HalfWords);
    __builtin_memcpy(to + i, &h, sizeof h);
  }
  return i;
}

template <class C, class D>
void load_run(void* out, const void* x, Index stride, Index n) {
  C* to = static_cast<C*>(out);
  if (stride == static_cast<Index>(sizeof(D))) {
    const D* from = static_cast<const D*>(x);
    Index i = 0;
    if constexpr (std::is_same_v<C, float> && std::is_same_v<D, BFloatBits>) {
      i = widen_many(to, from, n);
    }
    for (; i < n; ++i) to[i] = read<C>(from[i]);
  } else {
    const char* from = static_cast<const char*>(x);
    for (Index i = 0; i < n; ++i) to[i] = read<C>(*reinterpret_cast<const D*>(from + i * stride));
  }
}
template <class C, class D, bool IsBool>
void store_run(void* out, Index stride, const void* x, Index n) {
  const C* from = static_cast<const C*>(x);
  char* to = static_cast<char*>(out);
  if (stride == static_cast<Index>(sizeof(D))) {
    D* dense = static_cast<D*>(out);
    Index i = 0;
    if constexpr (std::is_same_v<C, float> && std::is_same_v<D, BFloatBits>) {
      i = narrow_many(dense, from, n);
    }
    for (; i < n; ++i) dense[i] = IsBool ? write<D>(from[i] != C(0)) : write<D>(from[i]);
  } else {
    for (Index i = 0; i < n; ++i) {
      *reinterpret_cast<D*>(to + i * stride) =
          IsBool ? write<D>(from[i] != C(0)) : write<D>(from[i]);
    }
  }
}
void store_bytes(void* out, Index stride, const void* x, Index n) {
  for (Index i = 0; i < n; ++i)
    static_cast<std::uint8_t*>(out)[i * stride] = static_cast<const std::uint8_t*>(x)[i];
}

template <class... D>
constexpr void fill_conversions(IsaKernels& k) {
  int i = 0;
  const auto one = [&]<class T>(const T*) {
    using S = typename Stored<T>::type;
    k.load[0][i] = load_run<float, S>;
    k.load[1][i] = load_run<double, S>;
    k.load[2][i] = load_run<std::int64_t, S>;
    k.store[0][i] = store_run<float, S, std::is_same_v<T, bool>>;
    k.store[1][i] = store_run<double, S, std::is_same_v<T, bool>>;
    k.store[2][i] = store_run<std::int64_t, S, std::is_same_v<T, bool>>;
    ++i;
  };
  (one(static_cast<const D*>(nullptr)), ...);
  k.store_bool = store_bytes;
}

constexpr IsaKernels make_kernels() {
  IsaKernels k{};
  fill_unary(k, UnaryOps{});
  fill_binary(k, BinaryOps{});
  fill_conversions<bool, std::uint8_t, std::int8_t, std::int16_t, std::int32_t, std::int64_t, Half,
                   BFloat16, float, double>(k);
  return k;
}

constexpr IsaKernels table = make_kernels();

}  // namespace

const IsaKernels& kernels() { return table; }

}  // namespace weft::cpu::WEFT_ISA
