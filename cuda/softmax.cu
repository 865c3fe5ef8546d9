#include <weft/cuda/grid.h>
#include <weft/cuda/loop.h>
#include <weft/cuda/number.h>
#include <weft/cuda/tables.h>

// Softmax along any dimension: a group of threads finds each row's maximum and sum, then each
// element is made of them.
namespace weft::cuda {
namespace {

// Rows along one dimension of a view.
struct Rows {
  Place v;
  int dim;
  Index length;

  Rows(const View& view, int d) : v(view), dim(d), length(view.rank ? view.size[d] : 1) {}
  Index count() const {
    Index n = 1;
    for (int d = 0; d < v.rank; ++d) n *= d == dim ? 1 : v.size[d];
    return n;
  }
  WEFT_HD Index offset(Index row) const {
    Index o = 0;
    for (int d = v.rank - 1; d >= 0; --d) {
      if (d != dim) o += divide(row, v.size[d]) * v.stride[d];
    }
    return o;
  }
  WEFT_HD Index step() const { return v.rank ? v.stride[dim] : 1; }
  template <class C>
  WEFT_HD C get(Index row_offset, Index i) const {
    return load<C>(v.at(row_offset + i * step()), v.dtype);
  }
};

template <class C>
struct Top {
  C top, sum;
};

// The maximum of each row and the sum of exp(x - maximum).
template <class C>
struct Find {
  using Acc = Top<C>;
  Rows x;
  Acc* found;

  WEFT_HD Acc part(Index row, int lane, int lanes) const {
    const Index from = x.offset(row);
    C top = -static_cast<C>(__builtin_huge_val()), sum(0);
    for (Index i = lane; i < x.length; i += lanes) {
      const C v = x.get<C>(from, i);
      top = v > top || v != v ? v : top;
    }
    if (top == -static_cast<C>(__builtin_huge_val())) return {top, sum};
    for (Index i = lane; i < x.length; i += lanes) sum += formula::exp(x.get<C>(from, i) - top);
    return {top, sum};
  }
  WEFT_HD Acc join(const Acc& a, const Acc& b) const {
    const C top = b.top > a.top || b.top != b.top ? b.top : a.top;
    // A lane of nothing but -inf has sum 0, and adds nothing; a row of it becomes NaN at the end.
    const C left = a.sum == C(0) ? C(0) : a.sum * formula::exp(a.top - top),
            right = b.sum == C(0) ? C(0) : b.sum * formula::exp(b.top - top);
    return {top, left + right};
  }
  WEFT_HD void finish(Index row, const Acc& a) const { found[row] = a; }
};

template <class C>
struct Forward {
  Rows y, x;
  const Top<C>* found;
  bool log;

  WEFT_HD void operator()(Index e) const {
    const Index row = e / x.length, i = e % x.length;
    const Top<C> t = found[row];
    const C d = x.get<C>(x.offset(row), i) - t.top;
    store(y.v.at(y.offset(row) + i * y.step()), y.v.dtype,
          log ? d - formula::log(t.sum) : formula::exp(d) / t.sum);
  }
};

template <class C>
struct Dot {
  using Acc = double;
  Rows gy, y;
  C* found;
  bool log;

  WEFT_HD double part(Index row, int lane, int lanes) const {
    const Index g = gy.offset(row), from = y.offset(row);
    double sum = 0;
    for (Index i = lane; i < y.length; i += lanes) {
      const C v = gy.get<C>(g, i);
      sum += static_cast<double>(log ? v : v * y.get<C>(from, i));
    }
    return sum;
  }
  WEFT_HD double join(double a, double b) const { return a + b; }
  WEFT_HD void finish(Index row, double sum) const { found[row] = static_cast<C>(sum); }
};

template <class C>
struct Backward {
  Rows gx, gy, y;
  const C* found;
  bool log;

  WEFT_HD void operator()(Index e) const {
    const Index row = e / y.length, i = e % y.length;
    const C g = gy.get<C>(gy.offset(row), i), v = y.get<C>(y.offset(row), i), dot = found[row];
    store(gx.v.at(gx.offset(row) + i * gx.step()), gx.v.dtype,
          log ? g - formula::exp(v) * dot : v * (g - dot));
  }
};

}  // namespace

void softmax_forward(const View& y, const View& x, int dim, bool log) {
  if (numel(x) == 0) return;
  by_compute(x.dtype, [&]<class C>(C) {
    const Rows rows(x, dim);
    const Scratch found(static_cast<std::size_t>(rows.count()) * sizeof(Top<C>));
    for_groups("softmax", rows.count(), lanes_for(rows.length), Find<C>{rows, found.as<Top<C>>()});
    for_each("softmax", numel(x), Forward<C>{Rows(y, dim), rows, found.as<Top<C>>(), log});
  });
}

void softmax_backward(const View& gx, const View& gy, const View& y, int dim, bool log) {
  if (numel(y) == 0) return;
  by_compute(y.dtype, [&]<class C>(C) {
    const Rows rows(y, dim), g(gy, dim);
    const Scratch found(static_cast<std::size_t>(rows.count()) * sizeof(C));
    for_groups("softmax backward", rows.count(), lanes_for(rows.length),
               Dot<C>{g, rows, found.as<C>(), log});
    for_each("softmax backward", numel(y), Backward<C>{Rows(gx, dim), g, rows, found.as<C>(), log});
  });
}

}  // namespace weft::cuda
