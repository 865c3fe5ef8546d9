#include <weft/cuda/grid.h>
#include <weft/cuda/loop.h>
#include <weft/cuda/number.h>
#include <weft/cuda/tables.h>

// Normalisation. Sums are gathered in double by fixed trees.
namespace weft::cuda {
namespace {

// x of batch normalisation: channels of `outer` pieces of `inner` elements.
struct Channels {
  Place x;  // for dtype and data
  Index outer, channels, inner, step_outer, step_channel, step_inner;

  explicit Channels(const View& v) : x(v), outer(v.size[0]), channels(v.size[1]), inner(1) {
    for (int d = 2; d < v.rank; ++d) inner *= v.size[d];
    // Contiguous, or channels innermost and the rest as it was (ops/kernels.h).
    const bool last = inner > 1 && v.stride[1] == 1 && channels > 1;
    step_channel = last ? 1 : inner;
    step_inner = last ? channels : 1;
    step_outer = channels * inner;
  }
  Index count() const { return outer * inner; }
  WEFT_HD Index channel_of(Index element) const {  // in the order of memory
    if (step_channel != 1) divide(element, inner);
    return divide(element, channels);
  }
  WEFT_HD Index at(Index channel, Index i) const {
    const Index within = divide(i, inner);
    return i * step_outer + channel * step_channel + within * step_inner;
  }
};

// A number for each channel, or `otherwise` where the view is absent.
struct Terms {
  char* data;
  Index stride;
  DType dtype;
  explicit Terms(const View& v)
      : data(v.as<char>()), stride(v && v.rank == 1 ? v.stride[0] : 1), dtype(v.dtype) {
    if (data) check_pointer(data);
  }
  WEFT_HD char* at(Index c) const { return data + c * stride * width(); }
  WEFT_HD Index width() const {
    constexpr int widths[kDTypeCount] = {1, 1, 1, 2, 4, 8, 2, 2, 4, 8};
    return widths[static_cast<int>(dtype)];
  }
  template <class C>
  WEFT_HD C get(Index c, C otherwise) const {
    return data ? load<C>(at(c), dtype) : otherwise;
  }
  template <class C>
  WEFT_HD void set(Index c, C value) const {
    if (data) store(at(c), dtype, value);
  }
};

struct Moments {
  double n, mean, squares;
};
WEFT_HD inline Moments joined(const Moments& a, const Moments& b) {
  if (a.n == 0 || b.n == 0) return a.n == 0 ? b : a;
  const double n = a.n + b.n, part = b.n / n, delta = b.mean - a.mean;
  return {n, a.mean + delta * part, a.squares + b.squares + delta * delta * a.n * part};
}
struct Sums {
  double shift, n = 0, sum = 0, squares = 0;
  WEFT_HD void add(double x) {
    if (n == 0) shift = x;
    const double d = x - shift;
    n += 1;
    sum += d;
    squares += d * d;
  }
  WEFT_HD Moments moments() const {
    if (n == 0) return {0, 0, 0};
    return {n, shift + sum / n, squares - sum * (sum / n)};
  }
};
WEFT_HD inline double variance_of(const Moments& m) {
  return m.squares > 0 || m.squares != m.squares ? m.squares / m.n : 0;
}

// A sum of squared differences becomes the variance.
struct Variance {
  Terms variance;
  double n;
  WEFT_HD void operator()(Index c) const {
    const double squares = variance.get(c, 0.0);
    variance.set(c, squares > 0 || squares != squares ? squares / n : 0);
  }
};

template <class C>
struct BatchForward {
  Channels x;
  char* y;
  Terms mean, rstd, weight, bias;
  bool relu;

