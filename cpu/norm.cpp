#include <weft/cpu/norm.h>

#include <algorithm>

#include <weft/core/layout.h>
#include <weft/cpu/norm_common.h>

// Batch normalisation: two readings of x forward, two of x and gy backward. Sums are cut in blocks
// of fixed size, whose results are added in order, so their bits do not depend on threads.
namespace weft::cpu {
namespace {

constexpr Index kBlockRows = 256;       // whose sums one partial result holds
constexpr Index kPiece = 1024;          // elements converted at a time
constexpr std::size_t kTermArrays = 5;  // mean, scale, bias, slope, offset

// x as rows of channels (channels-last), or as outer x channels x inner.
struct Grid {
  bool rows;
  Index outer, channels, inner, count;

  explicit Grid(const View& x) : outer(x.size[0]), channels(x.size[1]), inner(1) {
    for (int d = 2; d < x.rank; ++d) inner *= x.size[d];
    count = outer * inner;
    rows = inner == 1 || !is_contiguous(Shape(x.sizes()), Shape(x.strides()));
  }
  Index blocks() const { return (count + kBlockRows - 1) / kBlockRows; }
  Index rows_at_once() const { return std::max<Index>(4, kPiece / channels / 4 * 4); }
};

Index grain(Index elements_each) {
  return std::max<Index>(1, kGrain / std::max<Index>(elements_each, 1));
}

template <class S>
struct Block {  // room to convert up to n elements of K operands
  Scratch memory;
  Index n;
  Block(int operands, Index n) : memory(static_cast<std::size_t>(operands * n) * sizeof(S)), n(n) {}
  S* operator[](int k) const { return memory.as<S>() + k * n; }
};

// f(first row, rows) on each thread's rows, a few at a time.
template <class F>
void for_rows(Index begin, Index end, Index step, F&& f) {
  for (Index r = begin; r < end; r += step) f(r, std::min(step, end - r));
}

// f(channel, first element, elements) for the pieces of each channel in order.
template <class F>
void for_pieces(const Grid& g, Index begin, Index end, F&& f) {
  for (Index c = begin; c < end; ++c) {
    for (Index n = 0; n < g.outer; ++n) {
      const Index plane = (n * g.channels + c) * g.inner;
      for_rows(0, g.inner, kPiece, [&](Index i, Index count) { f(c, plane + i, count); });
    }
  }
}

// ---- Statistics

// Means and sums of squared differences of each block, side by side.
template <class S>
void block_moments(const Grid& g, const Elements<S>& x, S* partial) {
  const Index c = g.channels, step = g.rows_at_once();
  parallel_for(0, g.blocks(), grain(kBlockRows * c), [&](Index begin, Index end) {
    const Block<S> room(2, step * c);
    for (Index b = begin; b < end; ++b) {
      S *sum = partial + 2 * b * c, *square = sum + c, *shift = room[1];
      const Index first = b * kBlockRows, rows = std::min(kBlockRows, g.count - first);
      std::fill_n(sum, 2 * c, S(0));
      std::copy_n(x.read(first * c, c, room[0]), c, shift);
      for_rows(first, first + rows, step, [&](Index r, Index n) {
        norm_loops(S{}).moments_rows(sum, square, x.read(r * c, n * c, room[0]), shift, n, c);
      });
      const S count = static_cast<S>(rows);
      for (Index i = 0; i < c; ++i) {
        square[i] -= sum[i] * (sum[i] / count);
        sum[i] = shift[i] + sum[i] / count;
      }
    }
  });
}

template <class S>
void join_moments(const Grid& g, const S* partial, S* mean, S* variance) {
  const Index c = g.channels;
  const auto n = [&](Index b) {
    return static_cast<double>(std::min(kBlockRows, g.count - b * kBlockRows));
  };
  const Scratch memory(static_cast<std::size_t>(2 * c) * sizeof(double));
  double *total = memory.as<double>(), *squares = total + c;
  std::fill_n(total, 2 * c, 0.0);
  for (Index b = 0; b < g.blocks(); ++b) {
    for (Index i = 0; i < c; ++i) total[i] += n(b) * static_cast<double>(partial[2 * b * c + i]);
  }
  for (Index i = 0; i < c; ++i) total[i] /= static_cast<double>(g.count);
  for (Index b = 0; b < g.blocks(); ++b) {
    const S *means = partial + 2 * b * c, *square = means + c;
    for (Index i = 0; i < c; ++i) {
      const double d = static_cast<double>(means[i]) - total[i];
      squares[i] += static_cast<double>(square[i]) + n(b) * d * d;
    }
  }
  for (Index i = 0; i < c; ++i) {
    mean[i] = static_cast<S>(total[i]);
    const double v = squares[i] / static_cast<double>(g.count);
    variance[i] = static_cast<S>(v < 0 ? 0 : v);
  }
}

template <class S>
void stats_rows(const Grid& g, const Elements<S>& x, S* mean, S* variance) {
  const Scratch partial(static_cast<std::size_t>(2 * g.blocks() * g.channels) * sizeof(S));
  block_moments(g, x, partial.as<S>());
  join_moments(g, partial.as<S>(), mean, variance);
}

template <class S>
void stats_planes(const Grid& g, const Elements<S>& x, S* mean, S* variance) {
  parallel_for(0, g.channels, grain(g.count), [&](Index begin, Index end) {
    const Block<S> room(1, kPiece);
    Moments m;
    Index current = begin;
    const auto finish = [&] {
      mean[current] = static_cast<S>(m.mean);
      variance[current] = static_cast<S>(m.variance());
      m = Moments();
    };
    for_pieces(g, begin, end, [&](Index c, Index at, Index n) {
      if (c != current) finish();
      current = c;
      const S* from = x.read(at, n, room[0]);
      S sum = 0, square = 0;
      norm_loops(S{}).moments_flat(&sum, &square, from, from[0], n);
      m.add(static_cast<double>(n), from[0], sum, square);
    });
    finish();
  });
}

// ---- Terms of each channel

template <class S>
struct Terms {
  Scratch memory;
  S *mean, *scale, *bias, *slope, *offset;
  bool relu;

