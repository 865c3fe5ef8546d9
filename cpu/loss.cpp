#include <weft/cpu/loss.h>

#include <algorithm>

#include <weft/cpu/isa.h>
#include <weft/cpu/loop_walk.h>

namespace weft::cpu {
namespace {

template <class T>
struct Nll {
  Index batch, classes, inner;
  const T* weight;      // may be null
  double keep, spread;  // of the target's own class, of each class
  double all;           // sum of the classes' weights
  Index ignored;

  Nll(const View& y, const View& weights, const NllOptions& o)
      : batch(y.size[0]),
        classes(y.size[1]),
        inner(y.size[2]),
        weight(weights.as<T>()),
        keep(1 - o.smoothing),
        spread(o.smoothing / static_cast<double>(classes)),
        all(0),
        ignored(o.ignore_index) {
    for (Index c = 0; c < classes; ++c) all += of(c);
  }
  double of(Index c) const { return weight ? static_cast<double>(weight[c]) : 1; }
  Index grain() const {
    return std::max<Index>(1, kGrain / 4 / std::max<Index>(1, classes * inner));
  }

  // sum over the classes of weight * log-probability
  double spread_loss(const T* y) const {
    double sum = 0;
    for (Index c = 0; c < classes; ++c) sum += of(c) * static_cast<double>(y[c * inner]);
    return sum;
  }
};

template <class T>
void forward(const View& loss, const View& row_weight, const View& y, const View& target,
             const View& weight, const NllOptions& o) {
  const Nll<T> nll(y, weight, o);
  const Index* t = target.as<Index>();
  parallel_for(0, nll.batch, nll.grain(), [&](Index b, Index e) {
    for (Index i = b * nll.inner; i < e * nll.inner; ++i) {
      const bool counts = t[i] != nll.ignored;
      const T* x = y.as<T>() + i / nll.inner * nll.classes * nll.inner + i % nll.inner;
      const double w = counts ? nll.of(t[i]) : 0;
      double sum = counts ? nll.keep * w * static_cast<double>(x[t[i] * nll.inner]) : 0;
      if (counts && nll.spread != 0) sum += nll.spread * nll.spread_loss(x);
      loss.as<T>()[i] = static_cast<T>(-sum);
      row_weight.as<T>()[i] = static_cast<T>(w);
    }
  });
}

// The gradient of one target's column; gx holds exp(y), or 0.
template <class T>
void backward_column(const Nll<T>& nll, T* gx, Index t, double scale) {
  if (t == nll.ignored) {
    for (Index c = 0; c < nll.classes; ++c) gx[c * nll.inner] = 0;
    return;
  }
  const double own = nll.keep * nll.of(t), total = scale * (own + nll.spread * nll.all);
  if (nll.spread == 0) {
    for (Index c = 0; c < nll.classes; ++c) gx[c * nll.inner] *= static_cast<T>(total);
  } else {
    for (Index c = 0; c < nll.classes; ++c) {
      T& g = gx[c * nll.inner];
      g = static_cast<T>(total * static_cast<double>(g) - scale * nll.spread * nll.of(c));
    }
  }
  gx[t * nll.inner] -= static_cast<T>(scale * own);
}

template <class T>
void backward(const View& gx, const View& scale, const View& y, const View& target,
              const View& weight, const NllOptions& o) {
  const Nll<T> nll(y, weight, o);
  const Index block = nll.classes * nll.inner;
  const auto exp =
      isa().unary[static_cast<int>(unary_id<op::Exp>)][static_cast<int>(compute_type(y.dtype))];
  parallel_for(0, nll.batch, nll.grain(), [&](Index b, Index e) {
    for (Index n = b; n < e; ++n) {
      T* g = gx.as<T>() + n * block;
      const void* in = y.as<T>() + n * block;
      if (o.softmax)
        exp(nullptr, block, g, &in);
      else
        std::fill_n(g, block, T(0));
      for (Index d = 0; d < nll.inner; ++d) {
        const T s = scale.as<T>()[n * scale.stride[0] + d * scale.stride[1]];
        backward_column(nll, g + d, target.as<Index>()[n * nll.inner + d], static_cast<double>(s));
      }
    }
  });
}

}  // namespace

void nll_forward(const View& loss, const View& row_weight, const View& y, const View& target,
                 const View& weight, const NllOptions& options) {
  const auto f = y.dtype == DType::F64 ? forward<double> : forward<float>;
  f(loss, row_weight, y, target, weight, options);
}

void nll_backward(const View& gx, const View& scale, const View& y, const View& target,
                  const View& weight, const NllOptions& options) {
  const auto f = y.dtype == DType::F64 ? backward<double> : backward<float>;
  f(gx, scale, y, target, weight, options);
}

}  // namespace weft::cpu
