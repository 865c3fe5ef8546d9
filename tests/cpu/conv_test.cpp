#include <algorithm>
#include <cmath>

#include <weft/cpu/conv.h>
#include <weft/cpu/isa/tables.h>
#include <weft/tests/catch.h>
#include <weft/tests/cpu/operand.h>

namespace weft {
namespace {

using testing::error;
using testing::Operand;
using testing::values;
using Place = Operand::Place;

struct Case {
  const char* name;
  Index n, c, h, w, k, r, s;
  Conv2dOptions o = {};
  Index oh() const { return out(h, r, 0); }
  Index ow() const { return out(w, s, 1); }

 private:
  Index out(Index in, Index kernel, int d) const {
    const Index reach = (kernel - 1) * o.dilation[d] + 1;
    return (in + o.padding_low[d] + o.padding_high[d] - reach) / o.stride[d] + 1;
  }
};

// f(n, k, oh, ow, c, h, w, r, s) for every product, as flat positions of y, x and w.
template <class F>
void each_product(const Case& t, F&& f) {
  const Index cg = t.c / t.o.groups, kg = t.k / t.o.groups;
  for (Index y = 0; y < t.n * t.k * t.oh() * t.ow(); ++y) {
    const Index ow = y % t.ow(), oh = y / t.ow() % t.oh(), k = y / t.ow() / t.oh() % t.k;
    const Index n = y / t.ow() / t.oh() / t.k, c0 = k / kg * cg;
    for (Index tap = 0; tap < cg * t.r * t.s; ++tap) {
      const Index s = tap % t.s, r = tap / t.s % t.r, c = c0 + tap / t.s / t.r;
      const Index h = oh * t.o.stride[0] - t.o.padding_low[0] + r * t.o.dilation[0];
      const Index w = ow * t.o.stride[1] - t.o.padding_low[1] + s * t.o.dilation[1];
      if (h < 0 || h >= t.h || w < 0 || w >= t.w) continue;
      f(y, ((n * t.c + c) * t.h + h) * t.w + w, k * cg * t.r * t.s + tap);
    }
  }
}

struct Problem {
  Case t;
  Operand x, w, bias, y, gx, gw, gb;

  Problem(const Case& t, DType d, Place place)
      : t(t),
        x(d, {t.n, t.c, t.h, t.w}, place),
        w(d, {t.k, t.c / t.o.groups, t.r, t.s}, place == Place::ChannelsLast ? Place::Rows : place),
        bias(d, {t.k}),
        y(d, {t.n, t.k, t.oh(), t.ow()}, place),
        gx(x),
        gw(w),
        gb(bias) {
    x.fill(1), w.fill(2), bias.fill(3);
  }

  std::vector<double> expected_y() const {
    std::vector<double> e(static_cast<std::size_t>(y.count()));
    const auto xs = values(x), ws = values(w);
    for (Index i = 0; i < y.count(); ++i)
      e[static_cast<std::size_t>(i)] = bias.get(i / (t.oh() * t.ow()) % t.k);
    each_product(t, [&](auto yi, auto xi, auto wi) { e[yi] += xs[xi] * ws[wi]; });
    if (t.o.relu)
      for (double& v : e) v = std::max(v, 0.);
    return e;
  }
  std::vector<double> expected_gx() const {
    std::vector<double> e(static_cast<std::size_t>(x.count()));
    const auto gs = values(y), ws = values(w);
    each_product(t, [&](auto yi, auto xi, auto wi) { e[xi] += gs[yi] * ws[wi]; });
    return e;
  }
  std::vector<double> expected_gw() const {
    std::vector<double> e(static_cast<std::size_t>(w.count()));
    const auto gs = values(y), xs = values(x);
    each_product(t, [&](auto yi, auto xi, auto wi) { e[wi] += gs[yi] * xs[xi]; });
    return e;
  }
  std::vector<double> expected_gb() const {
    std::vector<double> e(static_cast<std::size_t>(t.k));
    for (Index i = 0; i < y.count(); ++i)
      e[static_cast<std::size_t>(i / (t.oh() * t.ow()) % t.k)] += y.get(i);
    return e;
  }