  WEFT_HD void operator()(Index e) const {
    const Index c = x.channel_of(e), at = e * x.x.width;
    const C scale = weight.get(c, C(1)) * rstd.get(c, C(1));
    const C v = (load<C>(x.x.data + at, x.x.dtype) - mean.get(c, C(0))) * scale + bias.get(c, C(0));
    store(y + at, x.x.dtype, relu && v < C(0) ? C(0) : v);
  }
};

struct Dots {
  double sum, dot;
};

// What backward needs of each channel, in S beside each other: slope and offset.
template <class C>
struct BatchGradient {
  Channels x;
  const char* gy;
  Terms mean, rstd, weight, bias;
  bool relu;

  WEFT_HD C scale(Index c) const { return weight.get(c, C(1)) * rstd.get(c, C(1)); }
  // g where relu let it through.
  WEFT_HD C passed(Index at, Index c, C d) const {
    const C g = load<C>(gy + at * x.x.width, x.x.dtype);
    return relu && d * scale(c) + bias.get(c, C(0)) <= C(0) ? C(0) : g;
  }
  WEFT_HD C difference(Index at, Index c) const {
    return load<C>(x.x.at(at), x.x.dtype) - mean.get(c, C(0));
  }
};

// How a channel's elements are shared out. Where channels lie beside each other, neighbouring
// threads take neighbouring channels.
struct Shares {
  Index channels, count, share, shares;
  bool columns;
  int lanes;

  explicit Shares(const Channels& x)
      : channels(x.channels), count(x.count()), columns(x.step_channel == 1 && x.channels > 1) {
    constexpr Index kMost = 1024, kThreadsWanted = 1 << 17;
    const Index least = columns ? 16 : 4096, wanted = kThreadsWanted / (columns ? 1 : kThreads);
    shares = std::clamp<Index>(count / least, 1, std::min(kMost, wanted / channels + 1));
    share = (count + shares - 1) / shares;
    lanes = columns ? 1 : lanes_for(share);
  }
  Index groups() const { return channels * shares; }
  WEFT_HD Index channel(Index group) const { return columns ? group % channels : group / shares; }
  WEFT_HD Index number(Index group) const { return columns ? group / channels : group % shares; }
};

template <class C>
struct BatchShares {
  using Acc = Dots;
  BatchGradient<C> g;
  Shares cut;
  Dots* found;  // of channel c and share s: at c * shares + s

  WEFT_HD Acc part(Index group, int lane, int lanes) const {
    const Index c = cut.channel(group), begin = cut.number(group) * cut.share,
                end = begin + cut.share < cut.count ? begin + cut.share : cut.count;
    Dots sums{0, 0};
    for (Index i = begin + lane; i < end; i += lanes) {
      const Index at = g.x.at(c, i);
      const C d = g.difference(at, c), passed = g.passed(at, c, d);
      sums.sum += static_cast<double>(passed);
      sums.dot += static_cast<double>(passed) * static_cast<double>(d);
    }
    return sums;
  }
  WEFT_HD Acc join(const Acc& a, const Acc& b) const { return {a.sum + b.sum, a.dot + b.dot}; }
  WEFT_HD void finish(Index group, const Acc& a) const {
    found[cut.channel(group) * cut.shares + cut.number(group)] = a;
  }
};

template <class C>
struct BatchDots {
  using Acc = Dots;
  BatchGradient<C> g;
  Terms gw, gb;
  C *slope, *offset;
  bool training;
  Index shares;
  const Dots* found;

  WEFT_HD Acc part(Index c, int lane, int lanes) const {
    Dots sums{0, 0};
    for (Index s = lane; s < shares; s += lanes) sums = join(sums, found[c * shares + s]);
    return sums;
  }
  WEFT_HD Acc join(const Acc& a, const Acc& b) const { return {a.sum + b.sum, a.dot + b.dot}; }
  WEFT_HD void finish(Index c, const Acc& a) const {
    const auto r = static_cast<double>(g.rstd.get(c, C(1))),
               scale = static_cast<double>(g.scale(c)),
               n = static_cast<double>(g.x.outer * g.x.inner);
    gb.set(c, a.sum);
    gw.set(c, a.dot * r);
    slope[c] = training ? static_cast<C>(scale * r * r * a.dot / n) : C(0);
    offset[c] = training ? static_cast<C>(scale * a.sum / n) : C(0);
  }
};

template <class C>
struct BatchMix {
  BatchGradient<C> g;
  char* gx;
  const C *slope, *offset;  // null: 0

