#include <weft/cuda/grid.h>
#include <weft/cuda/number.h>
#include <weft/cuda/picture.h>
#include <weft/cuda/tables.h>

// Pools, an element of the result a thread, channels fastest.
namespace weft::cuda {
namespace {

// ---- Maximum: the first of the largest wins; a NaN wins over all numbers, of several the last.
template <class C>
struct MaxForward {
  Place y, where, x;
  PoolOptions o;

  WEFT_HD void operator()(Index e) const {
    const Pixel p(y, e);
    const Index top = p.h * o.stride[0] - o.padding[0], left = p.w * o.stride[1] - o.padding[1];
    C best = -__builtin_huge_val();
    Index found = -1;
    for (Index i = 0; i < o.kernel[0]; ++i) {
      const Index h = top + i * o.dilation[0];
      if (h < 0 || h >= x.size[2]) continue;
      for (Index j = 0; j < o.kernel[1]; ++j) {
        const Index w = left + j * o.dilation[1];
        if (w < 0 || w >= x.size[3]) continue;
        const C v = load<C>(at(x, p, h, w), x.dtype);
        if (found >= 0 && !(v > best) && v == v) continue;
        best = v;
        found = i * o.kernel[1] + j;
      }
    }
    store(at(y, p, p.h, p.w), y.dtype, best);
    if (where.there()) store(at(where, p, p.h, p.w), where.dtype, Int(found));
  }
};

// The outputs whose windows hold a position: each asks whether it was its maximum.
template <class C>
struct MaxBackward {
  Place gx, gy, where;
  PoolOptions o;

  WEFT_HD void operator()(Index e) const {
    const Pixel p(gx, e);
    C sum(0);
    for (Index i = o.kernel[0] - 1; i >= 0; --i) {  // so that outputs come in order
      const Index h = reader(p.h, i, o.stride[0], o.padding[0], o.dilation[0], gy.size[2]);
      if (h < 0) continue;
      for (Index j = o.kernel[1] - 1; j >= 0; --j) {
        const Index w = reader(p.w, j, o.stride[1], o.padding[1], o.dilation[1], gy.size[3]);
        if (w < 0 || load<Int>(at(where, p, h, w), where.dtype).v != i * o.kernel[1] + j) continue;
        sum += load<C>(at(gy, p, h, w), gy.dtype);
      }
    }
    store(at(gx, p, p.h, p.w), gx.dtype, sum);
  }
};

template <class C>
struct MaxPick {
  Place y, where, x;
  PoolOptions o;

  WEFT_HD void operator()(Index e) const {
    const Pixel p(y, e);
    const Index tap = load<Int>(at(where, p, p.h, p.w), where.dtype).v;
    const Index h = p.h * o.stride[0] - o.padding[0] + tap / o.kernel[1] * o.dilation[0],
                w = p.w * o.stride[1] - o.padding[1] + tap % o.kernel[1] * o.dilation[1];
    store(at(y, p, p.h, p.w), y.dtype, load<C>(at(x, p, h, w), x.dtype));
  }
};

// ---- Averages
struct Reach {
  Index begin, end, padded;
  WEFT_HD Index length() const { return end > begin ? end - begin : 0; }
};

// One dimension: which inputs an output reads, which outputs read an input.
struct Axis {
  Index in, out, kernel, stride, padding;  // kernel 0: adaptive

  WEFT_HD Reach window(Index o) const {
    if (kernel == 0) {
      const Index begin = o * in / out, end = ((o + 1) * in + out - 1) / out;
      return {begin, end, end - begin};
    }
    const Index begin = o * stride - padding,
                end = begin + kernel < in + padding ? begin + kernel : in + padding;
    return {begin > 0 ? begin : 0, end < in ? end : in, end - begin};
  }
  WEFT_HD Reach readers(Index i) const {
    if (kernel == 0) return {i * out / in, ((i + 1) * out + in - 1) / in, 0};
    const Index p = i + padding, last = p / stride + 1;
    return {p >= kernel ? (p - kernel) / stride + 1 : 0, last < out ? last : out, 0};
  }
};

struct Average {
  Axis high, wide;
  bool padding_counts;
  Index divisor;