  Terms(const Grid& g, const View& means, const View& rstd, const View& weight, const View& biases,
        bool relu)
      : memory(kTermArrays * static_cast<std::size_t>(g.channels) * sizeof(S)), relu(relu) {
    const Index c = g.channels;
    mean = memory.as<S>();
    scale = mean + c, bias = scale + c, slope = bias + c, offset = slope + c;
    read_terms(mean, means, c, S(0));
    read_terms(scale, weight, c, S(1));
    read_terms(bias, biases, c, S(0));
    for (Index i = 0; i < c; ++i) scale[i] *= rstd.as<S>()[i];
    std::fill_n(slope, 2 * c, S(0));
  }
  operator ChannelTerms<S>() const { return {mean, scale, bias, slope, offset, relu}; }
};

template <class S>
void forward_as(const View& y, const View& x, const View& mean, const View& rstd,
                const View& weight, const View& bias, bool relu) {
  const Grid g(x);
  const Terms<S> terms(g, mean, rstd, weight, bias, relu);
  const ChannelTerms<S> t = terms;
  const Elements<S> in(x), out(y);
  const Index c = g.channels, step = g.rows_at_once();
  const NormLoops<S>& loops = norm_loops(S{});
  if (g.rows) {
    parallel_for(0, g.count, grain(c), [&](Index begin, Index end) {
      const Block<S> room(2, step * c);
      for_rows(begin, end, step, [&](Index r, Index n) {
        S* to = out.place(r * c, room[1]);
        loops.scale_rows(to, in.read(r * c, n * c, room[0]), t, n, c);
        out.write(r * c, n * c, to);
      });
    });
    return;
  }
  parallel_for(0, c, grain(g.count), [&](Index begin, Index end) {
    const Block<S> room(2, kPiece);
    for_pieces(g, begin, end, [&](Index channel, Index at, Index n) {
      S* to = out.place(at, room[1]);
      loops.scale_flat(to, in.read(at, n, room[0]), t, channel, n);
      out.write(at, n, to);
    });
  });
}

// ---- Backward

// Sums of g and of g * (x - mean) over each channel.
template <class S>
void dots(const Grid& g, const Elements<S>& gy, const Elements<S>& x, const ChannelTerms<S>& t,
          double* sums, double* products) {
  const Index c = g.channels, step = g.rows_at_once();
  std::fill_n(sums, c, 0.0);
  std::fill_n(products, c, 0.0);
  if (!g.rows) {
    parallel_for(0, c, grain(g.count), [&](Index begin, Index end) {
      const Block<S> room(2, kPiece);
      for_pieces(g, begin, end, [&](Index channel, Index at, Index n) {
        S sum = 0, dot = 0;
        norm_loops(S{}).dots_flat(&sum, &dot, gy.read(at, n, room[0]), x.read(at, n, room[1]), t,
                                  channel, n);
        sums[channel] += static_cast<double>(sum);
        products[channel] += static_cast<double>(dot);
      });
    });
    return;
  }
  const Scratch memory(static_cast<std::size_t>(2 * g.blocks() * c) * sizeof(S));
  S* partial = memory.as<S>();
  parallel_for(0, g.blocks(), grain(kBlockRows * c), [&](Index begin, Index end) {
    const Block<S> room(2, step * c);
    std::fill(partial + 2 * begin * c, partial + 2 * end * c, S(0));
    for (Index b = begin; b < end; ++b) {
      S *sum = partial + 2 * b * c, *dot = sum + c;
      for_rows(b * kBlockRows, std::min(g.count, (b + 1) * kBlockRows), step,
               [&](Index r, Index n) {
                 norm_loops(S{}).dots_rows(sum, dot, gy.read(r * c, n * c, room[0]),
                                           x.read(r * c, n * c, room[1]), t, n, c);
               });
    }
  });
  for (Index b = 0; b < g.blocks(); ++b) {
    const S *sum = partial + 2 * b * c, *dot = sum + c;
    for (Index i = 0; i < c; ++i) {
      sums[i] += static_cast<double>(sum[i]);
      products[i] += static_cast<double>(dot[i]);
    }
  }
}

template <class S>
void mix(const Grid& g, const Elements<S>& gx, const Elements<S>& gy, const Elements<S>& x,
         const ChannelTerms<S>& t) {
  const Index c = g.channels, step = g.rows_at_once();
  const NormLoops<S>& loops = norm_loops(S{});
  if (g.rows) {
    parallel_for(0, g.count, grain(c), [&](Index begin, Index end) {
      const Block<S> room(3, step * c);
      for_rows(begin, end, step, [&](Index r, Index n) {
        S* to = gx.place(r * c, room[2]);
        loops.mix_rows(to, gy.read(r * c, n * c, room[0]), x.read(r * c, n * c, room[1]), t, n, c);
        gx.write(r * c, n * c, to);
      });
    });
    return;
  }
  parallel_for(0, c, grain(g.count), [&](Index begin, Index end) {
    const Block<S> room(3, kPiece);
    for_pieces(g, begin, end, [&](Index channel, Index at, Index n) {
      S* to = gx.place(at, room[2]);
      loops.mix_flat(to, gy.read(at, n, room[0]), x.read(at, n, room[1]), t, channel, n);
      gx.write(at, n, to);
    });
  });
}

template <class S>
void backward_as(const View& gx, const View& gw, const View& gb, const View& gy, const View& x,
                 const View& mean, const View& rstd, const View& weight, const View& bias,
                 bool training, bool relu) {
  const Grid g(x);
  const Index c = g.channels;
  Terms<S> t(g, mean, rstd, weight, bias, relu);
  if (gw || gb || training) {
    const Scratch memory(static_cast<std::size_t>(3 * c) * sizeof(double));
    double *sums = memory.as<double>(), *products = sums + c;
    S* out = reinterpret_cast<S*>(products + c);
    dots<S>(g, Elements<S>(gy), Elements<S>(x), t, sums, products);
    for (Index i = 0; i < c; ++i) out[i] = static_cast<S>(sums[i]);
    write_terms(gb, out, c);
    for (Index i = 0; i < c; ++i) {
      const double r = static_cast<double>(rstd.as<S>()[i]), n = static_cast<double>(g.count),
                   scale = static_cast<double>(t.scale[i]);
      out[i] = static_cast<S>(products[i] * r);
      if (!training) continue;
      t.slope[i] = static_cast<S>(scale * r * r * products[i] / n);
      t.offset[i] = static_cast<S>(scale * sums[i] / n);
    }
    write_terms(gw, out, c);
  }
  if (gx) mix<S>(g, Elements<S>(gx), Elements<S>(gy), Elements<S>(x), t);
}

const struct {
  const NormLoops<float>* f32;
  const NormLoops<double>* f64;
} kLoops[] = {{&v2::norm_f32, &v2::norm_f64},
              {&avx2::norm_f32, &avx2::norm_f64},
              {&avx512::norm_f32, &avx512::norm_f64}};

}  // namespace

const NormLoops<float>& norm_loops(float) { return *kLoops[static_cast<int>(isa_in_use())].f32; }
const NormLoops<double>& norm_loops(double) { return *kLoops[static_cast<int>(isa_in_use())].f64; }

void batch_stats(const View& mean, const View& variance, const View& x) {
  by_compute(x.dtype, [&]<class S>(S) {
    const Grid g(x);
    if (g.rows) {
      stats_rows<S>(g, Elements<S>(x), mean.as<S>(), variance.as<S>());
    } else {
      stats_planes<S>(g, Elements<S>(x), mean.as<S>(), variance.as<S>());
    }
  });
}

void batch_forward(const View& y, const View& x, const View& mean, const View& rstd,
                   const View& weight, const View& bias, bool relu) {
  by_compute(x.dtype, [&]<class S>(S) { forward_as<S>(y, x, mean, rstd, weight, bias, relu); });
}

void batch_backward(const View& gx, const View& gw, const View& gb, const View& gy, const View& x,
                    const View& mean, const View& rstd, const View& weight, const View& bias,
                    bool training, bool relu) {
  by_compute(x.dtype, [&]<class S>(S) {
    backward_as<S>(gx, gw, gb, gy, x, mean, rstd, weight, bias, training, relu);
  });
}

namespace {

void blend(const View& running, const View& batch, double momentum, double correction) {
  for (Index i = 0; i < running.size[0]; ++i) {
    double now = 0, fresh = 0;
    const auto at = [&](const View& v, Index k) {
      return v.as<char>() + k * v.stride[0] * static_cast<Index>(size_of(v.dtype));
    };
    constexpr int f64 = static_cast<int>(Compute::F64);
    isa().load[f64][static_cast<int>(running.dtype)](&now, at(running, i), 8, 1);
    isa().load[f64][static_cast<int>(batch.dtype)](&fresh, at(batch, i), 8, 1);
    now = (1 - momentum) * now + momentum * correction * fresh;
    isa().store[f64][static_cast<int>(running.dtype)](at(running, i), 8, &now, 1);
  }
}

}  // namespace

void update_running(const View& running_mean, const View& running_variance, const View& mean,
                    const View& variance, double momentum, double correction) {
  blend(running_mean, mean, momentum, 1);
  blend(running_variance, variance, momentum, correction);
}

}  // namespace weft::cpu
