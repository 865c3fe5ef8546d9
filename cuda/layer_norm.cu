#include <weft/cuda/norm.h>
#include <weft/cuda/tables.h>

namespace weft::cuda {
namespace {

struct Moments {
  double n, mean, squares;
};
// Chan, Golub and LeVeque: counts, means and squared differences of parts.
WEFT_HD inline Moments joined(const Moments& a, const Moments& b) {
  if (a.n == 0 || b.n == 0) return a.n == 0 ? b : a;
  const double n = a.n + b.n, part = b.n / n, delta = b.mean - a.mean;
  return {n, a.mean + delta * part, a.squares + b.squares + delta * delta * a.n * part};
}

// Dense rows of x, and operands that lie as x does.
template <class C>
struct Table {
  Place x;
  RowLoop<C> loop;

  Table(const View& v, std::initializer_list<const View*> others)
      : x(v), loop{v.size[1], v.dtype, packed(v)} {
    for (const View* other : others) loop.packed = loop.packed && packed(*other);
  }
  static bool packed(const View& v) {
    return v.size[1] % kVector == 0 && on_border(v.data, 0, v.dtype);
  }
  WEFT_HD Row row(const char* data, Index i) const {
    return {const_cast<char*>(data) + i * x.size[1] * x.width, x.width};
  }
};

// The moments of each row, then the row of y.
template <class C>
struct LayerForward {
  using Acc = Moments;
  Table<C> table;
  char* y;
  Terms mean, rstd, columns[2];  // weight and bias
  double eps;

  WEFT_HD Acc part(Index row, int lane, int lanes) const {
    const Row in[] = {table.row(table.x.data, row)};
    double n = 0, shift = 0, sum = 0, squares = 0;
    table.loop.each(in, nullptr, lane, lanes, [&](Index, const C(&v)[1]) {
      if (n == 0) shift = static_cast<double>(v[0]);
      const double d = static_cast<double>(v[0]) - shift;
      n += 1;
      sum += d;
      squares += d * d;
    });
    if (n == 0) return {0, 0, 0};
    return {n, shift + sum / n, squares - sum * (sum / n)};
  }
  WEFT_HD Acc join(const Acc& a, const Acc& b) const { return joined(a, b); }
  WEFT_HD void finish(Index row, const Acc& m) const {
    const double variance = m.squares > 0 || m.squares != m.squares ? m.squares / m.n : 0;
    mean.set(row, m.mean);
    rstd.set(row, 1 / formula::sqrt(variance + eps));
  }
  WEFT_HD void spread(Index row, int lane, int lanes) const {
    const Row in[] = {table.row(table.x.data, row)};
    const C center = mean.get<C>(row), scale = rstd.get<C>(row);
    table.loop.template map<2>(table.row(y, row), in, columns, lane, lanes, [&](const C(&v)[3]) {
      return (v[0] - center) * scale * v[1] + v[2];
    });
  }
};

// Means of g w and g w x^ over each row, then the row of gx.
template <class C>
struct LayerBackward {
  using Acc = Dots;
  Table<C> table;
  const char* gy;
  char* gx;
  Terms mean, rstd, columns[1];  // weight
  C* sums;

  WEFT_HD Acc part(Index row, int lane, int lanes) const {
    const Row in[] = {table.row(gy, row), table.row(table.x.data, row)};
    const C center = mean.get<C>(row), scale = rstd.get<C>(row);
    Dots d{0, 0};
    table.loop.template each<1>(in, columns, lane, lanes, [&](Index, const C(&v)[3]) {
      const C g = v[0] * v[2], normal = (v[1] - center) * scale;
      d.sum += static_cast<double>(g);
      d.dot += static_cast<double>(g) * static_cast<double>(normal);
    });
    return d;
  }
  WEFT_HD Acc join(const Acc& a, const Acc& b) const { return {a.sum + b.sum, a.dot + b.dot}; }
  WEFT_HD void finish(Index row, const Acc& d) const {
    const auto n = static_cast<double>(table.loop.length);
    sums[2 * row] = static_cast<C>(d.sum / n);
    sums[2 * row + 1] = static_cast<C>(d.dot / n);
  }
  WEFT_HD void spread(Index row, int lane, int lanes) const {
    const Row in[] = {table.row(gy, row), table.row(table.x.data, row)};
    const C center = mean.get<C>(row), scale = rstd.get<C>(row), sum = sums[2 * row],
            dot = sums[2 * row + 1];
    table.loop.template map<1>(table.row(gx, row), in, columns, lane, lanes, [&](const C(&v)[3]) {
      return (v[0] * v[2] - sum - (v[1] - center) * scale * dot) * scale;
    });
  }
};

// The sums of gy and gy x^ over each column.
template <class C>
struct LayerSums {
  Terms mean, rstd;
  WEFT_HD auto channel(Index) const {
    return [this](Dots& sums, Index row, C x, C gy) {
      const C normal = (x - mean.get<C>(row)) * rstd.get<C>(row);
      sums.sum += static_cast<double>(gy);
      sums.dot += static_cast<double>(gy) * static_cast<double>(normal);
    };
  }
};
struct LayerTerms {
  Terms gw, gb;
  WEFT_HD void operator()(Index c, const Dots& a) const {
    gw.set(c, a.dot);
    gb.set(c, a.sum);
  }
};

}  // namespace

void layer_forward(const View& y, const View& mean, const View& rstd, const View& x,
                   const View& weight, const View& bias, double eps) {
  by_compute(x.dtype, [&]<class C>(C) {
    for_groups("layer_norm", x.size[0], lanes_for(x.size[1] / 2),
               LayerForward<C>{{x, {&y}},
                               y.as<char>(),
                               Terms(mean, 0),
                               Terms(rstd, 1),
                               {Terms(weight, 1), Terms(bias, 0)},
                               eps});
  });
}

void layer_backward(const View& gx, const View& gw, const View& gb, const View& gy, const View& x,
                    const View& mean, const View& rstd, const View& weight) {
  by_compute(x.dtype, [&]<class C>(C) {
    if (gx) {
      const Scratch sums(static_cast<std::size_t>(2 * x.size[0]) * sizeof(C));
      for_groups("layer_norm backward", x.size[0], lanes_for(x.size[1] / 2),
                 LayerBackward<C>{{x, {&gy, &gx}},
                                  gy.as<char>(),
                                  gx.as<char>(),
                                  Terms(mean, 0),
                                  Terms(rstd, 1),
                                  {Terms(weight, 1)},
                                  sums.as<C>()});
    }
    if (gw || gb)
      sum_channels<C>("layer_norm backward", Channels(x), gy,
                      LayerSums<C>{Terms(mean, 0), Terms(rstd, 1)},
                      LayerTerms{Terms(gw, 0), Terms(gb, 0)});
  });
}

}  // namespace weft::cuda
