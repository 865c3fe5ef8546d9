#include <weft/cuda/grid.h>
#include <weft/cuda/loop.h>
#include <weft/cuda/number.h>
#include <weft/cuda/tables.h>

// The loss of log-probabilities [N, C, D] with targets [N, D]; formulas: ops/kernels.h.
namespace weft::cuda {
namespace {

template <class T>
struct Nll {
  Index batch, classes, inner;
  const T *y, *weight;  // weight may be null
  const Index* target;
  double keep, spread;  // of the target's own class, of each class
  Index ignored;

  Nll(const View& y, const View& target, const View& weight, const NllOptions& o)
      : batch(y.size[0]),
        classes(y.size[1]),
        inner(y.size[2]),
        y(y.as<const T>()),
        weight(weight.as<const T>()),
        target(target.as<const Index>()),
        keep(1 - o.smoothing),
        spread(o.smoothing / static_cast<double>(y.size[1])),
        ignored(o.ignore_index) {
    if (numel(y) == 0) return;
    check_pointer(y.data);
    check_pointer(target.data);
    if (weight) check_pointer(weight.data);
  }
  // Of an index out of range nothing is read: it was reported (within).
  WEFT_HD bool counts(Index t) const { return t != ignored && t >= 0 && t < classes; }
  WEFT_HD double of(Index c) const { return weight ? static_cast<double>(weight[c]) : 1; }
};

template <class T>
struct Forward {
  Nll<T> nll;
  T *loss, *row_weight;

  WEFT_HD void operator()(Index i) const {
    const Index t = nll.target[i];
    const T* x = nll.y + i / nll.inner * nll.classes * nll.inner + i % nll.inner;
    double sum = 0, w = 0;
    if (nll.counts(t)) {
      w = nll.of(t);
      sum = nll.keep * w * static_cast<double>(x[t * nll.inner]);
      if (nll.spread != 0) {
        double all = 0;
        for (Index c = 0; c < nll.classes; ++c)
          all += nll.of(c) * static_cast<double>(x[c * nll.inner]);
        sum += nll.spread * all;
      }
    }
    loss[i] = static_cast<T>(-sum);
    row_weight[i] = static_cast<T>(w);
  }
};

template <class T>
struct Backward {
  Nll<T> nll;
  T* gx;
  const T* scale;
  Index scale_n, scale_d;
  bool softmax;

  WEFT_HD double all() const {
    if (!nll.weight) return static_cast<double>(nll.classes);
    double sum = 0;
    for (Index c = 0; c < nll.classes; ++c) sum += nll.of(c);
    return sum;
  }
  WEFT_HD void operator()(Index e) const {
    const Index n = e / (nll.classes * nll.inner), c = e / nll.inner % nll.classes,
                d = e % nll.inner;
    const Index t = nll.target[n * nll.inner + d];
    if (!nll.counts(t)) {
      gx[e] = T(0);
      return;
    }
    const auto s = static_cast<double>(scale[n * scale_n + d * scale_d]);
    double v = 0;
    if (softmax) {
      const double total = nll.keep * nll.of(t) + (nll.spread != 0 ? nll.spread * all() : 0);
      v = total * static_cast<double>(formula::exp(nll.y[e]));
    }
    v -= nll.spread * nll.of(c);
    if (c == t) v -= nll.keep * nll.of(t);
    gx[e] = static_cast<T>(s * v);
  }
};

}  // namespace

void nll_forward(const View& loss, const View& row_weight, const View& y, const View& target,
                 const View& weight, const NllOptions& o) {
  by_compute(y.dtype, [&]<class T>(T) {
    const Nll<T> nll(y, target, weight, o);
    for_each("nll_loss", nll.batch * nll.inner, Forward<T>{nll, loss.as<T>(), row_weight.as<T>()});
  });
}

void nll_backward(const View& gx, const View& scale, const View& y, const View& target,
                  const View& weight, const NllOptions& o) {
  by_compute(y.dtype, [&]<class T>(T) {
    for_each("nll_loss backward", numel(gx),
             Backward<T>{Nll<T>(y, target, weight, o), gx.as<T>(), scale.as<const T>(),
                         scale.stride[0], scale.stride[1], o.softmax});
  });
}

}  // namespace weft::cuda
