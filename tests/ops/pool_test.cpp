#include <cmath>

#include <weft/autograd/gradcheck.h>

#include <weft/tests/ops/ramp.h>
#include <weft/tests/ops/samples.h>

using namespace weft;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::MessageMatches;
using test::check_equal, test::check_values, test::ramp, test::sample;

TEST_CASE("max_pool2d with padding, dilation and ceil_mode is PyTorch's, its indices too") {
  Tensor x = ramp({1, 2, 5, 6}).requires_grad_();
  const auto [y, indices] = max_pool2d_with_indices(x, {3, 2}, {2, 2}, {1, 1}, {1, 2}, true);
  REQUIRE(y.sizes() == Shape{1, 2, 3, 4});
  CHECK(y.is_contiguous(MemoryFormat::ChannelsLast));
  check_values(y, {0.5,  1.25, 1.25, -0.75, 0,    0.75, 1,    1,    1.25,  1.25, 0.5,  0.5,
                   0.75, 1,    1,    -0.5,  0.25, 1,    1.25, 1.25, -0.75, 0,    0.75, 0.75});
  CHECK(indices.dtype() == i64);
  check_values(indices, {1, 3, 3, 5, 7, 9, 17, 17, 25, 25, 23, 23,
                         1, 9, 9, 5, 7, 9, 17, 17, 19, 21, 23, 23});
  y.backward(ramp({1, 2, 3, 4}, 9, 17));
  check_values(x.grad(),
               {0, -2,   0, -1.5, 0, 0.5, 0, -1.5, 0, 0.75, 0, 0, 0, 0, 0, 0, 0, -0.25, 0, 0, 0, 0,
                0, 0.75, 0, 0.25, 0, 0,   0, 0,    0, -0.5, 0, 0, 0, 2, 0, 0, 0, -0.5,  0, 0, 0, 0,
                0, 0,    0, -1.5, 0, 0.5, 0, -1.5, 0, -0.5, 0, 0, 0, 0, 0, 0});
}

TEST_CASE("max_pool2d takes windows of more than 256 elements, NaN and every layout") {
  Tensor big = sample({2, 3, 40, 40}).requires_grad_();
  const auto [y, at] = max_pool2d_with_indices(big, 20, 10);
  check_equal(y[1][2][2][1], big.detach()[1][2].narrow(0, 20, 20).narrow(1, 10, 20).amax());
  check_equal(big.detach().flatten(2)[1][2][at[1][2][2][1].item<Index>()], y[1][2][2][1].detach());
  const auto f = [](const std::vector<Tensor>& in) {
    return std::vector{max_pool2d(in[0], 17, 1)};
  };
  CHECK(autograd::gradcheck(f, {sample({1, 1, 18, 17}, true)}));

  Tensor nan = ramp({1, 1, 4, 4});
  nan[0][0][1].select(0, 0).fill_(NAN);
  CHECK(std::isnan(max_pool2d(nan, 2).to_vector<double>()[0]));
  const Tensor x = sample({2, 5, 8, 9});
  const Tensor expected = max_pool2d(x, 3, 2, 1);
  check_equal(max_pool2d(x.contiguous(MemoryFormat::ChannelsLast), 3, 2, 1), expected);
  check_equal(max_pool2d(x.transpose(2, 3).contiguous().transpose(2, 3), 3, 2, 1), expected);
  check_equal(max_pool2d(x[1], 3, 2, 1), expected[1]);
  for (const DType t : {f16, bf16, f32})
    check_equal(max_pool2d(x.to(t), 3, 2, 1), expected.to(t).to(f64), 0);
  CHECK(max_pool2d(zeros({0, 5, 8, 9}), 2).sizes() == Shape{0, 5, 4, 4});
}

TEST_CASE("no window of ceil_mode starts beyond the input and its low padding") {
  CHECK(max_pool2d(zeros({1, 1, 2, 2}), 2, 3, 1, 1, true).sizes() == Shape{1, 1, 1, 1});
  CHECK(avg_pool2d(zeros({1, 1, 7, 2}), 2, 3, {0, 1}, true).sizes() == Shape{1, 1, 3, 1});
  CHECK(max_pool2d(zeros({1, 1, 6, 5}), 3, 4, 1, 1, true).sizes() == Shape{1, 1, 2, 2});
}

