#include <algorithm>
#include <cmath>
#include <limits>

#include <weft/cpu/pool.h>
#include <weft/tests/catch.h>
#include <weft/tests/cpu/operand.h>

namespace weft {
namespace {

using testing::error;
using testing::Operand;
using Place = Operand::Place;

struct Pool {
  PoolOptions o;
  Index oh, ow;
  Operand x, y, where, gx;

  Pool(DType t, Index n, Index c, Index h, Index w, Index oh, Index ow, const PoolOptions& o,
       Place place = Place::ChannelsLast)
      : o(o),
        oh(oh),
        ow(ow),
        x(t, {n, c, h, w}, place),
        y(t, {n, c, oh, ow}, place),
        where(o.kernel[0] * o.kernel[1] > 256 ? DType::I32 : DType::U8, {n, c, oh, ow}, place),
        gx(x) {
    x.fill(1);
  }

  // f(output, input, element of the window) for what lies inside the input.
  template <class F>
  void each(F&& f) const {
    const Index h = x.sizes[2], w = x.sizes[3];
    for (Index i = 0; i < y.count(); ++i) {
      for (Index e = 0; e < o.kernel[0] * o.kernel[1]; ++e) {
        const Index r = i / ow % oh * o.stride[0] - o.padding[0] + e / o.kernel[1] * o.dilation[0];
        const Index c = i % ow * o.stride[1] - o.padding[1] + e % o.kernel[1] * o.dilation[1];
        if (r >= 0 && r < h && c >= 0 && c < w) f(i, (i / (oh * ow) * h + r) * w + c, e);
      }
    }
  }

  void check_max(double tolerance) {
    std::vector<double> best(static_cast<std::size_t>(y.count()), -INFINITY), index(best),
        gradient(static_cast<std::size_t>(x.count()));
    std::vector<Index> source(best.size());
    each([&](Index i, Index j, Index e) {
      const auto at = static_cast<std::size_t>(i);
      if (!(x.get(j) > best[at])) return;
      best[at] = x.get(j), index[at] = static_cast<double>(e), source[at] = j;
    });
    cpu::max_pool_forward(y.view(), where.view(), x.view(), o);
    CHECK(error(y, best) == 0);
    CHECK(error(where, index) == 0);
    Operand alone = y;
    alone.fill(9);
    cpu::max_pool_forward(alone.view(), View{}, x.view(), o);
    CHECK(error(alone, best) == 0);
    y.fill(2);
    for (Index i = 0; i < y.count(); ++i)
      gradient[static_cast<std::size_t>(source[static_cast<std::size_t>(i)])] += y.get(i);
    cpu::max_pool_backward(gx.view(), y.view(), where.view(), o);
    CHECK(error(gx, gradient) <= tolerance);
  }

