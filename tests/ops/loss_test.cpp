#include <cmath>
#include <limits>

#include <weft/weft.h>

#include <weft/autograd/gradcheck.h>
#include <weft/tests/catch.h>
#include <weft/tests/ops/ramp.h>
#include <weft/tests/ops/samples.h>

using namespace weft;
using test::check_equal;
using test::check_values;

namespace {

using Values = std::vector<double>;

Tensor logits() { return tensor({{1, 2, 3}, {4, 1, 0}}, f64); }
Tensor weights() { return tensor({1, 2, 3}, f64); }
Tensor classes() { return tensor({2, 0}); }

void check_gradients(const autograd::TensorFunction& f, const std::vector<Tensor>& inputs) {
  CHECK(autograd::gradcheck(f, inputs));
  CHECK(autograd::gradgradcheck(f, inputs));
}

}  // namespace

TEST_CASE("softmax and log_softmax along every dim and layout") {
  const Tensor plain = test::sample({3, 5, 37});
  const Tensor wide = test::sample({3, 10, 37});
  for (const Tensor& x : {plain, plain.permute({2, 0, 1}), plain.permute({1, 2, 0}),
                          wide.slice(1, {}, {}, -2), plain.narrow(2, 3, 20)}) {
    for (Index dim : {0, 1, -1}) {
      const Tensor e = x.exp(), expected = e / e.sum(dim, true);
      check_equal(softmax(x, dim), expected);
      check_equal(log_softmax(x, dim), expected.log());
      check_equal(softmax(x.to(f32), dim), expected, 1e-6);
      check_equal(log_softmax(x.to(f32), dim), expected.log(), 2e-6);
      check_equal(softmax(x.to(bf16), dim), expected, 1e-2);
    }
  }
  check_values(softmax(tensor(3.0), 0), {1});
  CHECK(softmax(ones({2}, f16), 0, f32).dtype() == f32);
  check_values(softmax(tensor({1, 1}), 0, f64), {0.5, 0.5});
  CHECK(softmax(empty({0, 3}), 1).sizes() == Shape{0, 3});
}

TEST_CASE("softmax stays finite and knows infinities") {
  const double inf = std::numeric_limits<double>::infinity();
  for (DType t : {f32, f64}) {
    check_values(softmax(tensor({1000, 1000}, t), 0), {0.5, 0.5});
    check_values(softmax(tensor({0.0, -inf, 0.0}, t), 0), {0.5, 0, 0.5});
    check_values(softmax(tensor({{0.0, 1.0}, {-inf, 1.0}}, t), 0), {1, 0.5, 0, 0.5});
    check_values(log_softmax(tensor({-1000, 0}, t), 0), {-1000, 0});
    CHECK(std::isnan(softmax(tensor({-inf, -inf}, t), 0)[0].item<double>()));
    CHECK(std::isnan(softmax(tensor({0.0, inf - inf}, t), 0)[0].item<double>()));
  }
  CHECK_THROWS_AS(softmax(tensor({1, 2}), 0), DTypeError);
  CHECK_THROWS_AS(softmax(ones({2}), 1), IndexError);
}

TEST_CASE("gradients of softmax, to second order") {
  for (Index dim : {0, 1, 2}) {
    const Tensor x = test::sample({2, 3, 4}, true);
    check_gradients([&](auto& in) { return std::vector{softmax(in[0], dim)}; }, {x});
    check_gradients([&](auto& in) { return std::vector{log_softmax(in[0], dim)}; }, {x});
    // The fused gradients of f32 against those of f64.
    const Tensor g = test::sample({2, 3, 4}, false, 5);
    for (bool log : {false, true}) {
      const auto gradient = [&](DType t) {
        const Tensor y = x.detach().to(t).requires_grad_();
        (log ? log_softmax(y, dim) : softmax(y, dim)).backward(g.to(t));
        return y.grad();
      };
      check_equal(gradient(f32), gradient(f64), 1e-6);
      check_equal(gradient(f16), gradient(f64), 5e-3);
    }
  }
}