  WEFT_HD void operator()(Index e) const {
    const Index c = g.x.channel_of(e);
    const C d = g.difference(e, c);
    C v = g.passed(e, c, d) * g.scale(c);
    if (slope) v = v - d * slope[c] - offset[c];
    store(gx + e * g.x.x.width, g.x.x.dtype, v);
  }
};

struct Blend {
  Place running, batch;
  double momentum, correction;
  WEFT_HD void operator()(Index i) const {
    char* const at = running.at(i * running.stride[0]);
    const double now = load<double>(at, running.dtype),
                 fresh = load<double>(batch.at(i * batch.stride[0]), batch.dtype);
    store(at, running.dtype, (1 - momentum) * now + momentum * correction * fresh);
  }
};

// ---- Rows
template <class C>
struct LayerStats {
  using Acc = Moments;
  Place x;
  Terms mean, rstd;
  double eps;

  WEFT_HD Acc part(Index row, int lane, int lanes) const {
    Sums s;
    for (Index i = lane; i < x.size[1]; i += lanes)
      s.add(load<double>(x.at(row * x.size[1] + i), x.dtype));
    return s.moments();
  }
  WEFT_HD Acc join(const Acc& a, const Acc& b) const { return joined(a, b); }
  WEFT_HD void finish(Index row, const Acc& m) const {
    mean.set(row, m.mean);
    rstd.set(row, 1 / formula::sqrt(variance_of(m) + eps));
  }
};

template <class C>
struct LayerForward {
  Place x;
  char* y;
  Terms mean, rstd, weight, bias;

  WEFT_HD void operator()(Index e) const {
    const Index row = e / x.size[1], c = e % x.size[1];
    const C v = (load<C>(x.at(e), x.dtype) - mean.get(row, C(0))) * rstd.get(row, C(1));
    store(y + e * x.width, x.dtype, v * weight.get(c, C(1)) + bias.get(c, C(0)));
  }
};

template <class C>
struct LayerGradient {
  Place x;
  const char* gy;
  Terms mean, rstd, weight;

  WEFT_HD C g(Index e) const { return load<C>(gy + e * x.width, x.dtype); }
  WEFT_HD C normal(Index e) const {
    const Index row = e / x.size[1];
    return (load<C>(x.at(e), x.dtype) - mean.get(row, C(0))) * rstd.get(row, C(1));
  }
};

// Sums of g w and g w x^ over each row, kept as means in `sums`.
template <class C>
struct LayerRows {
  using Acc = Dots;
  LayerGradient<C> g;
  C* sums;

  WEFT_HD Acc part(Index row, int lane, int lanes) const {
    Dots d{0, 0};
    for (Index i = lane; i < g.x.size[1]; i += lanes) {
      const Index e = row * g.x.size[1] + i;
      const C v = g.g(e) * g.weight.get(i, C(1));
      d.sum += static_cast<double>(v);
      d.dot += static_cast<double>(v) * static_cast<double>(g.normal(e));
    }
    return d;
  }
  WEFT_HD Acc join(const Acc& a, const Acc& b) const { return {a.sum + b.sum, a.dot + b.dot}; }
  WEFT_HD void finish(Index row, const Acc& d) const {
    const auto n = static_cast<double>(g.x.size[1]);
    sums[2 * row] = static_cast<C>(d.sum / n);
    sums[2 * row + 1] = static_cast<C>(d.dot / n);
  }
};

template <class C>
struct LayerMix {
  LayerGradient<C> g;
  char* gx;
  const C* sums;

