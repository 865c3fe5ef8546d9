#include <weft/cuda/grid.h>
#include <weft/cuda/loop.h>
#include <weft/cuda/number.h>
#include <weft/cuda/row.h>
#include <weft/cuda/tables.h>

// Softmax along any dimension: a group of threads finds each row's maximum and sum, then makes each
// element of them.
namespace weft::cuda {
namespace {

constexpr Index kManyRows = 1 << 15;  // enough for a thread each

// Rows along one dimension of a view.
struct Rows {
  Place v;
  int dim;
  Index length, step;

  Rows(const View& view, int d)
      : v(view),
        dim(d),
        length(view.rank ? view.size[d] : 1),
        step(view.rank ? view.stride[d] : 1) {}
  Index count() const {
    Index n = 1;
    for (int d = 0; d < v.rank; ++d) n *= d == dim ? 1 : v.size[d];
    return n;
  }
  bool packed() const {
    bool all = step == 1 && on_border(v.data, 0, v.dtype);
    for (int d = 0; d < v.rank; ++d)
      all = all && (d == dim || on_border(v.data, v.stride[d] * v.width, v.dtype));
    return all;
  }
  // Where elements of a row lie apart, neighbouring threads take neighbouring rows.
  int lanes() const { return step != 1 && count() >= kManyRows ? 1 : lanes_for(length / 2); }
  WEFT_HD Row row(Index i) const {
    Index o = 0;
    for (int d = v.rank - 1; d >= 0; --d) {
      if (d != dim) o += divide(i, v.size[d]) * v.stride[d];
    }
    return {v.at(o), step * v.width};
  }
};

template <class C>
RowLoop<C> loop_over(std::initializer_list<const Rows*> all) {
  const Rows& first = **all.begin();
  bool packed = true;
  for (const Rows* rows : all) packed = packed && rows->packed();
  return {first.length, first.v.dtype, packed};
}

template <class C>
struct Top {
  C top, sum;
};

// The maximum of each row and the sum of exp(x - maximum), then the row of y.
template <class C>
struct Forward {
  using Acc = Top<C>;
  Rows y, x;
  RowLoop<C> loop;
  Acc* found;
  bool log;

  WEFT_HD Acc part(Index row, int lane, int lanes) const {
    const Row in[] = {x.row(row)};
    C top = -static_cast<C>(__builtin_huge_val()), sum(0);
    loop.each(in, nullptr, lane, lanes,
              [&](Index, const C(&v)[1]) { top = v[0] > top || v[0] != v[0] ? v[0] : top; });
    if (top == -static_cast<C>(__builtin_huge_val())) return {top, sum};
    loop.each(in, nullptr, lane, lanes,
              [&](Index, const C(&v)[1]) { sum += formula::exp(v[0] - top); });
    return {top, sum};
  }
  WEFT_HD Acc join(const Acc& a, const Acc& b) const {
    const C top = b.top > a.top || b.top != b.top ? b.top : a.top;
    // A lane of nothing but -inf has sum 0, and adds nothing; a row of it becomes NaN at the end.
    const C left = a.sum == C(0) ? C(0) : a.sum * formula::exp(a.top - top),
            right = b.sum == C(0) ? C(0) : b.sum * formula::exp(b.top - top);
    return {top, left + right};
  }
  WEFT_HD void finish(Index row, const Acc& a) const {
    found[row] = {a.top, log ? formula::log(a.sum) : a.sum};
  }
  WEFT_HD void spread(Index row, int lane, int lanes) const {
    const Acc t = found[row];
    const Row in[] = {x.row(row)};
    const auto one = [&](const C(&v)[1]) {
      const C d = v[0] - t.top;
      return log ? d - t.sum : formula::exp(d) / t.sum;
    };
    loop.map(y.row(row), in, nullptr, lane, lanes, one);
  }
};

// The sum of gy, times y unless it is the logarithm's, then the row of gx.
template <class C>
struct Backward {
  using Acc = double;
  Rows gx, gy, y;
  RowLoop<C> loop;
  C* found;
  bool log;

  WEFT_HD double part(Index row, int lane, int lanes) const {
    const Row in[] = {gy.row(row), y.row(row)};
    double sum = 0;
    loop.each(in, nullptr, lane, lanes,
              [&](Index, const C(&v)[2]) { sum += static_cast<double>(log ? v[0] : v[0] * v[1]); });
    return sum;
  }
  WEFT_HD double join(double a, double b) const { return a + b; }
  WEFT_HD void finish(Index row, double sum) const { found[row] = static_cast<C>(sum); }
  WEFT_HD void spread(Index row, int lane, int lanes) const {
    const C dot = found[row];
    const Row in[] = {gy.row(row), y.row(row)};
    loop.map(gx.row(row), in, nullptr, lane, lanes, [&](const C(&v)[2]) {
      return log ? v[0] - formula::exp(v[1]) * dot : v[1] * (v[0] - dot);
    });
  }
};

}  // namespace

void softmax_forward(const View& y, const View& x, int dim, bool log) {
  if (numel(x) == 0) return;
  by_compute(x.dtype, [&]<class C>(C) {
    const Rows in(x, dim), out(y, dim);
    const Scratch found(static_cast<std::size_t>(in.count()) * sizeof(Top<C>));
    for_groups("softmax", in.count(), in.lanes(),
               Forward<C>{out, in, loop_over<C>({&in, &out}), found.as<Top<C>>(), log});
  });
}

void softmax_backward(const View& gx, const View& gy, const View& y, int dim, bool log) {
  if (numel(y) == 0) return;
  by_compute(y.dtype, [&]<class C>(C) {
    const Rows in(y, dim), g(gy, dim), out(gx, dim);
    const Scratch found(static_cast<std::size_t>(in.count()) * sizeof(C));
    for_groups("softmax backward", in.count(), in.lanes(),
               Backward<C>{out, g, in, loop_over<C>({&in, &g, &out}), found.as<C>(), log});
  });
}

}  // namespace weft::cuda