// The numbers are PyTorch's.
TEST_CASE("cross_entropy of class indices") {
  const Tensor x = logits(), t = classes(), w = weights();
  check_values(cross_entropy(x, t), {0.236744934101}, 1e-11);
  check_values(cross_entropy(x, t.to(u8)), {0.236744934101}, 1e-11);
  check_values(cross_entropy(x, tensor({-100, 0})), {0.065883903757}, 1e-11);
  CHECK(std::isnan(cross_entropy(x, tensor({-100, -100})).item<double>()));
  check_values(cross_entropy(x, t, {.weight = w}), {0.322175449273}, 1e-11);
  check_values(cross_entropy(x, t, {.weight = w, .label_smoothing = 0.1}), {0.496965731089}, 1e-11);
  check_values(
      cross_entropy(x, t, {.weight = w, .reduction = Reduction::None, .label_smoothing = 0.1}),
      {1.315390630222, 0.672472294133}, 1e-11);
  check_values(cross_entropy(x, tensor({2, -100}), {.weight = w, .label_smoothing = 0.1}),
               {0.438463543407}, 1e-11);
  check_values(cross_entropy(x[0], tensor(2)), {0.407605964444}, 1e-11);
  CHECK(cross_entropy(x[0], tensor(2), {.reduction = Reduction::None}).dim() == 0);
  CHECK(cross_entropy(x.to(f16), t).dtype() == f16);
  CHECK(std::isnan(cross_entropy(zeros({0, 3}), zeros({0}, i64)).item<double>()));
}

TEST_CASE("cross_entropy of probabilities") {
  const Tensor x = logits(), w = weights(), p = softmax(x, 1);
  check_values(cross_entropy(x, p, {.weight = w, .label_smoothing = 0.1}), {1.438149637941}, 1e-11);
  check_values(
      cross_entropy(x, p, {.weight = w, .reduction = Reduction::None, .label_smoothing = 0.1}),
      {1.762124806311, 1.114174469570}, 1e-11);
  check_values(cross_entropy(x[0], p[0]), {0.832395581840}, 1e-11);
}

TEST_CASE("cross_entropy with dimensions behind the classes") {
  const Tensor x = test::sample({2, 3, 4, 5}), t = randint(0, 3, {2, 4, 5});
  const Tensor rows = x.permute({0, 2, 3, 1}).reshape({-1, 3});
  for (Reduction r : {Reduction::None, Reduction::Mean, Reduction::Sum}) {
    for (double smoothing : {0.0, 0.2}) {
      const Tensor w = weights();
      const CrossEntropyOptions o{w, -100, r, smoothing};
      const Tensor y = cross_entropy(x, t, o), expected = cross_entropy(rows, t.flatten(), o);
      check_values(y, expected.to_vector<double>());
      if (r == Reduction::None) CHECK(y.sizes() == t.sizes());
      const Tensor a = x.clone().requires_grad_(), b = rows.clone().requires_grad_();
      cross_entropy(a, t, o).sum().backward();
      cross_entropy(b, t.flatten(), o).sum().backward();
      check_equal(a.grad().permute({0, 2, 3, 1}).reshape({-1, 3}), b.grad());
    }
  }
  check_equal(cross_entropy(x.contiguous(MemoryFormat::ChannelsLast), t), cross_entropy(x, t));
}

TEST_CASE("gradients of cross_entropy and nll_loss, to second order") {
  const Tensor x = test::sample({4, 3}, true), t = tensor({2, 0, -100, 1}), w = weights();
  for (Reduction r : {Reduction::None, Reduction::Mean, Reduction::Sum}) {
    for (double smoothing : {0.0, 0.1}) {
      check_gradients(
          [&](auto& in) {
            return std::vector{cross_entropy(in[0], t, {w, -100, r, smoothing})};
          },
          {x});
    }
    check_gradients([&](auto& in) { return std::vector{nll_loss(in[0], t, {w, -100, r})}; }, {x});
  }
  const Tensor p = softmax(test::sample({4, 3}, false, 3), 1).detach().requires_grad_();
  check_gradients(
      [&](auto& in) {
        return std::vector{cross_entropy(in[0], in[1], {.weight = w, .label_smoothing = 0.1})};
      },
      {x, p});
  Tensor y = x.detach().to(f32).requires_grad_(), z = x.detach().requires_grad_();
  cross_entropy(y, t).backward();
  cross_entropy(z, t).backward();
  check_equal(y.grad(), z.grad(), 1e-6);
}

