#include <weft/cpu/isa/norm.h>

// Loops that the compiler turns into vectors. Sums along memory run in lanes of their own, so that
// their order is the same whatever the vectors' width.
namespace weft::cpu::WEFT_ISA {
namespace {

constexpr Index kLanes = 32;

// Adds f(i) and h(i) for i below n, each to a total of its own.
template <class S, class F, class H>
[[gnu::always_inline]] inline void add_pairs(S* first, S* second, Index n, F f, H h) {
  S a[kLanes] = {}, b[kLanes] = {};
  Index i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    for (Index l = 0; l < kLanes; ++l) {
      a[l] += f(i + l);
      b[l] += h(i + l);
    }
  }
  for (Index l = 0; i + l < n; ++l) {
    a[l] += f(i + l);
    b[l] += h(i + l);
  }
  for (Index width = kLanes / 2; width > 0; width /= 2) {
    for (Index l = 0; l < width; ++l) {
      a[l] += a[l + width];
      b[l] += b[l + width];
    }
  }
  *first += a[0];
  *second += b[0];
}

template <class S>
void moments_rows(S* __restrict sum, S* __restrict square, const S* __restrict x,
                  const S* __restrict shift, Index rows, Index channels) {
  Index r = 0;
  for (; r + 4 <= rows; r += 4, x += 4 * channels) {
    const S *x1 = x + channels, *x2 = x1 + channels, *x3 = x2 + channels;
    for (Index c = 0; c < channels; ++c) {
      const S s = shift[c], a = x[c] - s, b = x1[c] - s, d = x2[c] - s, e = x3[c] - s;
      sum[c] += (a + b) + (d + e);
      square[c] += (a * a + b * b) + (d * d + e * e);
    }
  }
  for (; r < rows; ++r, x += channels) {
    for (Index c = 0; c < channels; ++c) {
      const S a = x[c] - shift[c];
      sum[c] += a;
      square[c] += a * a;
    }
  }
}

template <class S>
void moments_flat(S* sum, S* square, const S* x, S shift, Index n) {
  add_pairs(
      sum, square, n, [=](Index i) { return x[i] - shift; },
      [=](Index i) { return (x[i] - shift) * (x[i] - shift); });
}

template <class S>
void scale_rows(S* __restrict y, const S* __restrict x, const ChannelTerms<S>& t, Index rows,
                Index channels) {
  const S* __restrict mean = t.mean, * __restrict scale = t.scale, * __restrict bias = t.bias;
  for (Index r = 0; r < rows; ++r, x += channels, y += channels) {
    if (t.relu) {
      for (Index c = 0; c < channels; ++c) {
        const S v = (x[c] - mean[c]) * scale[c] + bias[c];
        y[c] = v < S(0) ? S(0) : v;
      }
    } else {
      for (Index c = 0; c < channels; ++c) y[c] = (x[c] - mean[c]) * scale[c] + bias[c];
    }
  }
}

template <class S>
void scale_flat(S* __restrict y, const S* __restrict x, const ChannelTerms<S>& t, Index channel,
                Index n) {
  const S mean = t.mean[channel], scale = t.scale[channel], bias = t.bias[channel];
  if (t.relu) {
    for (Index i = 0; i < n; ++i) {
      const S v = (x[i] - mean) * scale + bias;
      y[i] = v < S(0) ? S(0) : v;
    }
  } else {
    for (Index i = 0; i < n; ++i) y[i] = (x[i] - mean) * scale + bias;
  }
}

// g, or 0 where relu let nothing through.
template <bool Relu, class S>
[[gnu::always_inline]] inline S passed(S g, S difference, S scale, S bias) {
  return Relu && difference * scale + bias <= S(0) ? S(0) : g;
}

template <bool Relu, class S>
[[gnu::always_inline]] inline void dots_rows_run(S* __restrict sum, S* __restrict dot,
                                                 const S* __restrict g, const S* __restrict x,
                                                 const ChannelTerms<S>& t, Index rows,
                                                 Index channels) {
  const S* __restrict mean = t.mean, * __restrict scale = t.scale, * __restrict bias = t.bias;
  Index r = 0;
  for (; r + 2 <= rows; r += 2, g += 2 * channels, x += 2 * channels) {
    const S *g1 = g + channels, *x1 = x + channels;
    for (Index c = 0; c < channels; ++c) {
      const S d = x[c] - mean[c], d1 = x1[c] - mean[c],
              p = passed<Relu>(g[c], d, scale[c], bias[c]),
              p1 = passed<Relu>(g1[c], d1, scale[c], bias[c]);
      sum[c] += p + p1;
      dot[c] += p * d + p1 * d1;
    }
  }
  for (Index c = 0; r < rows && c < channels; ++c) {
    const S d = x[c] - mean[c], p = passed<Relu>(g[c], d, scale[c], bias[c]);
    sum[c] += p;
    dot[c] += p * d;
  }
}

template <class S>
void dots_rows(S* sum, S* dot, const S* g, const S* x, const ChannelTerms<S>& t, Index rows,
               Index channels) {
  if (t.relu) {
    dots_rows_run<true>(sum, dot, g, x, t, rows, channels);
  } else {
    dots_rows_run<false>(sum, dot, g, x, t, rows, channels);
  }
}

template <bool Relu, class S>
[[gnu::always_inline]] inline void dots_flat_run(S* sum, S* dot, const S* g, const S* x, S mean,
                                                 S scale, S bias, Index n) {
  add_pairs(
      sum, dot, n, [=](Index i) { return passed<Relu>(g[i], x[i] - mean, scale, bias); },
      [=](Index i) { return passed<Relu>(g[i], x[i] - mean, scale, bias) * (x[i] - mean); });
}

template <class S>
void dots_flat(S* sum, S* dot, const S* g, const S* x, const ChannelTerms<S>& t, Index channel,
               Index n) {
  const S mean = t.mean[channel], scale = t.scale[channel], bias = t.bias[channel];
  if (t.relu) {
    dots_flat_run<true>(sum, dot, g, x, mean, scale, bias, n);
  } else {
    dots_flat_run<false>(sum, dot, g, x, mean, scale, bias, n);
  }
}

template <bool Relu, class S>
[[gnu::always_inline]] inline void mix_rows_run(S* __restrict gx, const S* __restrict g,
                                                const S* __restrict x, const ChannelTerms<S>& t,
                                                Index rows, Index channels) {
  const S* __restrict mean = t.mean, * __restrict scale = t.scale, * __restrict bias = t.bias, * __restrict slope = t.slope, * __restrict offset = t.offset;
  for (Index r = 0; r < rows; ++r, x += channels, g += channels, gx += channels) {
    for (Index c = 0; c < channels; ++c) {
      const S d = x[c] - mean[c];
      gx[c] = passed<Relu>(g[c], d, scale[c], bias[c]) * scale[c] - d * slope[c] - offset[c];
    }
  }
}

template <class S>
void mix_rows(S* gx, const S* g, const S* x, const ChannelTerms<S>& t, Index rows, Index channels) {
  if (t.relu) {
    mix_rows_run<true>(gx, g, x, t, rows, channels);
  } else {
    mix_rows_run<false>(gx, g, x, t, rows, channels);
  }
}

template <bool Relu, class S>
[[gnu::always_inline]] inline void mix_flat_run(S* __restrict gx, const S* __restrict g,
                                                const S* __restrict x, S mean, S scale, S bias,
                                                S slope, S offset, Index n) {
  for (Index i = 0; i < n; ++i) {
    const S d = x[i] - mean;
    gx[i] = passed<Relu>(g[i], d, scale, bias) * scale - d * slope - offset;
  }
}

template <class S>
void mix_flat(S* gx, const S* g, const S* x, const ChannelTerms<S>& t, Index c, Index n) {
  if (t.relu) {
    mix_flat_run<true>(gx, g, x, t.mean[c], t.scale[c], t.bias[c], t.slope[c], t.offset[c], n);
  } else {
    mix_flat_run<false>(gx, g, x, t.mean[c], t.scale[c], t.bias[c], t.slope[c], t.offset[c], n);
  }
}

template <class S>
void layer(S* __restrict y, const S* __restrict x, const S* __restrict weight,
           const S* __restrict bias, S mean, S rstd, Index n) {
  for (Index i = 0; i < n; ++i) y[i] = (x[i] - mean) * rstd * weight[i] + bias[i];
}

template <class S>
void layer_dots(S* sum, S* dot, S* __restrict gw, S* __restrict gb, const S* __restrict g,
                const S* __restrict x, const S* __restrict weight, S mean, S rstd, Index n) {
  *sum = *dot = S(0);
  add_pairs(
      sum, dot, n, [=](Index i) { return g[i] * weight[i]; },
      [=](Index i) { return g[i] * weight[i] * ((x[i] - mean) * rstd); });
  for (Index i = 0; i < n; ++i) {
    gw[i] += g[i] * ((x[i] - mean) * rstd);
    gb[i] += g[i];
  }
}

template <class S>
void layer_mix(S* __restrict gx, const S* __restrict g, const S* __restrict x,
               const S* __restrict weight, S mean, S rstd, S sum, S dot, Index n) {
  for (Index i = 0; i < n; ++i) {
    gx[i] = (g[i] * weight[i] - sum - (x[i] - mean) * rstd * dot) * rstd;
  }
}

template <class S>
constexpr NormLoops<S> table = {moments_rows<S>, moments_flat<S>, scale_rows<S>, scale_flat<S>,
                                dots_rows<S>,    dots_flat<S>,    mix_rows<S>,   mix_flat<S>,
                                layer<S>,        layer_dots<S>,   layer_mix<S>};

}  // namespace

extern constexpr NormLoops<float> norm_f32 = table<float>;
extern constexpr NormLoops<double> norm_f64 = table<double>;

}  // namespace weft::cpu::WEFT_ISA
