#include <cmath>
#include <random>
#include <string>
#include <vector>

#include <fmt/ranges.h>

#include <weft/weft.h>

#include <weft/tests/catch.h>

using namespace weft;

// Random shapes in f32, bf16 and medium precision against f64: the kernels of libraries are wrong
// for some that no table of cases would think of.
namespace {

struct Random {
  std::mt19937 engine;
  Index operator()(Index low, Index high) {
    return low + static_cast<Index>(engine() % static_cast<std::uint32_t>(high - low + 1));
  }
};

struct Sample {
  Index n, c, h, w, k, r, s, groups;
  Shape stride, padding, dilation;

  Sample(Random& u, bool one)
      : n(u(1, 3)),
        c(u(0, 1) ? 16 * u(1, 9) : u(1, 140)),
        h(u(4, 20)),
        w(u(4, 20)),
        k(u(1, 70)),
        r(u(1, 5)),
        s(u(1, 5)),
        groups(u(0, 5) ? 1 : 2),
        stride{1, 1},
        padding{u(0, r + 1), u(0, s + 1)},
        dilation{1, 1} {
    if (u(0, 1)) stride = {u(1, 4), u(1, 4)};
    if (u(0, 2) == 0) dilation = {u(1, 3), u(1, 3)};
    if (one) r = s = 1, padding = {0, 0}, c = u(1, 2) * u(1, 20);
  }
  bool fits() const {
    return dilation[0] * (r - 1) < h + 2 * padding[0] && dilation[1] * (s - 1) < w + 2 * padding[1];
  }
  std::string text() const {
    return fmt::format(
        "[{}, {}, {}, {}] with [{}, {}, {}, {}], stride {}, padding {}, dilation {}, "
        "groups {}",
        n, c * groups, h, w, k * groups, c, r, s, stride, padding, dilation, groups);
  }
};

struct Results {
  Tensor y, gx, gw;
};

Results convolve(const Sample& s, const Tensor& x, const Tensor& w, const Tensor& gy, DType t) {
  const Tensor a = x.to(t).detach().requires_grad_(), b = w.to(t).detach().requires_grad_();
  const Tensor y = conv2d(a, b, Tensor(), s.stride, s.padding, s.dilation, s.groups);
  y.backward(gy.to(t));
  return {y.detach(), a.grad(), b.grad()};
}

double error(const Tensor& got, const Tensor& expected) {
  const double scale = expected.abs().amax().item<double>();
  const Tensor off = (got.to(f64) - expected).abs();
  return off.isfinite().all().item<bool>() ? off.amax().item<double>() / (scale + 1e-30) : INFINITY;
}

void check_near(const Results& got, const Results& expected, double most) {
  CHECK(error(got.y, expected.y) < most);
  CHECK(error(got.gx, expected.gx) < most);
  CHECK(error(got.gw, expected.gw) < most);
}

void check_samples(int count, bool one) {
  Random u{std::mt19937(7)};
  manual_seed(7);
  for (int i = 0; i < count; ++i) {
    const Sample s(u, one);
    if (!s.fits()) continue;
    INFO(s.text());
    const double scale = 1 / std::sqrt(static_cast<double>(s.c * s.r * s.s));
    const Tensor x = randn({s.n, s.c * s.groups, s.h, s.w}).to(bf16);
    const Tensor w = (randn({s.k * s.groups, s.c, s.r, s.s}) * scale).to(bf16);
    const Tensor y =
        conv2d(x.to(f64), w.to(f64), Tensor(), s.stride, s.padding, s.dilation, s.groups);
    const Tensor gy = randn(y.sizes()).to(bf16);
    const Results expected = convolve(s, x, w, gy, f64);
    check_near(convolve(s, x, w, gy, f32), expected, 1e-4);
    check_near(convolve(s, x, w, gy, bf16), expected, 0.02);
    set_float32_matmul_precision("medium");
    const Results medium = convolve(s, x, w, gy, f32);
    set_float32_matmul_precision("highest");
    check_near(medium, expected, 0.02);
  }
}

}  // namespace

TEST_CASE("convolutions of random shapes agree with double") { check_samples(250, false); }
TEST_CASE("1x1 convolutions of random shapes agree with double") { check_samples(600, true); }

TEST_CASE("products of random shapes agree with double") {
  Random u{std::mt19937(8)};
  manual_seed(8);
  for (int i = 0; i < 400; ++i) {
    const Index batch = u(0, 2) ? 1 : u(2, 4), m = u(1, 200), n = u(1, 200), k = u(1, 300);
    const bool turned_a = u(0, 1), turned_b = u(0, 1);
    INFO(fmt::format("{} of [{}, {}] and [{}, {}], transposed: {} {}", batch, m, k, k, n, turned_a,
                     turned_b));
    const auto factor = [&](Index rows, Index columns, bool turned) {
      const Tensor x = turned ? randn({batch, columns, rows}).to(bf16).transpose(1, 2)
                              : randn({batch, rows, columns}).to(bf16);
      return batch == 1 ? x[0] : x;
    };
    const Tensor a = factor(m, k, turned_a), b = factor(k, n, turned_b);
    const Tensor expected = matmul(a.to(f64), b.to(f64));
    CHECK(error(matmul(a, b), expected) < 0.02);
    set_float32_matmul_precision("medium");
    const Tensor medium = matmul(a.to(f32), b.to(f32));
    set_float32_matmul_precision("highest");
    CHECK(error(medium, expected) < 0.02);
  }
}