  void forward() { cpu::conv2d_forward(y.view(), x.view(), w.view(), bias.view(), t.o); }
  void backward() {
    cpu::conv2d_backward_input(gx.view(), y.view(), w.view(), t.o);
    cpu::conv2d_backward_weight(gw.view(), gb.view(), y.view(), x.view(), t.o);
  }
  void check(double tolerance) {
    forward();
    CHECK(error(y, expected_y()) < tolerance);
    y.fill(4);  // from here the gradient
    backward();
    CHECK(error(gx, expected_gx()) < tolerance);
    CHECK(error(gw, expected_gw()) < tolerance);
    CHECK(error(gb, expected_gb()) < tolerance);
  }
};

std::vector<Case> cases() {
  return {
      {"1x1", 2, 5, 4, 3, 7, 1, 1},
      {"3x3 of few channels", 3, 3, 9, 8, 5, 3, 3, {.padding_low = {1, 1}, .padding_high = {1, 1}}},
      {"stride 2, uneven padding",
       2,
       4,
       9,
       10,
       6,
       3,
       2,
       {.stride = {2, 3}, .padding_low = {1, 0}, .padding_high = {2, 1}}},
      {"dilation",
       2,
       4,
       11,
       12,
       3,
       3,
       3,
       {.padding_low = {2, 1}, .padding_high = {2, 1}, .dilation = {2, 3}}},
      {"groups", 2, 6, 7, 7, 9, 3, 3, {.padding_low = {1, 1}, .padding_high = {1, 1}, .groups = 3}},
      {"depthwise",
       2,
       8,
       6,
       6,
       8,
       3,
       3,
       {.padding_low = {1, 1}, .padding_high = {1, 1}, .groups = 8}},
      {"relu", 2, 3, 6, 6, 4, 3, 3, {.relu = true}},
      {"many channels, in two chunks where they are unfolded",
       2,
       128,
       14,
       14,
       2,
       7,
       7,
       {.padding_low = {3, 3}, .padding_high = {3, 3}}},
      {"many channels in groups",
       1,
       256,
       9,
       8,
       6,
       3,
       2,
       {.stride = {2, 1},
        .padding_low = {1, 0},
        .padding_high = {0, 1},
        .dilation = {1, 2},
        .groups = 2}},
      {"winograd", 5, 32, 8, 8, 48, 3, 3, {.padding_low = {1, 1}, .padding_high = {1, 1}}},
      {"winograd, odd",
       3,
       37,
       11,
       14,
       33,
       3,
       3,
       {.padding_low = {0, 2}, .padding_high = {1, 0}, .relu = true}},
      {"winograd, wide padding",
       4,
       33,
       6,
       7,
       35,
       3,
       3,
       {.padding_low = {3, 1}, .padding_high = {0, 4}}},
  };
}

double tolerance(DType t) {
  switch (t) {
    case DType::F64: return 1e-13;
    case DType::BF16: return 4e-2;  // 8 bits of mantissa; the largest of many errors
    case DType::F16: return 4e-3;
    default: return 4e-5;
  }
}

}  // namespace

TEST_CASE("conv2d and its gradients agree with plain loops in double", "[conv]") {
  for (const Case& t : cases()) {
    for (DType d : {DType::F32, DType::F64, DType::BF16, DType::F16}) {
      INFO(t.name << ", " << name(d));
      Problem(t, d, Place::ChannelsLast).check(tolerance(d));
    }
  }
}

TEST_CASE("conv2d takes any strides", "[conv]") {
  for (const Case& t : cases()) {
    for (Place place : {Place::Rows, Place::Gaps, Place::Backwards}) {
      INFO(t.name << ", " << static_cast<int>(place));
      Problem(t, DType::F32, place).check(tolerance(DType::F32));
    }
  }
}

TEST_CASE("conv2d is good to 1e-5 with Winograd and without", "[conv]") {
  const Case t{"", 4, 64, 12, 12, 64, 3, 3, {.padding_low = {1, 1}, .padding_high = {1, 1}}};
  Problem with(t, DType::F32, Place::ChannelsLast), without = with;
  with.forward();
  set_float32_conv_winograd(false);
  without.forward();
  set_float32_conv_winograd(true);
  const double a = error(with.y, with.expected_y()), b = error(without.y, with.expected_y());
  CHECK(a < 1e-5);
  CHECK(b < 8e-6);
  CHECK_FALSE(with.y.same_bits(without.y));
}

TEST_CASE("conv2d with ReLU is what relu makes of conv2d, and keeps NaN", "[conv]") {
  const auto nans_of = [](Problem& plain) {
    Problem clamped = plain;
    clamped.t.o.relu = true;
    plain.forward(), clamped.forward();
    Index nans = 0, differing = 0;
    for (Index i = 0; i < plain.y.count(); ++i) {
      const double a = plain.y.get(i), b = clamped.y.get(i);
      nans += std::isnan(b);
      differing += std::isnan(a) ? !std::isnan(b) : b != std::max(a, 0.);
    }
    CHECK(differing == 0);
    return nans;
  };
  for (Case t : cases()) {
    t.o.relu = false;
    for (DType d : {DType::F32, DType::F64, DType::BF16, DType::F16}) {
      INFO(t.name << ", " << name(d));
      Problem p(t, d, Place::ChannelsLast);
      CHECK(nans_of(p) == 0);
      p.x.set(p.x.count() / 2, NAN);
      CHECK(nans_of(p) > 0);
      Problem large(t, d, Place::ChannelsLast);  // infinity, in some orders less infinity
      for (Operand* of : {&large.x, &large.w})
        for (Index i = 0; i < of->count(); ++i)
          of->set(i, of->get(i) * (d == DType::F64 ? 1e200 : 1e30));
      nans_of(large);
    }
  }
}

TEST_CASE("conv2d of nothing", "[conv]") {
  Problem empty({"", 0, 3, 5, 5, 4, 3, 3}, DType::F32, Place::ChannelsLast);
  empty.forward();
  empty.gw.fill(9), empty.gb.fill(9);
  empty.backward();
  CHECK(error(empty.gw, std::vector<double>(static_cast<std::size_t>(empty.gw.count()))) == 0);
  CHECK(error(empty.gb, std::vector<double>(4)) == 0);
  Problem no_channels({"", 2, 0, 5, 5, 4, 3, 3}, DType::F32, Place::ChannelsLast);
  no_channels.forward();
  CHECK(error(no_channels.y, no_channels.expected_y()) == 0);
}

TEST_CASE("conv2d refuses integers before anything changes", "[conv]") {
  Problem p({"", 1, 1, 3, 3, 1, 3, 3}, DType::I32, Place::Rows);
  const Operand before = p.y;
  CHECK_THROWS_WITH(p.forward(), Catch::Matchers::ContainsSubstring("expected a floating dtype"));
  CHECK(p.y.same_bits(before));
}

TEST_CASE("deterministic conv2d has the same bits for any number of threads", "[conv]") {
  const testing::Deterministic on;
  std::vector<Case> tried = cases();
  tried.push_back({"channels that oneDNN shares out among five threads or more",
                   1,
                   512,
                   2,
                   2,
                   16,
                   2,
                   2,
                   {.padding_low = {1, 1}, .padding_high = {1, 1}}});
  for (const Case& t : tried) {
    for (DType d : {DType::F32, DType::F64, DType::BF16}) {
      INFO(t.name << ", " << name(d));
      Problem one(t, d, Place::ChannelsLast);
      one.y.fill(4);
      for (int threads : {2, 3, 8}) {
        Problem many = one;
        {
          const testing::WithThreads with(1);
          one.backward(), one.forward();
        }
        const testing::WithThreads with(threads);
        many.backward(), many.forward();
        CHECK(one.y.same_bits(many.y));
        CHECK(one.gx.same_bits(many.gx));
        CHECK(one.gw.same_bits(many.gw));
        CHECK(one.gb.same_bits(many.gb));
        one.y.fill(4);
      }
      Problem check(t, d, Place::ChannelsLast);
      check.check(tolerance(d));
    }
  }
}

TEST_CASE("a caller's threads may all convolve at once", "[conv]") {
  const Case t{"", 4, 8, 9, 9, 8, 3, 3, {.padding_low = {1, 1}, .padding_high = {1, 1}}};
  std::vector<Problem> problems(4, Problem(t, DType::F32, Place::ChannelsLast));
  parallel_for(0, 4, 1, [&](Index begin, Index end) {
    for (Index i = begin; i < end; ++i) problems[static_cast<std::size_t>(i)].forward();
  });
  for (const Problem& p : problems) CHECK(error(p.y, p.expected_y()) < 1e-5);
}

}  // namespace weft
