#include <weft/weft.h>

#include <weft/tests/catch.h>

using namespace weft;

TEST_CASE("a product's gradients are the other factors") {
  Tensor a = tensor({1.0, 2.0, 3.0}, Options().requires_grad(true));
  Tensor b = tensor({4.0, 5.0, 6.0}, Options().requires_grad(true));
  Tensor y = a * b + a;
  y.backward(ones({3}));
  CHECK(a.grad().to_vector<double>() == std::vector<double>{5, 6, 7});
}