  WEFT_HD void operator()(Index e) const {
    const Index row = e / g.x.size[1], c = e % g.x.size[1];
    const C v = g.g(e) * g.weight.get(c, C(1)) - sums[2 * row] - g.normal(e) * sums[2 * row + 1];
    store(gx + e * g.x.width, g.x.dtype, v * g.rstd.get(row, C(1)));
  }
};

template <class C>
struct LayerColumns {
  using Acc = Dots;
  LayerGradient<C> g;
  Terms gw, gb;

  WEFT_HD Acc part(Index c, int lane, int lanes) const {
    Dots d{0, 0};
    for (Index row = lane; row < g.x.size[0]; row += lanes) {
      const Index e = row * g.x.size[1] + c;
      const auto v = static_cast<double>(g.g(e));
      d.sum += v;
      d.dot += v * static_cast<double>(g.normal(e));
    }
    return d;
  }
  WEFT_HD Acc join(const Acc& a, const Acc& b) const { return {a.sum + b.sum, a.dot + b.dot}; }
  WEFT_HD void finish(Index c, const Acc& d) const {
    gw.set(c, d.dot);
    gb.set(c, d.sum);
  }
};

// ---- Local response: y = x / d^beta with d = k + alpha / size * (sum of the neighbours' squares)
template <class C>
struct Response {
  Place x;
  Index size;
  C each, beta, k;

  WEFT_HD C in(Index e) const { return load<C>(x.at(e), x.dtype); }
  WEFT_HD C denominator(Index e) const {
    const Index n = x.size[1], c = e % n, first = c - size / 2;
    C sum(0);
    for (Index j = first > 0 ? first : 0; j < first + size && j < n; ++j) {
      const C v = in(e - c + j);
      sum += v * v;
    }
    return k + each * sum;
  }
};

template <class C>
struct ResponseForward {
  Response<C> r;
  char* y;
  WEFT_HD void operator()(Index e) const {
    store(y + e * r.x.width, r.x.dtype, r.in(e)*formula::pow(r.denominator(e), -r.beta));
  }
};

template <class C>
struct ResponseBackward {
  Response<C> r;
  const char* gy;
  char* gx;
  C factor;  // 2 alpha beta / size

