#include <weft/autograd/gradcheck.h>

#include <weft/tests/ops/ramp.h>
#include <weft/tests/ops/samples.h>

using namespace weft;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::MessageMatches;
using test::check_equal, test::check_values, test::ramp, test::sample;

TEST_CASE("conv2d with stride, padding, dilation and groups is PyTorch's") {
  Tensor x = ramp({2, 4, 5, 4}).requires_grad_(), w = ramp({6, 2, 3, 2}, 5, 13).requires_grad_(),
         b = ramp({6}, 3, 7).requires_grad_();
  const Tensor y = conv2d(x, w, b, {2, 1}, {1, 2}, {1, 2}, 2);
  REQUIRE(y.sizes() == Shape{2, 6, 3, 6});
  CHECK(y.is_contiguous(MemoryFormat::ChannelsLast));
  check_values(y.select(0, 1).narrow(0, 4, 2),
               {-1.0625, 0.5625,  -0.6875, -0.6875, 0.5625, -1.0625, 1.3125,  2,       -0.3125,
                -0.1875, 2.5625,  -1.4375, -2.4375, 2.875,  2.4375,  1.0625,  -1.4375, 0.8125,
                -2.6875, 0.5,     1.625,   -5,      1.875,  1,       1.3125,  -0.625,  1.125,
                -5,      -1.0625, 0.25,    -0.0625, 0.125,  -0.25,   -2.9375, 1.4375,  -1.4375},
               0);
  y.backward(ramp({2, 6, 3, 6}, 9, 17));
  check_values(x.grad()[1][3],
               {-1,      2.4375, -0.5,   2.9375, 2.3125, 0.8125, 1.4375, 1,  -2.6875, -3.5,
                -0.0625, -3,     -5.625, 0.3125, -0.125, 0.5,    0.9375, -2, 1.4375,  -1.5});
  check_values(w.grad()[5], {2.1875, 2.1875, -0.9375, -0.9375, -1, -1, -3, -3.4375, -3.625, -2.5625,
                             3.125, 2.6875});
  check_values(b.grad(), {-3.25, 1.25, -2.75, 1.75, -2.25, 2.25});
}

TEST_CASE("padding \"same\" with an even kernel puts the larger half behind") {
  const Tensor x = ramp({1, 1, 4, 5}), w = ramp({1, 1, 2, 4}, 5, 13);
  check_values(conv2d(x, w, {}, 1, "same"),
               {-0.3125, 0.5625, 1.6875, -1.1875, -1.0625, 1.8125,  -0.6875, -1.625, -0.25, 3.0625,
                -0.1875, 0.125,  0.5625, 1.375,   -1.0625, -1.8125, 0.8125,  1.875,  -2.5,  0.25});
  check_values(conv2d(x, w, {}, 1, "same", {3, 1}),
               {0.625,  -2.5625, 1.625, -1.25, 1.75,   2.8125,  -1.5625, 0.9375, 1.4375, -3.4375,
                1.1875, 1.875,   -3.25, 1,     1.3125, -1.6875, 1.6875,  0,      0.625,  0.4375});
  check_equal(conv2d(x, w, {}, 1, "valid"), conv2d(x, w));
}

TEST_CASE("conv2d takes one picture, no pictures and no channels") {
  const Tensor x = sample({3, 6, 5}), w = sample({4, 3, 3, 3}), b = sample({4});
  const Tensor y = conv2d(x, w, b, 2, 1);
  CHECK(y.sizes() == Shape{4, 3, 3});
  check_equal(y, conv2d(x.unsqueeze(0), w, b, 2, 1).squeeze(0));

  Tensor none = zeros({0, 3, 6, 5}, f64).requires_grad_(), v = w.clone().requires_grad_();
  const Tensor empty = conv2d(none, v, b);
  CHECK(empty.sizes() == Shape{0, 4, 4, 3});
  empty.backward(zeros({0, 4, 4, 3}, f64));
  CHECK(none.grad().sizes() == none.sizes());
  check_equal(v.grad(), zeros({4, 3, 3, 3}, f64));

  const Tensor plain = conv2d(zeros({2, 0, 6, 5}, f64), zeros({4, 0, 3, 3}, f64), b);
  check_equal(plain, b.reshape({1, 4, 1, 1}).expand({2, 4, 4, 3}));
}

TEST_CASE("conv2d reads any strides and keeps the dtype") {
  const Tensor x = sample({2, 4, 6, 8}), w = sample({4, 4, 3, 3});
  const Tensor y = conv2d(x, w);
  check_equal(conv2d(x.contiguous(MemoryFormat::ChannelsLast), w), y);
  check_equal(conv2d(x.flip({3}).contiguous().slice(3, {}, {}, -1), w), y);
  check_equal(
      conv2d(x.transpose(2, 3).contiguous().transpose(2, 3), w.clone().expand({4, 4, 3, 3})), y);
  for (const auto& [dtype, tolerance] : {std::pair{f32, 2e-5}, {f16, 5e-2}, {bf16, 0.4}}) {
    const Tensor low = conv2d(x.to(dtype), w.to(dtype));
    CHECK(low.dtype() == dtype);
    check_equal(low, conv2d(x.to(dtype).to(f64), w.to(dtype).to(f64)), tolerance);
  }
}

