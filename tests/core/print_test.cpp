#include <cmath>
#include <limits>
#include <sstream>

#include <weft/weft.h>

#include <weft/tests/catch.h>

using namespace weft;

// The strings are PyTorch's (2.15), but for the name before the dtype.
TEST_CASE("tensors of few elements print as PyTorch's do") {
  const double nan = std::numeric_limits<double>::quiet_NaN(), inf = INFINITY;
  CHECK(tensor(3.5).str() == "tensor(3.5000)");
  CHECK(tensor(3).str() == "tensor(3)");
  CHECK(tensor(true).str() == "tensor(True)");
  CHECK(tensor({1.0, 2.0, 3.0}).str() == "tensor([1., 2., 3.])");
  CHECK(tensor({1.5, 2.0, 3.0}).str() == "tensor([1.5000, 2.0000, 3.0000])");
  CHECK(tensor({1e-5, 1.0}).str() == "tensor([1.0000e-05, 1.0000e+00])");
  CHECK(tensor({1e8, 1.0}).str() == "tensor([1.0000e+08, 1.0000e+00])");
  CHECK(tensor({1e8}).str() == "tensor([100000000.])");
  CHECK(tensor({1.0, nan, inf, -inf}).str() == "tensor([1., nan, inf, -inf])");
  CHECK(tensor({1.5, nan, inf, -inf}).str() == "tensor([1.5000,    nan,    inf,   -inf])");
  CHECK(tensor({0.0, 0.0}).str() == "tensor([0., 0.])");
  CHECK(tensor({1, 20, -300}).str() == "tensor([   1,   20, -300])");
  CHECK(tensor({true, false}).str() == "tensor([ True, False])");
  CHECK(tensor({{1.0, -2.0}, {3.0, 4.0}}).str() == "tensor([[ 1., -2.],\n        [ 3.,  4.]])");
  CHECK(tensor({1.0, 2.0}).flip(0).str() == "tensor([2., 1.])");
}

TEST_CASE("what follows the elements") {
  CHECK(tensor({1.5, 2.0}, f16).str() == "tensor([1.5000, 2.0000], dtype=weft.float16)");
  CHECK(tensor({1, 2}, i32).str() == "tensor([1, 2], dtype=weft.int32)");
  CHECK(empty({0}).str() == "tensor([])");
  CHECK(empty({0, 3}).str() == "tensor([], size=(0, 3))");
  CHECK(empty({0}, i64).str() == "tensor([], dtype=weft.int64)");
  CHECK(empty({2, 0}, f64).str() == "tensor([], size=(2, 0), dtype=weft.float64)");
  const Tensor x = tensor({1.0, 2.0}, Options().requires_grad(true));
  CHECK(x.str() == "tensor([1., 2.], requires_grad=True)");
  CHECK((x + x).str() == "tensor([2., 4.], grad_fn=<add>)");
  CHECK(tensor(2.5, Options(f64).requires_grad(true)).str() ==
        "tensor(2.5000, dtype=weft.float64, requires_grad=True)");
  CHECK(Tensor().str() == "tensor(undefined)");
  std::ostringstream out;
  out << tensor({1, 2}) << '\n';
  CHECK(out.str() == "tensor([1, 2])\n");
}

TEST_CASE("many elements fill lines, more are summed up") {
  CHECK((arange(30) * 1000).str() ==
        "tensor([    0,  1000,  2000,  3000,  4000,  5000,  6000,  7000,  8000,  9000,\n"
        "        10000, 11000, 12000, 13000, 14000, 15000, 16000, 17000, 18000, 19000,\n"
        "        20000, 21000, 22000, 23000, 24000, 25000, 26000, 27000, 28000, 29000])");
  CHECK(arange(1001).str() == "tensor([   0,    1,    2,  ...,  998,  999, 1000])");
  CHECK(arange(2002.0).reshape({2, 1001}).str() ==
        "tensor([[0.0000e+00, 1.0000e+00, 2.0000e+00,  ..., 9.9800e+02, 9.9900e+02,\n"
        "         1.0000e+03],\n"
        "        [1.0010e+03, 1.0020e+03, 1.0030e+03,  ..., 1.9990e+03, 2.0000e+03,\n"
        "         2.0010e+03]])");
  CHECK(arange(12.0).reshape({2, 3, 2}).str() ==
        "tensor([[[ 0.,  1.],\n         [ 2.,  3.],\n         [ 4.,  5.]],\n\n"
        "        [[ 6.,  7.],\n         [ 8.,  9.],\n         [10., 11.]]])");
}