  WEFT_HD C g(Index e) const { return load<C>(gy + e * r.x.width, r.x.dtype); }
  WEFT_HD void operator()(Index e) const {
    const Index n = r.x.size[1], c = e % n, first = c - (r.size - 1 - r.size / 2);
    C spread(0);
    for (Index j = first > 0 ? first : 0; j < first + r.size && j < n; ++j) {
      const Index at = e - c + j;
      const C d = r.denominator(at);
      spread += g(at) * r.in(at)*formula::pow(d, -r.beta) / d;
    }
    const C own = g(e) * formula::pow(r.denominator(e), -r.beta);
    store(gx + e * r.x.width, r.x.dtype, own - factor * r.in(e)*spread);
  }
};

template <class C>
Response<C> response(const View& x, Index size, double alpha, double beta, double k) {
  return {Place(x), size, static_cast<C>(alpha / static_cast<double>(size)), static_cast<C>(beta),
          static_cast<C>(k)};
}

}  // namespace

void batch_stats(const View& mean, const View& variance, const View& x) {
  Index size[kMaxRank], stride[kMaxRank] = {};
  for (int d = 0; d < x.rank; ++d) size[d] = d == 1 ? x.size[1] : 1;
  stride[1] = 1;
  const auto wide = [&](const View& v) { return View{v.data, size, stride, x.rank, v.dtype}; };
  reduce(ReduceId::Moments, make_loop(x.sizes(), {wide(mean), x, wide(variance)}), {});
  for_each("batch_norm", x.size[1],
           Variance{Terms(variance), static_cast<double>(Channels(x).count())});
}

void batch_forward(const View& y, const View& x, const View& mean, const View& rstd,
                   const View& weight, const View& bias, bool relu) {
  by_compute(x.dtype, [&]<class C>(C) {
    for_each("batch_norm", numel(x),
             BatchForward<C>{Channels(x), y.as<char>(), Terms(mean), Terms(rstd), Terms(weight),
                             Terms(bias), relu});
  });
}

void batch_backward(const View& gx, const View& gw, const View& gb, const View& gy, const View& x,
                    const View& mean, const View& rstd, const View& weight, const View& bias,
                    bool training, bool relu) {
  by_compute(x.dtype, [&]<class C>(C) {
    const Channels c(x);
    const BatchGradient<C> g{c,           gy.as<char>(), Terms(mean), Terms(rstd), Terms(weight),
                             Terms(bias), relu};
    const bool sums = gw || gb || training;
    const Scratch memory(static_cast<std::size_t>(2 * c.channels) * sizeof(C));
    C *slope = memory.as<C>(), *offset = slope + c.channels;
    if (sums) {
      const Shares cut(c);
      const Scratch shared(static_cast<std::size_t>(cut.groups()) * sizeof(Dots));
      Dots* const found = shared.as<Dots>();
      for_groups("batch_norm backward", cut.groups(), cut.lanes, BatchShares<C>{g, cut, found});
      for_groups("batch_norm backward", c.channels, lanes_for(cut.shares),
                 BatchDots<C>{g, Terms(gw), Terms(gb), slope, offset, training, cut.shares, found});
    }
    if (gx) {
      for_each("batch_norm backward", numel(x),
               BatchMix<C>{g, gx.as<char>(), sums ? slope : nullptr, offset});
    }
  });
}

void update_running(const View& running_mean, const View& running_variance, const View& mean,
                    const View& variance, double momentum, double correction) {
  const Index n = running_mean.size[0];
  for_each("batch_norm", n, Blend{Place(running_mean), Place(mean), momentum, 1});
  for_each("batch_norm", n, Blend{Place(running_variance), Place(variance), momentum, correction});
}

void layer_forward(const View& y, const View& mean, const View& rstd, const View& x,
                   const View& weight, const View& bias, double eps) {
  by_compute(x.dtype, [&]<class C>(C) {
    for_groups("layer_norm", x.size[0], lanes_for(x.size[1]),
               LayerStats<C>{Place(x), Terms(mean), Terms(rstd), eps});
    for_each("layer_norm", numel(x),
             LayerForward<C>{Place(x), y.as<char>(), Terms(mean), Terms(rstd), Terms(weight),
                             Terms(bias)});
  });
}

void layer_backward(const View& gx, const View& gw, const View& gb, const View& gy, const View& x,
                    const View& mean, const View& rstd, const View& weight) {
  by_compute(x.dtype, [&]<class C>(C) {
    const LayerGradient<C> g{Place(x), gy.as<char>(), Terms(mean), Terms(rstd), Terms(weight)};
    const Index rows = x.size[0];
    if (gx) {
      const Scratch sums(static_cast<std::size_t>(2 * rows) * sizeof(C));
      for_groups("layer_norm backward", rows, lanes_for(x.size[1]), LayerRows<C>{g, sums.as<C>()});
      for_each("layer_norm backward", numel(x), LayerMix<C>{g, gx.as<char>(), sums.as<C>()});
    }
    if (gw || gb)
      for_groups("layer_norm backward", x.size[1], lanes_for(rows),
                 LayerColumns<C>{g, Terms(gw), Terms(gb)});
  });
}

void local_response_forward(const View& y, const View& x, Index size, double alpha, double beta,
                            double k) {
  by_compute(x.dtype, [&]<class C>(C) {
    for_each("local_response_norm", numel(x),
             ResponseForward<C>{response<C>(x, size, alpha, beta, k), y.as<char>()});
  });
}

void local_response_backward(const View& gx, const View& gy, const View& x, Index size,
                             double alpha, double beta, double k) {
  by_compute(x.dtype, [&]<class C>(C) {
    for_each("local_response_norm backward", numel(x),
             ResponseBackward<C>{response<C>(x, size, alpha, beta, k), gy.as<char>(), gx.as<char>(),
                                 static_cast<C>(2 * alpha * beta / static_cast<double>(size))});
  });
}

}  // namespace weft::cuda