TEST_CASE("gradients of conv2d are those of central differences, twice") {
  const auto run = [](Index groups, const Shape& stride, const Padding& padding,
                      const Shape& dilation) {
    const auto f = [&](const std::vector<Tensor>& in) {
      return std::vector{conv2d(in[0], in[1], in[2], stride, padding, dilation, groups)};
    };
    const std::vector<Tensor> in = {sample({2, 4, 5, 4}, true), sample({2, 4 / groups, 3, 2}, true),
                                    sample({2}, true)};
    CHECK(autograd::gradcheck(f, in));
    CHECK(autograd::gradgradcheck(f, in));
  };
  run(1, 1, 0, 1);
  run(2, {2, 1}, {1, 2}, {1, 2});
  run(1, 1, "same", 1);
}

TEST_CASE("conv2d_relu is relu of conv2d, its gradients too") {
  std::vector<Tensor> one = {sample({2, 3, 5, 5}, true), sample({4, 3, 3, 3}, true),
                             sample({4}, true)},
                      two;
  for (const Tensor& t : one) two.push_back(t.detach().clone().requires_grad_());
  const Tensor y = conv2d_relu(one[0], one[1], one[2], 1, 1);
  const Tensor z = conv2d(two[0], two[1], two[2], 1, 1).relu();
  check_equal(y, z);
  const Tensor g = sample({2, 4, 5, 5});
  y.backward(g);
  z.backward(g);
  for (std::size_t i = 0; i < 3; ++i) check_equal(one[i].grad(), two[i].grad());
  const auto f = [](const std::vector<Tensor>& in) {
    return std::vector{conv2d_relu(in[0], in[1], in[2])};
  };
  CHECK(autograd::gradgradcheck(f, one));
}

TEST_CASE("a long convolution, which is computed in parts, is that of its channels") {
  struct Case {
    Shape x, w;
    Index stride, padding, dilation;
  };
  const int threads = get_num_threads();
  set_num_threads(1);
  for (const Case& c : {Case{{1, 64, 250, 240}, {64, 64, 3, 3}, 1, 2, 2},
                        Case{{2, 32, 451, 450}, {64, 32, 7, 7}, 3, 0, 1},
                        Case{{1, 48, 500, 330}, {64, 48, 4, 4}, 2, 3, 1},
                        Case{{1, 64, 306, 401}, {128, 64, 3, 3}, 3, 0, 1},
                        Case{{1, 512, 12, 280}, {512, 512, 3, 3}, 1, 2, 2},
                        Case{{1, 128, 364, 364}, {512, 128, 1, 1}, 2, 0, 1},
                        Case{{5, 128, 80, 96}, {64, 128, 3, 3}, 1, 2, 2}}) {
    CAPTURE(c.x, c.w);
    const auto run = [&](const Tensor& x, const Tensor& w) {
      return conv2d(x, w, {}, c.stride, c.padding, c.dilation);
    };
    const auto is = [](const Tensor& y, const Tensor& expected) {
      CHECK((y - expected).abs().amax().item<double>() <
            1e-5 * expected.abs().amax().item<double>());
    };
    const Tensor x = randn(c.x).requires_grad_(), w = randn(c.w).requires_grad_(), y = run(x, w);
    const Tensor gy = randn(y.sizes());
    y.backward(gy);
    const Tensor few_out = w.detach().narrow(0, 0, 2).requires_grad_();
    const Tensor few = run(x.detach(), few_out);
    is(y.narrow(1, 0, 2), few);
    few.backward(gy.narrow(1, 0, 2));
    is(w.grad().narrow(0, 0, 2), few_out.grad());
    const Tensor few_in = x.detach().narrow(1, 0, 2).requires_grad_();
    run(few_in, w.detach().narrow(1, 0, 2)).backward(gy);
    is(x.grad().narrow(1, 0, 2), few_in.grad());
  }
  set_num_threads(threads);
}

TEST_CASE("conv2d says what it got and what it expected") {
  const Tensor x = zeros({2, 4, 5, 5}), w = zeros({6, 4, 3, 3});
  const auto fails = [](auto&& f, const char* text) {
    CHECK_THROWS_MATCHES(f(), Error, MessageMatches(ContainsSubstring(text)));
  };
  fails(
      [&] {
        return conv2d(zeros({5, 5}), w);
      },
      "got input of shape [5, 5], expected [N, C, H, W]");
  fails([&] { return conv2d(x, zeros({6, 4, 3})); }, "got weight of shape [6, 4, 3]");
  fails([&] { return conv2d(x, zeros({6, 3, 3, 3})); }, "got input of 4 channels");
  fails([&] { return conv2d(x, zeros({5, 2, 3, 3}), {}, 1, 0, 1, 2); }, "multiple of groups 2");
  fails([&] { return conv2d(x, w, zeros({5})); }, "got bias of shape [5], expected [6]");
  fails([&] { return conv2d(x, w.to(f64)); }, "got input of float32 and weight of float64");
  fails([&] { return conv2d(x.to(i64), w.to(i64)); }, "got input of int64");
  fails([&] { return conv2d(x, zeros({6, 4, 6, 3})); }, "at most the padded size, here 6 and 5");
  fails([&] { return conv2d(x, w, {}, 0); }, "got stride 0, expected at least 1");
  fails([&] { return conv2d(x, w, {}, {1, 1, 1}); }, "got 3 numbers as stride");
  fails([&] { return conv2d(x, w, {}, 1, -1); }, "got padding -1");
  fails([&] { return conv2d(x, w, {}, 2, "same"); }, "got padding \"same\" with stride 2");
  fails([&] { return conv2d(x, w, {}, 1, "full"); }, "got padding \"full\"");
  fails([&] { return conv2d(x, w, {}, 1, 0, 1, 0); }, "got groups 0");
}
