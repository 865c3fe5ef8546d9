#include <weft/ops/compare.h>
#include <weft/ops/elementwise.h>
#include <weft/ops/make.h>
#include <weft/ops/softmax.h>
#include <weft/tests/catch.h>

using namespace weft;

TEST_CASE("softmax takes the largest off, wherever it stands") {
  for (const Index n : {1, 3, 8, 16, 21, 33, 70}) {
    for (const DType t : {f32, f64}) {
      for (const Index dim : {0, 1}) {  // the large ones stand on the diagonal
        INFO(name(t) << ", " << n << ", dim " << dim);
        const Tensor x = eye(n, {}, t) * 1000;
        CHECK(equal(softmax(x, dim), eye(n, {}, t)));
        CHECK(equal(log_softmax(x, dim), x - 1000));
      }
    }
  }
}

TEST_CASE("softmax of a long row is as exact as of a short one") {
  constexpr Index n = 3'000'001;
  const Tensor x = linspace(-1, 1, n), g = linspace(1, 2, n);
  Tensor leaf = x.clone().requires_grad_(), exact = x.to(f64).requires_grad_();
  const Tensor y = softmax(leaf, 0), exact_y = softmax(exact, 0);
  CHECK((y.to(f64) / exact_y - 1).abs().amax().item<double>() < 1e-6);
  y.backward(g);
  exact_y.backward(g.to(f64));
  const Tensor worst = (leaf.grad().to(f64) - exact.grad()).abs().amax();
  CHECK((worst / exact.grad().abs().amax()).item<double>() < 1e-6);
}
