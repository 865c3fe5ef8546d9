#include <weft/cuda/norm.h>
#include <weft/cuda/tables.h>

namespace weft::cuda {
namespace {

// A sum of squared differences becomes the variance.
struct Variance {
  Terms variance;
  double n;
  WEFT_HD void operator()(Index c) const {
    const double squares = variance.get<double>(c);
    variance.set(c, squares > 0 || squares != squares ? squares / n : 0);
  }
};

// What is known of a channel, or of kVector that lie beside each other.
template <class C>
struct Known {
  Terms mean, rstd, weight, bias;
  bool relu;

  struct One {
    C mean, scale, bias;
  };
  WEFT_HD One one(Index c) const {
    return {mean.get<C>(c), weight.get<C>(c) * rstd.get<C>(c), bias.get<C>(c)};
  }
  WEFT_HD void pack(Index c, bool same, One (&out)[kVector]) const {
    if (same) {
      const One all = one(c);
      for (int j = 0; j < kVector; ++j) out[j] = all;
      return;
    }
    C m[kVector], r[kVector], w[kVector], b[kVector];
    mean.get(c, m), rstd.get(c, r), weight.get(c, w), bias.get(c, b);
    for (int j = 0; j < kVector; ++j) out[j] = {m[j], w[j] * r[j], b[j]};
  }
  // g where relu let it through; d: x - mean.
  WEFT_HD C passed(const One& k, C d, C g) const {
    return relu && d * k.scale + k.bias <= C(0) ? C(0) : g;
  }
};

template <class C>
struct BatchForward {
  Channels x;
  char* y;
  Known<C> known;
  bool packed;

  WEFT_HD C value(const typename Known<C>::One& k, C v) const {
    v = (v - k.mean) * k.scale + k.bias;
    return known.relu && v < C(0) ? C(0) : v;
  }
  WEFT_HD void operator()(Index e) const {
    if (!packed) {
      const Index at = e * x.x.width;
      store(y + at, x.x.dtype,
            value(known.one(x.channel_of(e)), load<C>(x.x.data + at, x.x.dtype)));
      return;
    }
    const Index first = e * kVector, at = first * x.x.width;
    C v[kVector];
    typename Known<C>::One k[kVector];
    load_pack(x.x.data + at, x.x.dtype, v);
    known.pack(x.channel_of(first), x.step_channel != 1, k);
    for (int j = 0; j < kVector; ++j) v[j] = value(k[j], v[j]);
    store_pack(y + at, x.x.dtype, v);
  }
};

// The sums of gy and gy (x - mean), of what relu let through.
template <class C>
struct BatchSums {
  Known<C> known;
  WEFT_HD auto channel(Index c) const {
    const auto k = known.one(c);
    return [k, this](Dots& sums, Index, C x, C gy) {
      const C d = x - k.mean, g = known.passed(k, d, gy);
      sums.sum += static_cast<double>(g);
      sums.dot += static_cast<double>(g) * static_cast<double>(d);
    };
  }
};

// The gradients of weight and bias, and what gx needs of each channel.
template <class C>
struct BatchTerms {
  Known<C> known;
  Terms gw, gb;
  C *slope, *offset;
  bool training;
  double n;

  WEFT_HD void operator()(Index c, const Dots& a) const {
    const auto r = static_cast<double>(known.rstd.template get<C>(c)),
               scale = static_cast<double>(known.one(c).scale);
    gb.set(c, a.sum);
    gw.set(c, a.dot * r);
    slope[c] = training ? static_cast<C>(scale * r * r * a.dot / n) : C(0);
    offset[c] = training ? static_cast<C>(scale * a.sum / n) : C(0);
  }
};

template <class C>
struct BatchMix {
  Channels x;
  const char* gy;
  char* gx;
  Known<C> known;
  const C *slope, *offset;  // null: 0
  bool packed;