  void check_average(double tolerance) {
    const Index h = x.sizes[2], w = x.sizes[3];
    std::vector<double> mean(static_cast<std::size_t>(y.count())), divisor(mean),
        gradient(static_cast<std::size_t>(x.count()));
    each([&](Index i, Index, Index) { divisor[static_cast<std::size_t>(i)] += 1; });
    for (Index i = 0; i < y.count(); ++i) {
      const Index r = i / ow % oh * o.stride[0] - o.padding[0],
                  c = i % ow * o.stride[1] - o.padding[1];
      const Index rows = std::min(r + o.kernel[0], h + o.padding[0]) - r;
      const Index columns = std::min(c + o.kernel[1], w + o.padding[1]) - c;
      double& d = divisor[static_cast<std::size_t>(i)];
      if (o.count_include_pad) d = static_cast<double>(rows * columns);
      if (o.divisor) d = static_cast<double>(o.divisor);
    }
    each([&](Index i, Index j, Index) {
      mean[static_cast<std::size_t>(i)] += x.get(j) / divisor[static_cast<std::size_t>(i)];
    });
    cpu::average_pool_forward(y.view(), x.view(), o);
    CHECK(error(y, mean) <= tolerance);
    y.fill(2);
    each([&](Index i, Index j, Index) {
      gradient[static_cast<std::size_t>(j)] += y.get(i) / divisor[static_cast<std::size_t>(i)];
    });
    cpu::average_pool_backward(gx.view(), y.view(), o);
    CHECK(error(gx, gradient) <= tolerance);
  }
};

double tolerance(DType t) {
  return t == DType::F64 ? 1e-14 : t == DType::F32 ? 1e-6 : t == DType::F16 ? 5e-3 : 3e-2;
}

std::vector<PoolOptions> options() {
  return {{.kernel = {2, 2}, .stride = {2, 2}},
          {.kernel = {3, 3}, .stride = {2, 2}},
          {.kernel = {3, 2}, .stride = {1, 3}, .padding = {1, 1}},
          {.kernel = {3, 3}, .stride = {2, 1}, .padding = {1, 1}, .count_include_pad = false},
          {.kernel = {3, 3}, .stride = {3, 3}, .padding = {1, 0}, .divisor = 5}};
}
Index length(Index in, const PoolOptions& o, int d, bool ceil) {
  const Index reach = (o.kernel[d] - 1) * o.dilation[d] + 1;
  const Index room = in + 2 * o.padding[d] - reach + (ceil ? o.stride[d] - 1 : 0);
  Index out = room / o.stride[d] + 1;
  if (ceil && (out - 1) * o.stride[d] >= in + o.padding[d]) --out;
  return out;
}

template <class F>
void each_pool(F&& f) {
  for (const PoolOptions& o : options()) {
    for (DType t : {DType::F32, DType::F64, DType::BF16, DType::F16}) {
      for (Place place : {Place::ChannelsLast, Place::Rows, Place::Gaps, Place::Backwards}) {
        for (Index c : {1, 3, 19}) {
          for (bool ceil : {false, true}) {
            INFO(name(t) << " kernel " << o.kernel[0] << " place " << static_cast<int>(place)
                         << " channels " << c << " ceil " << ceil);
            f(Pool(t, 2, c, 7, 8, length(7, o, 0, ceil), length(8, o, 1, ceil), o, place));
          }
        }
      }
    }
  }
}

}  // namespace

TEST_CASE("max pools agree with plain loops", "[pool]") {
  each_pool([](Pool p) { p.check_max(tolerance(p.x.dtype)); });
  PoolOptions dilated{.kernel = {2, 3}, .stride = {1, 2}, .padding = {1, 1}, .dilation = {3, 2}};
  Pool(DType::F32, 2, 20, 9, 9, length(9, dilated, 0, false), length(9, dilated, 1, false), dilated)
      .check_max(1e-5);
}

TEST_CASE("a window of more than 256 elements marks its maximum in i32", "[pool]") {
  const PoolOptions o{.kernel = {17, 18}, .stride = {3, 5}};
  Pool(DType::F32, 1, 9, 23, 29, length(23, o, 0, false), length(29, o, 1, false), o)
      .check_max(1e-5);
}

TEST_CASE("average pools agree with plain loops", "[pool]") {
  each_pool([](Pool p) { p.check_average(tolerance(p.x.dtype)); });
}

TEST_CASE("max pool: NaN wins, the first of equals wins", "[pool]") {
  const PoolOptions o{.kernel = {2, 2}, .stride = {2, 2}};
  for (Index channels : {1, 16}) {
    Pool p(DType::F32, 1, channels, 2, 4, 1, 2, o);
    for (Index i = 0; i < p.x.count(); ++i) p.x.set(i, 1);
    for (Index c = 0; c < channels; ++c) p.x.set(c * 8 + 3, std::nan("")), p.x.set(c * 8 + 6, 7);
    cpu::max_pool_forward(p.y.view(), p.where.view(), p.x.view(), o);
    for (Index c = 0; c < channels; ++c) {
      CHECK(p.y.get(2 * c) == 1);
      CHECK(p.where.get(2 * c) == 0);
      CHECK(std::isnan(p.y.get(2 * c + 1)));
      CHECK(p.where.get(2 * c + 1) == 1);
    }
  }
}

TEST_CASE("adaptive average pools: PyTorch's windows", "[pool]") {
  // torch.nn.functional.adaptive_avg_pool2d(torch.arange(35.).reshape(1, 1, 5, 7), (2, 3))
  const std::vector<double> expected = {8, 10, 12, 22, 24, 26};
  for (DType t : {DType::F32, DType::F64, DType::BF16}) {
    Operand x(t, {1, 1, 5, 7}), y(t, {1, 1, 2, 3}), gx(x);
    for (Index i = 0; i < 35; ++i) x.set(i, static_cast<double>(i));
    cpu::adaptive_pool_forward(y.view(), x.view());
    CHECK(error(y, expected) == 0);
    for (Index i = 0; i < 6; ++i) y.set(i, 9);  // each window has 3 x 3 elements
    cpu::adaptive_pool_backward(gx.view(), y.view());
    // row 2 is in both windows of rows, columns 2 and 4 in two of columns
    for (Index i = 0; i < 35; ++i)
      CHECK(gx.get(i) == (i / 7 == 2 ? 2 : 1) * (i % 7 == 2 || i % 7 == 4 ? 2 : 1));
  }
}

TEST_CASE("pools of nothing, and of integers", "[pool]") {
  const PoolOptions o{.kernel = {2, 2}, .stride = {2, 2}};
  Pool none(DType::F32, 0, 3, 4, 4, 2, 2, o);
  cpu::max_pool_forward(none.y.view(), none.where.view(), none.x.view(), o);
  cpu::average_pool_backward(none.gx.view(), none.y.view(), o);
  Pool p(DType::I64, 1, 1, 4, 4, 2, 2, o);
  CHECK_THROWS_WITH(cpu::max_pool_forward(p.y.view(), p.where.view(), p.x.view(), o),
                    Catch::Matchers::ContainsSubstring("got int64, expected a floating dtype"));
}

}  // namespace weft