// The numbers are PyTorch's.
TEST_CASE("nll_loss") {
  const Tensor x = logits();
  check_values(nll_loss(x, classes()), {-3.5});
  check_values(nll_loss(x, tensor({-100, 0}), {.reduction = Reduction::None}), {0, -4});
  check_values(nll_loss(x, tensor({1, 0}), {.ignore_index = 1}), {-4});
  CHECK(std::isnan(nll_loss(x, classes(), {.weight = zeros({3}, f64)}).item<double>()));
}

TEST_CASE("losses refuse bad targets before anything") {
  using Catch::Matchers::ContainsSubstring;
  const Tensor x = logits();
  CHECK_THROWS_WITH(
      cross_entropy(x, tensor({3, 0})),
      ContainsSubstring("[cross_entropy] got target 3, expected a class from 0 to 2"));
  CHECK_THROWS_AS(cross_entropy(x, tensor({-1, 0})), IndexError);
  CHECK_THROWS_AS(nll_loss(x, tensor({0, 3})), IndexError);
  CHECK_THROWS_AS(cross_entropy(x, tensor({2})), ShapeError);
  CHECK_THROWS_AS(cross_entropy(x, classes().to(i32)), DTypeError);
  CHECK_THROWS_AS(cross_entropy(x, x[0]), ShapeError);
  CHECK_THROWS_AS(cross_entropy(x, classes(), {.weight = ones({2}, f64)}), ShapeError);
  CHECK_THROWS_AS(cross_entropy(x, classes(), {.label_smoothing = 1.5}), ValueError);
  CHECK_THROWS_AS(cross_entropy(x.to(i64), classes()), DTypeError);
  CHECK_THROWS_AS(cross_entropy(tensor(1.0), tensor(0)), ShapeError);
  CHECK_THROWS_AS(nll_loss(x, x), DTypeError);
  CHECK_THROWS_AS(mse_loss(tensor({1, 2}), tensor({1, 3})), DTypeError);
  CHECK_THROWS_AS(mse_loss(ones({2}), ones({3})), ShapeError);
  CHECK_THROWS_AS(binary_cross_entropy_with_logits(x, x[0]), ShapeError);
}

// The numbers are PyTorch's.
TEST_CASE("mse, l1 and binary cross entropy") {
  const Tensor x = logits(), w = weights();
  check_values(mse_loss(x, x[0]), {3.166666666667}, 1e-11);
  check_values(mse_loss(tensor({1, 2}), tensor({1.0, 2.0})), {0});
  check_values(l1_loss(x, x[0], Reduction::Sum), {7});
  check_values(l1_loss(x, x[0], Reduction::None), {0, 0, 0, 3, 1, 3});
  check_values(binary_cross_entropy_with_logits(x, x.sigmoid(), {.weight = w, .pos_weight = w}),
               {1.376361509300}, 1e-11);
  const Tensor far = tensor({-1000.0, 1000.0}, f32).requires_grad_();
  const Tensor loss = binary_cross_entropy_with_logits(far, tensor({1.0, 0.0}));
  check_values(loss, {1000});
  loss.backward();
  check_values(far.grad(), {-0.5, 0.5});
  const Tensor zero = zeros({1}, f64).requires_grad_();
  binary_cross_entropy_with_logits(zero, ones({1}, f64)).backward();
  check_values(zero.grad(), {-0.5});
  Tensor a = test::sample({2, 3}, true), b = softmax(test::sample({2, 3}), 1).detach();
  check_gradients(
      [&](auto& in) {
        return std::vector{binary_cross_entropy_with_logits(in[0], in[1], {w, w}),
                           mse_loss(in[0], in[1]), l1_loss(in[0], in[1])};
      },
      {a, b.requires_grad_()});
}

TEST_CASE("one_hot") {
  const Tensor y = one_hot(classes());
  CHECK(y.dtype() == i64);
  CHECK(y.sizes() == Shape{2, 3});
  check_values(y, {0, 0, 1, 1, 0, 0});
  check_values(one_hot(tensor(1), 3), {0, 1, 0});
  CHECK(one_hot(empty({0}, i64), 3).sizes() == Shape{0, 3});
  CHECK_THROWS_AS(one_hot(classes(), 2), IndexError);
  CHECK_THROWS_AS(one_hot(classes() - 1), IndexError);
  CHECK_THROWS_AS(one_hot(empty({0}, i64)), ValueError);
  CHECK_THROWS_AS(one_hot(classes().to(i32)), DTypeError);
}