  WEFT_HD C value(const typename Known<C>::One& k, C v, C g, C by, C less) const {
    const C d = v - k.mean;
    g = known.passed(k, d, g) * k.scale;
    return slope ? g - d * by - less : g;
  }
  WEFT_HD void operator()(Index e) const {
    const DType t = x.x.dtype;
    if (!packed) {
      const Index c = x.channel_of(e), at = e * x.x.width;
      store(gx + at, t,
            value(known.one(c), load<C>(x.x.data + at, t), load<C>(gy + at, t),
                  slope ? slope[c] : C(0), slope ? offset[c] : C(0)));
      return;
    }
    const Index first = e * kVector, at = first * x.x.width, c = x.channel_of(first);
    const bool same = x.step_channel != 1;
    C v[kVector], g[kVector];
    typename Known<C>::One k[kVector];
    load_pack(x.x.data + at, t, v);
    load_pack(gy + at, t, g);
    known.pack(c, same, k);
    for (int j = 0; j < kVector; ++j) {
      const Index of = same ? c : c + j;
      v[j] = value(k[j], v[j], g[j], slope ? slope[of] : C(0), slope ? offset[of] : C(0));
    }
    store_pack(gx + at, t, v);
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

}  // namespace

void batch_stats(const View& mean, const View& variance, const View& x) {
  Index size[kMaxRank], stride[kMaxRank] = {};
  for (int d = 0; d < x.rank; ++d) size[d] = d == 1 ? x.size[1] : 1;
  stride[1] = 1;
  const auto wide = [&](const View& v) { return View{v.data, size, stride, x.rank, v.dtype}; };
  reduce(ReduceId::Moments, make_loop(x.sizes(), {wide(mean), x, wide(variance)}), {});
  for_each("batch_norm", x.size[1],
           Variance{Terms(variance, 0), static_cast<double>(Channels(x).count())});
}

void batch_forward(const View& y, const View& x, const View& mean, const View& rstd,
                   const View& weight, const View& bias, bool relu) {
  by_compute(x.dtype, [&]<class C>(C) {
    const Channels c(x);
    const bool packed = c.packed() && on_border(y.data, 0, y.dtype);
    for_each(
        "batch_norm", numel(x) / (packed ? kVector : 1),
        BatchForward<C>{c,
                        y.as<char>(),
                        {Terms(mean, 0), Terms(rstd, 1), Terms(weight, 1), Terms(bias, 0), relu},
                        packed});
  });
}

void batch_backward(const View& gx, const View& gw, const View& gb, const View& gy, const View& x,
                    const View& mean, const View& rstd, const View& weight, const View& bias,
                    bool training, bool relu) {
  by_compute(x.dtype, [&]<class C>(C) {
    const Channels c(x);
    const Known<C> known{Terms(mean, 0), Terms(rstd, 1), Terms(weight, 1), Terms(bias, 0), relu};
    const bool sums = gw || gb || training;
    const Scratch memory(static_cast<std::size_t>(2 * c.channels) * sizeof(C));
    C *slope = memory.as<C>(), *offset = slope + c.channels;
    if (sums) {
      sum_channels<C>("batch_norm backward", c, gy, BatchSums<C>{known},
                      BatchTerms<C>{known, Terms(gw, 0), Terms(gb, 0), slope, offset, training,
                                    static_cast<double>(c.count())});
    }
    if (!gx) return;
    const bool packed =
        c.packed() && on_border(gy.data, 0, gy.dtype) && on_border(gx.data, 0, gx.dtype);
    for_each("batch_norm backward", numel(x) / (packed ? kVector : 1),
             BatchMix<C>{c, gy.as<char>(), gx.as<char>(), known, sums ? slope : nullptr, offset,
                         packed});
  });
}

void update_running(const View& running_mean, const View& running_variance, const View& mean,
                    const View& variance, double momentum, double correction) {
  const Index n = running_mean.size[0];
  for_each("batch_norm", n, Blend{Place(running_mean), Place(mean), momentum, 1});
  for_each("batch_norm", n, Blend{Place(running_variance), Place(variance), momentum, correction});
}

}  // namespace weft::cuda