  Average(const View& y, const View& x, const PoolOptions& o)
      : high{x.size[2], y.size[2], o.kernel[0], o.stride[0], o.padding[0]},
        wide{x.size[3], y.size[3], o.kernel[1], o.stride[1], o.padding[1]},
        padding_counts(o.count_include_pad),
        divisor(o.divisor) {}
  Average(const View& y, const View& x)
      : high{x.size[2], y.size[2], 0, 1, 0},
        wide{x.size[3], y.size[3], 0, 1, 0},
        padding_counts(false),
        divisor(0) {}

  WEFT_HD Index divide_by(const Reach& h, const Reach& w) const {
    if (divisor) return divisor;
    const Index n = padding_counts ? h.padded * w.padded : h.length() * w.length();
    return n > 1 ? n : 1;
  }
};

template <class C>
struct AverageForward {
  Place y, x;
  Average a;

  WEFT_HD void operator()(Index e) const {
    const Pixel p(y, e);
    const Reach rows = a.high.window(p.h), columns = a.wide.window(p.w);
    C sum(0);
    for (Index i = rows.begin; i < rows.end; ++i) {
      for (Index j = columns.begin; j < columns.end; ++j) sum += load<C>(at(x, p, i, j), x.dtype);
    }
    store(at(y, p, p.h, p.w), y.dtype, sum / static_cast<C>(a.divide_by(rows, columns)));
  }
};

template <class C>
struct AverageBackward {
  Place gx, gy;
  Average a;

  WEFT_HD void operator()(Index e) const {
    const Pixel p(gx, e);
    const Reach rows = a.high.readers(p.h), columns = a.wide.readers(p.w);
    C sum(0);
    for (Index i = rows.begin; i < rows.end; ++i) {
      const Reach h = a.high.window(i);
      for (Index j = columns.begin; j < columns.end; ++j) {
        sum +=
            load<C>(at(gy, p, i, j), gy.dtype) / static_cast<C>(a.divide_by(h, a.wide.window(j)));
      }
    }
    store(at(gx, p, p.h, p.w), gx.dtype, sum);
  }
};

void average(const View& y, const View& x, const Average& a) {
  by_compute(x.dtype, [&]<class C>(C) {
    for_each("avg_pool2d", numel(y), AverageForward<C>{Place(y), Place(x), a});
  });
}
void average_gradient(const View& gx, const View& gy, const Average& a) {
  by_compute(gx.dtype, [&]<class C>(C) {
    for_each("avg_pool2d backward", numel(gx), AverageBackward<C>{Place(gx), Place(gy), a});
  });
}

}  // namespace

void max_pool_forward(const View& y, const View& where, const View& x, const PoolOptions& o) {
  by_compute(x.dtype, [&]<class C>(C) {
    for_each("max_pool2d", numel(y), MaxForward<C>{Place(y), Place(where), Place(x), o});
  });
}
void max_pool_backward(const View& gx, const View& gy, const View& where, const PoolOptions& o) {
  by_compute(gx.dtype, [&]<class C>(C) {
    for_each("max_pool2d backward", numel(gx),
             MaxBackward<C>{Place(gx), Place(gy), Place(where), o});
  });
}
void max_pool_pick(const View& y, const View& where, const View& x, const PoolOptions& o) {
  by_compute(x.dtype, [&]<class C>(C) {
    for_each("max_pool2d", numel(y), MaxPick<C>{Place(y), Place(where), Place(x), o});
  });
}

void average_pool_forward(const View& y, const View& x, const PoolOptions& o) {
  average(y, x, Average(y, x, o));
}
void average_pool_backward(const View& gx, const View& gy, const PoolOptions& o) {
  average_gradient(gx, gy, Average(gy, gx, o));
}
void adaptive_pool_forward(const View& y, const View& x) { average(y, x, Average(y, x)); }
void adaptive_pool_backward(const View& gx, const View& gy) {
  average_gradient(gx, gy, Average(gy, gx));
}

}  // namespace weft::cuda
