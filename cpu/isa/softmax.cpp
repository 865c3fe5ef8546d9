#include <weft/cpu/isa/reduce.h>
#include <weft/cpu/isa/vec.h>

#include <immintrin.h>

// Softmax, and exponentials below a maximum for logsumexp.
namespace weft::cpu::WEFT_ISA {
namespace {

// f(first element, elements) for each vector of n elements; the last may be shorter.
template <class S, class F>
inline void each_vector(Index n, F f) {
  Index i = 0;
  for (; i + Vec<S>::size <= n; i += Vec<S>::size) f(i, static_cast<Index>(Vec<S>::size));
  if (i < n) f(i, n - i);
}
template <class S>
inline Vec<S> load_part(const S* x, Index n, S fill) {
  if (n == Vec<S>::size) return Vec<S>::load(x);
  alignas(64) S part[Vec<S>::size];
  for (S& v : part) v = fill;
  for (Index k = 0; k < n; ++k) part[k] = x[k];
  return Vec<S>::load(part);
}
template <class S>
inline void store_part(Vec<S> v, S* x, Index n) {
  if (n == Vec<S>::size) return v.store(x);
  alignas(64) S part[Vec<S>::size];
  v.store(part);
  for (Index k = 0; k < n; ++k) x[k] = part[k];
}

#if defined(__AVX512F__)
inline Vec<float> load_part(const float* x, Index n, float fill) {
  return _mm512_mask_loadu_ps(_mm512_set1_ps(fill), static_cast<__mmask16>((1u << n) - 1), x);
}
inline void store_part(Vec<float> v, float* x, Index n) {
  _mm512_mask_storeu_ps(x, static_cast<__mmask16>((1u << n) - 1), v.p);
}
#elif defined(__AVX2__)
inline __m256i first_lanes(Index n) {
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(n)),
                            _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
inline Vec<float> load_part(const float* x, Index n, float fill) {
  if (n == Vec<float>::size) return Vec<float>::load(x);
  const __m256i lanes = first_lanes(n);
  return _mm256_blendv_ps(_mm256_set1_ps(fill), _mm256_maskload_ps(x, lanes),
                          _mm256_castsi256_ps(lanes));
}
inline void store_part(Vec<float> v, float* x, Index n) {
  if (n == Vec<float>::size) return v.store(x);
  _mm256_maskstore_ps(x, first_lanes(n), v.p);
}
#endif

// ---- Softmax. Sums gather in vectors over runs of at most 512 elements, then in a double.
constexpr Index kRun = 512;

template <class S>
inline double lane_sum(Vec<S> v) {
  alignas(64) S lane[Vec<S>::size];
  v.store(lane);
  double sum = 0;
  for (S l : lane) sum += static_cast<double>(l);
  return sum;
}
// The sum of f(first element, elements) -> vector, whose unused lanes are 0.
template <class S, class F>
inline double long_sum(Index n, F f) {
  double total = 0;
  for (Index begin = 0; begin < n; begin += kRun) {
    Vec<S> sum(0.0);
    each_vector<S>(n - begin < kRun ? n - begin : kRun,
                   [&](Index i, Index m) { sum = sum + f(begin + i, m); });
    total += lane_sum(sum);
  }
  return total;
}
template <class S>
inline S largest(const S* x, Index n) {
  constexpr S low = -__builtin_inf();
  Vec<S> top(static_cast<double>(low));
  each_vector<S>(n, [&](Index i, Index m) {
    const Vec<S> v = load_part(x + i, m, low);
    top = select(v > top, v, top);
  });
  alignas(64) S lane[Vec<S>::size];
  top.store(lane);
  S best = lane[0];
  for (S l : lane) best = l > best ? l : best;
  return best;
}

template <class S>
void exp_minus_run(void* block, Index rows, Index n, const double* shift, bool by_column) {
  S* x = static_cast<S*>(block);
  alignas(64) S s[Vec<S>::size];
  for (Index r = 0; r < rows; ++r, x += n) {
    each_vector<S>(n, [&](Index i, Index m) {
      for (Index k = 0; k < m; ++k) s[k] = static_cast<S>(by_column ? shift[i + k] : *shift);
      store_part(exp(load_part(x + i, m, S(0)) - load_part(s, m, S(0))), x + i, m);
    });
  }
}

template <class S>
void softmax_row_run(const SoftmaxArgs& a) {
  const S* x = static_cast<const S*>(a.x);
  S* y = static_cast<S*>(a.out);
  constexpr S low = -__builtin_inf();
  const Vec<S> top(static_cast<double>(largest(x, a.length)));
  const double sum = long_sum<S>(a.length, [&](Index i, Index m) {
    const Vec<S> e = exp(load_part(x + i, m, low) - top);
    if (!a.log) store_part(e, y + i, m);
    return e;
  });
  const Vec<S> scale(1 / sum), shift(::log(sum));
  each_vector<S>(a.length, [&](Index i, Index m) {
    store_part(a.log ? load_part(x + i, m, S(0)) - top - shift : load_part(y + i, m, S(0)) * scale,
               y + i, m);
  });
}

// softmax: y * (g - sum(g * y)); log: g - exp(y) * sum(g)
template <class S>
void softmax_row_backward_run(const SoftmaxArgs& a) {
  const S *g = static_cast<const S*>(a.x), *y = static_cast<const S*>(a.y);
  S* out = static_cast<S*>(a.out);
  const Vec<S> sum(long_sum<S>(a.length, [&](Index i, Index m) {
    const Vec<S> v = load_part(g + i, m, S(0));
    return a.log ? v : v * load_part(y + i, m, S(0));
  }));
  each_vector<S>(a.length, [&](Index i, Index m) {
    const Vec<S> v = load_part(g + i, m, S(0)), w = load_part(y + i, m, S(0));
    store_part(a.log ? v - exp(w) * sum : w * (v - sum), out + i, m);
  });
}

// Columns: row after row, with the columns' own maxima and sums beside.
template <class S>
void softmax_columns_run(const SoftmaxArgs& a) {
  alignas(64) S top[kSoftmaxColumns], sum[kSoftmaxColumns];
  const S* x = static_cast<const S*>(a.x);
  S* y = static_cast<S*>(a.out);
  for (Index j = 0; j < a.n; ++j) top[j] = x[j], sum[j] = 0;
  for (Index r = 1; r < a.length; ++r) {
    const S* row = x + r * a.x_stride;
    for (Index j = 0; j < a.n; ++j) top[j] = row[j] > top[j] ? row[j] : top[j];
  }
  for (Index r = 0; r < a.length; ++r) {
    const S* row = x + r * a.x_stride;
    S* to = y + r * a.out_stride;
    each_vector<S>(a.n, [&](Index j, Index m) {
      const Vec<S> e = exp(load_part(row + j, m, S(0)) - load_part(top + j, m, S(0)));
      if (!a.log) store_part(e, to + j, m);
      store_part(load_part(sum + j, m, S(0)) + e, sum + j, m);
    });
  }
  for (Index j = 0; j < a.n; ++j) {
    sum[j] = a.log ? static_cast<S>(::log(static_cast<double>(sum[j]))) : 1 / sum[j];
  }
  for (Index r = 0; r < a.length; ++r) {
    const S* row = x + r * a.x_stride;
    S* to = y + r * a.out_stride;
    for (Index j = 0; j < a.n; ++j) to[j] = a.log ? row[j] - top[j] - sum[j] : to[j] * sum[j];
  }
}

template <class S>
void softmax_columns_backward_run(const SoftmaxArgs& a) {
  alignas(64) S sum[kSoftmaxColumns];
  const S *x = static_cast<const S*>(a.x), *y = static_cast<const S*>(a.y);
  S* out = static_cast<S*>(a.out);
  for (Index j = 0; j < a.n; ++j) sum[j] = 0;
  for (Index r = 0; r < a.length; ++r) {
    const S *g = x + r * a.x_stride, *w = y + r * a.y_stride;
    for (Index j = 0; j < a.n; ++j) sum[j] += a.log ? g[j] : g[j] * w[j];
  }
  for (Index r = 0; r < a.length; ++r) {
    const S *g = x + r * a.x_stride, *w = y + r * a.y_stride;
    S* to = out + r * a.out_stride;
    each_vector<S>(a.n, [&](Index j, Index m) {
      const Vec<S> v = load_part(g + j, m, S(0)), u = load_part(w + j, m, S(0)),
                   s = load_part(sum + j, m, S(0));
      store_part(a.log ? v - exp(u) * s : u * (v - s), to + j, m);
    });
  }
}

template <class S>
constexpr void fill_loops(SoftmaxLoops& k, int c) {
  k.exp_minus[c] = exp_minus_run<S>;
  k.row[c] = softmax_row_run<S>;
  k.row_backward[c] = softmax_row_backward_run<S>;
  k.columns[c] = softmax_columns_run<S>;
  k.columns_backward[c] = softmax_columns_backward_run<S>;
}

constexpr SoftmaxLoops make_loops() {
  SoftmaxLoops k{};
  fill_loops<float>(k, 0);
  fill_loops<double>(k, 1);
  return k;
}

}  // namespace

const SoftmaxLoops softmax_loops = make_loops();

}  // namespace weft::cpu::WEFT_ISA
