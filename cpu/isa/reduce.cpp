#include <weft/cpu/isa/reduce.h>
#include <weft/cpu/isa/vec.h>

#include <immintrin.h>

// Folds gather in 16 lanes whatever the vectors' width, and join them in one order: the bits are
// the same for each instruction set.
namespace weft::cpu::WEFT_ISA {
namespace {

constexpr int kLanes = 16;

// One double that behaves as a vector of them does.
struct Single {
  using Scalar = double;
  static constexpr int size = 1;
  double v;
  Single() = default;
  Single(double v) : v(v) {}  // NOLINT
  static Single load(const double* x) { return *x; }
  void store(double* x) const { *x = v; }
  friend Single operator+(Single a, Single b) { return a.v + b.v; }
  friend Single operator-(Single a, Single b) { return a.v - b.v; }
  friend Single operator*(Single a, Single b) { return a.v * b.v; }
  friend Flag operator<(Single a, Single b) { return {a.v < b.v}; }
  friend Flag operator>(Single a, Single b) { return {a.v > b.v}; }
  friend Flag operator==(Single a, Single b) { return {a.v == b.v}; }
};
inline Single select(Flag m, Single a, Single b) { return m.m ? a : b; }
inline Flag is_nan(Single x) { return {x.v != x.v}; }
inline Single abs(Single x) { return __builtin_fabs(x.v); }
inline Single pow(Single x, Single y) { return ::pow(x.v, y.v); }

inline Vec<double> widen(const float* x) {
#if defined(__AVX512F__)
  return _mm512_cvtps_pd(_mm256_loadu_ps(x));
#elif defined(__AVX__)
  return _mm256_cvtps_pd(_mm_loadu_ps(x));
#else
  return _mm_cvtps_pd(_mm_castsi128_ps(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(x))));
#endif
}

// Elements, the vector and the scalar they are gathered in.
struct F32 {
  using Element = float;
  using V = Vec<double>;
  using One = Single;
  static V load(const float* x) { return widen(x); }
  static One one(float x) { return static_cast<double>(x); }
};
struct F64 {
  using Element = double;
  using V = Vec<double>;
  using One = Single;
  static V load(const double* x) { return V::load(x); }
  static One one(double x) { return x; }
};
struct I64 {
  using Element = std::int64_t;
  using V = Int;
  using One = Int;
  static V load(const std::int64_t* x) { return *x; }
  static One one(std::int64_t x) { return x; }
};

struct Sums {
  static constexpr double identity = 0;
  template <class V>
  static V join(V a, V b) {
    return a + b;
  }
};
struct Sum : Sums {
  template <class V>
  static V step(V a, V x, V) {
    return a + x;
  }
};
struct SumAbs : Sums {
  template <class V>
  static V step(V a, V x, V) {
    return a + abs(x);
  }
};
struct SumSquare : Sums {
  template <class V>
  static V step(V a, V x, V s) {
    const V d = x - s;
    return a + d * d;
  }
};
struct SumPower : Sums {
  template <class V>
  static V step(V a, V x, V p) {
    return a + pow(abs(x), p);
  }
};
struct Count : Sums {
  template <class V>
  static V step(V a, V x, V) {
    return a + select(x == V(0.0), V(0.0), V(1.0));
  }
};
struct Product {
  static constexpr double identity = 1;
  template <class V>
  static V join(V a, V b) {
    return a * b;
  }
  template <class V>
  static V step(V a, V x, V) {
    return a * x;
  }
};
template <int Sign, bool Magnitude>
struct Extreme {
  static constexpr double identity = Sign > 0 ? -__builtin_inf() : __builtin_inf();
  template <class V>
  static auto better(V x, V a) {
    if constexpr (Sign > 0)
      return x > a;
    else
      return x < a;
  }
  template <class V>
  static V join(V a, V x) {
    return select(better(x, a) | is_nan(x), x, a);
  }
  template <class V>
  static V step(V a, V x, V) {
    if constexpr (Magnitude)
      return join(a, abs(x));
    else
      return join(a, x);
  }
};

// The element that Fold makes of n contiguous ones.
template <class Fold, class T>
inline typename T::One fold_contiguous(const typename T::Element* x, Index n,
                                       typename T::One shift) {
  using V = typename T::V;
  using One = typename T::One;
  using S = typename V::Scalar;
  constexpr int vectors = kLanes / V::size;
  alignas(64) S lane[kLanes];
  Index i = 0;
  if (n < kLanes) {
    One a(Fold::identity);
    for (; i < n; ++i) a = Fold::step(a, T::one(x[i]), shift);
    return a;
  }
  V acc[vectors], s;
  for (V& a : acc) a = V(Fold::identity);
  for (S& l : lane) shift.store(&l);
  s = V::load(lane);
  for (; i + kLanes <= n; i += kLanes) {
    for (int k = 0; k < vectors; ++k) {
      acc[k] = Fold::step(acc[k], T::load(x + i + k * V::size), s);
    }
  }
  for (int k = 0; k < vectors; ++k) acc[k].store(lane + k * V::size);
  for (int k = 0; i + k < n; ++k) {
    Fold::step(One::load(lane + k), T::one(x[i + k]), shift).store(lane + k);
  }
  for (int w = kLanes / 2; w > 0; w /= 2) {
    for (int k = 0; k < w; ++k)
      Fold::join(One::load(lane + k), One::load(lane + k + w)).store(lane + k);
  }
  return One::load(lane);
}

template <class T>
inline const typename T::Element* row_at(const void* x, Index row, Index stride) {
  return reinterpret_cast<const typename T::Element*>(static_cast<const char*>(x) + row * stride);
}

template <class Fold, class T>
void rows_run(const FoldArgs& a) {
  using One = typename T::One;
  auto* acc = static_cast<typename One::Scalar*>(a.acc);
  for (Index r = 0; r < a.rows; ++r) {
    const One shift(a.shift ? a.shift[r] : a.p);
    const One folded = fold_contiguous<Fold, T>(row_at<T>(a.x, r, a.row_stride), a.n, shift);
    Fold::join(One::load(acc + r), folded).store(acc + r);
  }
}

// Columns [j, n) of R rows, in vectors of V.
template <class Fold, class V, int R, class Load>
inline Index column_steps(const FoldArgs& a, Index j, Load load) {
  auto* acc = static_cast<typename V::Scalar*>(a.acc);
  for (; j + V::size <= a.n; j += V::size) {
    V sum = V::load(acc + j), s(a.p);
    if constexpr (!std::is_same_v<V, Int>) {
      if (a.shift) s = V::load(a.shift + j);
    }
    for (int r = 0; r < R; ++r) sum = Fold::step(sum, load(r, j), s);
    sum.store(acc + j);
  }
  return j;
}

template <class Fold, class T, int R>
inline void row_group(const FoldArgs& a, Index row) {
  const typename T::Element* x[R];
  for (int r = 0; r < R; ++r) x[r] = row_at<T>(a.x, row + r, a.row_stride);
  const Index j =
      column_steps<Fold, typename T::V, R>(a, 0, [&](int r, Index j) { return T::load(x[r] + j); });
  column_steps<Fold, typename T::One, R>(a, j, [&](int r, Index j) { return T::one(x[r][j]); });
}

template <class Fold, class T>
void columns_run(const FoldArgs& a) {
  Index r = 0;
  for (; r + 4 <= a.rows; r += 4) row_group<Fold, T, 4>(a, r);
  for (; r < a.rows; ++r) row_group<Fold, T, 1>(a, r);
}

// Whether x beats a: larger (smaller), or the first NaN.
template <int Sign, class S>
inline bool beats(S x, S a) {
  if constexpr (std::is_integral_v<S>)
    return Sign > 0 ? x > a : x < a;
  else
    return (Sign > 0 ? x > a : x < a) | ((x != x) & (a == a));
}

// Looks for the position only in blocks whose best beats what was found before.
template <int Sign, class T>
void arg_rows_run(const ArgArgs& a) {
  using S = typename T::One::Scalar;
  constexpr Index block = 512;
  auto* best = static_cast<S*>(a.best);
  for (Index r = 0; r < a.rows; ++r) {
    const auto* x = row_at<T>(a.x, r, a.row_stride);
    for (Index i = 0; i < a.n; i += block) {
      const Index n = a.n - i < block ? a.n - i : block;
      S top;
      fold_contiguous<Extreme<Sign, false>, T>(x + i, n, 0.0).store(&top);
      if (!beats<Sign>(top, best[r])) continue;
      Index at = 0;
      while (!(static_cast<S>(x[i + at]) == top || (top != top && x[i + at] != x[i + at]))) ++at;
      best[r] = top;
      a.where[r] = a.start + i + at;
    }
  }
}

template <int Sign, class T>
void arg_columns_run(const ArgArgs& a) {
  using S = typename T::One::Scalar;
  auto* __restrict best = static_cast<S*>(a.best);
  auto* __restrict where = a.where;
  for (Index r = 0; r < a.rows; ++r) {
    const auto* __restrict x = row_at<T>(a.x, r, a.row_stride);
    const Index position = a.start + r;
    for (Index j = 0; j < a.n; ++j) {
      const S v = static_cast<S>(x[j]);
      const bool take = beats<Sign>(v, best[j]);
      best[j] = take ? v : best[j];
      where[j] = take ? position : where[j];
    }
  }
}

template <class F>
constexpr void fill_fold(ReduceLoops& k, Fold fold) {
  const int f = static_cast<int>(fold);
  k.rows[f][0] = rows_run<F, F32>;
  k.rows[f][1] = rows_run<F, F64>;
  k.columns[f][0] = columns_run<F, F32>;
  k.columns[f][1] = columns_run<F, F64>;
  if constexpr (!std::is_same_v<F, SumPower> && !std::is_same_v<F, SumSquare>) {
    k.rows[f][2] = rows_run<F, I64>;
    k.columns[f][2] = columns_run<F, I64>;
  }
}
template <int Sign>
constexpr void fill_arg(ArgRun* rows, ArgRun* columns) {
  rows[0] = arg_rows_run<Sign, F32>;
  rows[1] = arg_rows_run<Sign, F64>;
  rows[2] = arg_rows_run<Sign, I64>;
  columns[0] = arg_columns_run<Sign, F32>;
  columns[1] = arg_columns_run<Sign, F64>;
  columns[2] = arg_columns_run<Sign, I64>;
}
constexpr ReduceLoops make_loops() {
  ReduceLoops k{};
  fill_fold<Sum>(k, Fold::Sum);
  fill_fold<SumAbs>(k, Fold::SumAbs);
  fill_fold<SumSquare>(k, Fold::SumSquare);
  fill_fold<SumPower>(k, Fold::SumPower);
  fill_fold<Count>(k, Fold::Count);
  fill_fold<Product>(k, Fold::Product);
  fill_fold<Extreme<1, false>>(k, Fold::Max);
  fill_fold<Extreme<-1, false>>(k, Fold::Min);
  fill_fold<Extreme<1, true>>(k, Fold::MaxAbs);
  fill_fold<Extreme<-1, true>>(k, Fold::MinAbs);
  fill_arg<1>(k.arg_rows[0], k.arg_columns[0]);
  fill_arg<-1>(k.arg_rows[1], k.arg_columns[1]);
  return k;
}

}  // namespace

const ReduceLoops reduce_loops = make_loops();

}  // namespace weft::cpu::WEFT_ISA
