#include <weft/tests/ops/ramp.h>
#include <weft/tests/ops/samples.h>

using namespace weft;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::MessageMatches;
using test::check_equal, test::ramp, test::sample;

TEST_CASE("inside autocast products compute in bf16 and gradients come back in f32") {
  Tensor x = sample({2, 3, 6, 6}).to(f32), w = ramp({4, 3, 3, 3}, 5, 13, f32).requires_grad_(),
         v = sample({5, 4}).to(f32).requires_grad_();
  Tensor y;
  {
    AutocastGuard autocast(bf16);
    CHECK(autocast_enabled());
    y = conv2d(x, w);
    CHECK(y.dtype() == bf16);
    CHECK(matmul(v, v.t()).dtype() == bf16);
    CHECK(linear(x.reshape({-1, 4}), v, zeros(5)).dtype() == bf16);
    CHECK(linear_relu(x.reshape({-1, 4}), v, zeros(5)).dtype() == bf16);
    CHECK(linear_gelu(x.reshape({-1, 4}), v).dtype() == bf16);
    CHECK(linear_gelu(x.reshape({-1, 4}), v.detach(), {}, "tanh").dtype() == bf16);
    CHECK(bmm(x[0], x[1]).dtype() == bf16);
    CHECK((x + 1).dtype() == f32);
  }
  CHECK(!autocast_enabled());
  check_equal(y, conv2d(x.to(bf16), w.detach().to(bf16)), 0);
  y.backward(ones_like(y));
  CHECK(w.grad().dtype() == f32);
  CHECK(conv2d(x, w).dtype() == f32);
}

TEST_CASE("inside autocast losses, products of elements and mirrored borders widen") {
  const Tensor x = sample({2, 3}).to(bf16), y = sample({2, 3}).to(f16);
  AutocastGuard autocast(bf16);
  for (const Tensor& loss : {mse_loss(x, y), l1_loss(y, x), cross_entropy(x, tensor({0, 1})),
                             nll_loss(x, tensor({0, 1})), binary_cross_entropy_with_logits(x, y)}) {
    CHECK(loss.dtype() == f32);
  }
  CHECK(x.prod().dtype() == f32);
  CHECK(pad(x, {1, 1}, PadMode::Reflect).dtype() == f32);
  CHECK(pad(x, {1, 1}, PadMode::Circular).dtype() == bf16);
  CHECK(index_copy(x, 0, tensor({1}), ones({1, 3})).dtype() == f32);
  CHECK(softmax(x, 0).dtype() == bf16);
  CHECK(matmul(y, y.t()).dtype() == bf16);
  CHECK(x.to(f64).prod().dtype() == f64);
}

TEST_CASE("a parameter is converted once in a scope, and anew where it changed") {
  Tensor w = ones({2, 2}, Options().requires_grad(true));
  AutocastGuard autocast;
  const Tensor first = lowered(w);
  CHECK(lowered(w).is_same(first));
  {
    AutocastGuard inner;
    CHECK(lowered(w).is_same(first));
  }
  CHECK(lowered(w).is_same(first));
  {
    NoGradGuard no_grad;
    w.fill_(2);
  }
  const Tensor second = lowered(w);
  CHECK(second.requires_grad());
  check_equal(second.detach(), full({2, 2}, 2.0f, bf16));
  {
    NoGradGuard no_grad;
    CHECK(!lowered(w).requires_grad());
  }
  CHECK(lowered(w).requires_grad());
  const Tensor activation = w * 2;
  CHECK(!lowered(activation).is_same(lowered(activation)));
}

TEST_CASE("other data for a parameter is converted, whatever its version") {
  Tensor w = ones({2, 2}, Options().requires_grad(true));
  const Tensor two = stack({full({2, 2}, 2.0f), full({2, 2}, 3.0f)});
  AutocastGuard autocast;
  check_equal(lowered(w).detach(), full({2, 2}, 1.0f, bf16));
  for (int i = 0; i < 2; ++i) {
    autograd::set_data(w, two[i]);
    REQUIRE(w.version() == 0);
    check_equal(lowered(w).detach(), full({2, 2}, 2.0f + static_cast<float>(i), bf16));
  }
}

TEST_CASE("several backward passes run through the conversion of one scope") {
  Tensor w = ones({2, 2}, Options().requires_grad(true));
  AutocastGuard autocast;
  for (int i = 0; i < 3; ++i) {
    const Tensor y = matmul(w, full({2, 1}, 2.0f));
    y.backward(ones_like(y));
  }
  check_equal(w.grad(), full({2, 2}, 6.0f));
}

TEST_CASE("an inner guard can turn autocast off, other dtypes stay as they are") {
  const Tensor a = ones({2, 2}), d = ones({2, 2}, f64);
  AutocastGuard autocast(f16);
  CHECK(matmul(a, a).dtype() == f16);
  {
    AutocastGuard off(bf16, false);
    CHECK(matmul(a, a).dtype() == f32);
  }
  CHECK(matmul(a, a).dtype() == f16);
  CHECK(matmul(d, d).dtype() == f64);
  CHECK(widened(a.to(bf16)).dtype() == f32);
  CHECK(widened(d).dtype() == f64);
  CHECK_THROWS_MATCHES(
      AutocastGuard(f32), DTypeError,
      MessageMatches(ContainsSubstring("got float32, expected bfloat16 or float16")));
  CHECK(matmul(a, a).dtype() == f16);
}