TEST_CASE("avg_pool2d is PyTorch's for every count") {
  const auto check = [](bool ceil, bool pad, const std::vector<double>& y,
                        const std::vector<double>& first_row) {
    Tensor x = ramp({1, 1, 5, 6}).requires_grad_();
    const Tensor z = avg_pool2d(x, 3, 2, 1, ceil, pad);
    check_values(z, y);
    z.backward(ramp(z.sizes(), 9, 17));
    check_values(x.grad()[0][0][1], first_row);
  };
  check(false, false, {1. / 16, 1. / 6, 0, 0, 1. / 36, -5. / 36, -1. / 16, 1. / 24, -1. / 8},
        {-5. / 12, -13. / 24, -1. / 8, -1. / 3, -5. / 24, -5. / 24});
  check(false, true, {1. / 36, 1. / 9, 0, 0, 1. / 36, -5. / 36, -1. / 36, 1. / 36, -1. / 12},
        {-1. / 6, -11. / 36, -5. / 36, -1. / 4, -1. / 9, -1. / 9});
  check(true, false,
        {1. / 16, 1. / 6, 0, -1, 0, 1. / 36, -5. / 36, 1. / 12, -1. / 16, 1. / 24, -1. / 8, 1. / 4},
        {-3. / 4, -5. / 8, 1. / 8, -11. / 36, -31. / 72, 11. / 72});
  check(true, true,
        {1. / 36, 1. / 9, 0, -1. / 3, 0, 1. / 36, -5. / 36, 1. / 24, -1. / 36, 1. / 36, -1. / 12,
         1. / 12},
        {-7. / 18, -5. / 18, 1. / 9, -2. / 9, -1. / 3, -1. / 12});
  check_values(avg_pool2d(ramp({1, 1, 5, 6}), {2, 3}, {}, 0, false, true, 5),
               {-0.25, 0, 0.2, -0.1});
}

TEST_CASE("adaptive_avg_pool2d is PyTorch's") {
  Tensor x = ramp({1, 2, 5, 7}).requires_grad_();
  const Tensor y = adaptive_avg_pool2d(x, {3, 4});
  check_values(y, {-0.4375, 0.125, -1. / 24, 0.0625,  -1. / 6, -5. / 36, 0,      -0.125,
                   -0.125,  -0.25, 1. / 24,  -0.3125, 0.3125,  -1. / 24, 0.25,   0.125,
                   0.125,   0,     5. / 36,  1. / 6,  -0.0625, 1. / 24,  -0.125, 0.4375});
  y.backward(ramp({1, 2, 3, 4}, 9, 17));
  check_values(x.grad()[0][0][1],
               {-0.75, -0.62499999999999989, 0.125, -0.30555555555555558, -0.43055555555555558,
                -0.13888888888888892, 0.29166666666666663});
  check_equal(adaptive_avg_pool2d(x, 1).flatten(), x.mean({2, 3}).flatten());
  CHECK(adaptive_avg_pool2d(x, {-1, 2}).sizes() == Shape{1, 2, 5, 2});
  CHECK(adaptive_avg_pool2d(x[0], 2).sizes() == Shape{2, 2, 2});
}

TEST_CASE("gradients of pooling are those of central differences, twice") {
  const auto check = [](auto&& f) {
    const auto all = [&](const std::vector<Tensor>& v) {
      return std::vector<Tensor>{f(v[0] * v[0])};  // so that the second order is not zero
    };
    const std::vector<Tensor> in = {sample({2, 3, 5, 6}, true)};
    CHECK(autograd::gradcheck(all, in));
    CHECK(autograd::gradgradcheck(all, in));
  };
  check([](const Tensor& x) { return max_pool2d(x, {3, 2}, 2, 1, {1, 2}, true); });
  check([](const Tensor& x) { return avg_pool2d(x, 3, 2, 1, true, false); });
  check([](const Tensor& x) { return adaptive_avg_pool2d(x, {3, 4}); });
}

TEST_CASE("pooling says what it got and what it expected") {
  const Tensor x = zeros({2, 3, 4, 4});
  const auto fails = [](auto&& f, const char* text) {
    CHECK_THROWS_MATCHES(f(), Error, MessageMatches(ContainsSubstring(text)));
  };
  fails([&] { return max_pool2d(zeros({4, 4}), 2); }, "got input of shape [4, 4]");
  fails([&] { return max_pool2d(x.to(i64), 2); }, "got input of int64");
  fails([&] { return max_pool2d(x, 5); }, "expected a larger input");
  fails([&] { return max_pool2d(x, 2, 2, 2); }, "got padding 2, expected at most half");
  fails([&] { return max_pool2d(x, 0); }, "got kernel 0, expected at least 1");
  fails([&] { return max_pool2d(x, 2, 0); }, "got stride 0");
  fails([&] { return avg_pool2d(x, {2, 2, 2}); }, "got 3 numbers as kernel");
  fails([&] { return avg_pool2d(x, 2, {}, 0, false, true, 0); }, "got divisor_override 0");
  fails([&] { return adaptive_avg_pool2d(x, -2); }, "got output_size -2");
}
