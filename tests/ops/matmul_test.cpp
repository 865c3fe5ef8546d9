#include <algorithm>
#include <cmath>

#include <weft/autograd/gradcheck.h>
#include <weft/weft.h>

#include <weft/tests/catch.h>
#include <weft/tests/ops/samples.h>

using namespace weft;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::MessageMatches;
using test::sample;

namespace {

// Element [i...] of x, whatever its strides, where i is right-aligned and broadcasts.
double at(const Tensor& x, std::span<const Index> i) {
  Tensor e = x.detach();
  const auto extra = i.size() - static_cast<std::size_t>(x.dim());
  for (std::size_t d = extra; d < i.size(); ++d) e = e.select(0, e.sizes()[0] == 1 ? 0 : i[d]);
  return e.item<double>();
}

// Sums of products, element by element, for operands of rank 2 or more.
std::vector<double> reference(const Tensor& a, const Tensor& b, const Shape& out) {
  std::vector<double> y;
  const int r = out.size();
  for (Index n = 0; n < numel(out); ++n) {
    Shape i = Shape::filled(r, 0);
    for (Index d = r - 1, rest = n; d >= 0; --d) {
      i[static_cast<int>(d)] = rest % out[static_cast<int>(d)];
      rest /= out[static_cast<int>(d)];
    }
    double sum = 0;
    for (Index k = 0; k < a.sizes().back(); ++k) {
      Shape left = i, right = i;
      left[r - 1] = k;
      right[r - 2] = k;
      sum += at(a, left) * at(b, right);
    }
    y.push_back(sum);
  }
  return y;
}

void check_close(const Tensor& y, const std::vector<double>& expected, double tolerance) {
  const std::vector<double> v = y.to_vector<double>();
  REQUIRE(v.size() == expected.size());
  for (std::size_t i = 0; i < v.size(); ++i) {
    INFO("element " << i);
    CHECK(std::abs(v[i] - expected[i]) <= tolerance * std::max(1.0, std::abs(expected[i])));
  }
}

void check_product(const Tensor& a, const Tensor& b, const Shape& expected) {
  const Tensor y = matmul(a, b);
  REQUIRE(y.sizes() == expected);
  CHECK(y.is_contiguous());
  const Tensor left = a.dim() == 1 ? a.unsqueeze(0) : a, right = b.dim() == 1 ? b.unsqueeze(1) : b;
  Shape full = expected;
  if (b.dim() == 1) full.push_back(1);
  if (a.dim() == 1) full.insert(full.size() - 1, 1);
  check_close(y, reference(left, right, full), 1e-12);
}

}  // namespace

TEST_CASE("matmul follows the ranks of its operands") {
  check_product(sample(4), sample(4), {});
  check_product(sample(4), sample({4, 3}), 3);
  check_product(sample({2, 4}), sample(4), 2);
  check_product(sample({2, 4}), sample({4, 3}), {2, 3});
  check_product(sample({5, 2, 4}), sample({5, 4, 3}), {5, 2, 3});
  check_product(sample({5, 2, 4}), sample({4, 3}), {5, 2, 3});
  check_product(sample({2, 4}), sample({5, 4, 3}), {5, 2, 3});
  check_product(sample({5, 2, 4}), sample(4), {5, 2});
  check_product(sample(4), sample({5, 4, 3}), {5, 3});
  check_product(sample({2, 1, 3, 4}), sample({5, 4, 2}), {2, 5, 3, 2});
  check_product(sample({2, 1, 1, 3, 4}), sample({1, 3, 2, 4, 2}), {2, 3, 2, 3, 2});
  check_product(sample({1, 1}), sample({1, 1}), {1, 1});
}

TEST_CASE("matmul reads strided operands where they lie") {
  const Tensor a = sample({4, 6}), b = sample({6, 8});
  check_product(a.t(), sample({4, 3}), {6, 3});
  check_product(sample({3, 8}), b.t(), {3, 6});
  check_product(a.t(), sample({3, 4}).t(), {6, 3});
  check_product(a.slice(1, {}, {}, 2), b.slice(0, {}, {}, -2), {4, 8});
  check_product(sample(6).slice(0, {}, {}, -1), sample({6, 2}), 2);
  check_product(sample({1, 4}).expand({3, 4}), sample({4, 2}), {3, 2});
  check_product(sample({3, 5, 4}).transpose(0, 1), sample({4, 2}), {5, 3, 2});
  check_product(sample({5, 4, 3}).transpose(1, 2), sample({2, 1, 4, 2}).expand({2, 5, 4, 2}),
                {2, 5, 3, 2});
  check_product(sample({3, 1, 4}).expand({3, 2, 4}), sample({4, 2}), {3, 2, 2});
}

TEST_CASE("matmul of empty operands is empty or zero") {
  CHECK(matmul(ones({0, 3}), ones({3, 2})).sizes() == Shape{0, 2});
  CHECK(matmul(ones({2, 3}), ones({3, 0})).sizes() == Shape{2, 0});
  CHECK(matmul(ones({2, 0}), ones({0, 2})).to_vector<float>() == std::vector<float>(4, 0));
  CHECK(matmul(ones({3, 2, 0}), ones({3, 0, 2})).to_vector<float>() == std::vector<float>(12, 0));
  CHECK(matmul(ones({3, 2, 0}), ones({0, 2})).to_vector<float>() == std::vector<float>(12, 0));
  CHECK(matmul(ones(0), ones(0)).item<float>() == 0);
  CHECK(matmul(ones({2, 0, 3}), ones({3, 4})).sizes() == Shape{2, 0, 4});
  CHECK(matmul(ones({0, 2, 3}), ones({1, 3, 4})).sizes() == Shape{0, 2, 4});
  CHECK(linear(ones({2, 0}), ones({3, 0}), ones(3)).to_vector<float>() == std::vector<float>(6, 1));
  CHECK(linear(ones({0, 4}), ones({3, 4}), ones(3)).sizes() == Shape{0, 3});
  CHECK(addmm(ones(2), ones({2, 0}), ones({0, 2}), 3).to_vector<float>() ==
        std::vector<float>(4, 3));
}

TEST_CASE("matmul takes every dtype but bool") {
  for (DType t : {u8, i8, i16, i32, i64, f16, bf16, f32, f64}) {
    INFO(name(t));
    const Tensor a = tensor({{1, 2, 3}, {4, 5, 6}}, t), b = tensor({{1, 2}, {3, 4}, {5, 6}}, t);
    const Tensor y = matmul(a, b);
    CHECK(y.dtype() == t);
    CHECK(y.to_vector<double>() == std::vector<double>{22, 28, 49, 64});
    CHECK(linear(a, b.t(), tensor({10, 20}, t)).to_vector<double>() ==
          std::vector<double>{32, 48, 59, 84});
    CHECK(dot(a.select(0, 0), a.select(0, 1)).item<double>() == 32);
  }
  CHECK_THROWS_AS(matmul(ones({2, 2}, boolean), ones({2, 2}, boolean)), DTypeError);
  // Integers wrap around, as PyTorch's.
  CHECK(matmul(full({1, 2}, 100, i8), full({2, 1}, 2, i8)).item<int>() == -112);
  CHECK(matmul(full({1, 3}, -32768, i16), full({3, 1}, -32767, i16)).item<int>() == -32768);
}

TEST_CASE("matmul in low precision sums in float") {
  const Tensor a = sample({7, 300}).to(f32), b = sample({300, 5}).to(f32);
  for (DType t : {f16, bf16}) {
    const Tensor x = a.to(t), y = b.to(t);
    check_close(matmul(x, y), reference(x.to(f64), y.to(f64), {7, 5}), t == f16 ? 2e-3 : 1.6e-2);
  }
  check_close(matmul(a, b), reference(a.to(f64), b.to(f64), {7, 5}), 1e-5);
}

TEST_CASE("mm, bmm, dot and outer keep to their ranks") {
  const Tensor m = tensor({{1, 2}, {3, 4}}, f64), v = tensor({5, 6}, f64);
  CHECK(mm(m, m).to_vector<double>() == std::vector<double>{7, 10, 15, 22});
  CHECK(m.unsqueeze(0).bmm(m.unsqueeze(0)).to_vector<double>() ==
        std::vector<double>{7, 10, 15, 22});
  CHECK(v.dot(v).item<double>() == 61);
  CHECK(v.dot(v).dim() == 0);
  CHECK(outer(tensor({1, 2, 3}), v).to_vector<double>() ==
        std::vector<double>{5, 6, 10, 12, 15, 18});
  CHECK(outer(tensor({1, 2, 3}), v).dtype() == f64);
  CHECK_THROWS_MATCHES(mm(m, v), ShapeError,
                       MessageMatches(ContainsSubstring("[mm] got shape [2], expected 2")));
  CHECK_THROWS_MATCHES(bmm(ones({2, 2, 2}), ones({1, 2, 2})), ShapeError,
                       MessageMatches(ContainsSubstring("[bmm] got shapes [2, 2, 2] and [1, 2, 2]"
                                                        ", expected one size of batch")));
  CHECK_THROWS_MATCHES(dot(m, v), ShapeError, MessageMatches(ContainsSubstring("[dot]")));
  CHECK_THROWS_MATCHES(dot(ones(2), ones(3)), ShapeError,
                       MessageMatches(ContainsSubstring("got shapes [2] and [3]")));
  CHECK_THROWS_AS(outer(m, v), ShapeError);
}

TEST_CASE("addmm scales and broadcasts its first operand") {
  const Tensor m = tensor({{1, 2}, {3, 4}}, f64);
  CHECK(addmm(m, m, m).to_vector<double>() == std::vector<double>{8, 12, 18, 26});
  CHECK(addmm(tensor({1, 2}, f64), m, m, 2, 0.5).to_vector<double>() ==
        std::vector<double>{5.5, 9, 9.5, 15});
  CHECK(addmm(tensor({{1}, {2}}, f64), m, m, 1, -1).to_vector<double>() ==
        std::vector<double>{-6, -9, -13, -20});
  CHECK(addmm(full({}, 1, f64), m, m).to_vector<double>() == std::vector<double>{8, 11, 16, 23});
  // A first operand that does not count may hold anything.
  CHECK(addmm(full({2, 2}, NAN, f64), m, m, 0).to_vector<double>() ==
        std::vector<double>{7, 10, 15, 22});
  const Tensor i = m.to(i32);
  CHECK(addmm(i, i, i, 2, 3).to_vector<int>() == std::vector<int>{23, 34, 51, 74});
  CHECK_THROWS_MATCHES(addmm(i, i, i, 1, 0.5), DTypeError,
                       MessageMatches(ContainsSubstring("[addmm] got alpha 0.5 for int32")));
  CHECK_THROWS_AS(addmm(ones(3, f64), m, m), ShapeError);
  CHECK_THROWS_AS(addmm(i, m, m), DTypeError);
}

TEST_CASE("linear takes any leading dimensions") {
  const Tensor w = sample({3, 4}), b = sample(3);
  for (const Shape& lead : {Shape{}, Shape{5}, Shape{2, 5}, Shape{2, 1, 5}, Shape{2, 0}}) {
    Shape in = lead, out = lead;
    in.push_back(4);
    out.push_back(3);
    const Tensor x = sample(in);
    REQUIRE(linear(x, w, b).sizes() == out);
    check_close(linear(x, w, b), (matmul(x, w.t()) + b).to_vector<double>(), 1e-12);
    check_close(linear(x, w), matmul(x, w.t()).to_vector<double>(), 1e-12);
  }
  const Tensor x = sample({5, 2, 4}).transpose(0, 1);
  check_close(linear(x, w, b), (matmul(x, w.t()) + b).to_vector<double>(), 1e-12);
}

TEST_CASE("products say what does not fit") {
  CHECK_THROWS_MATCHES(matmul(ones({2, 3}), ones({4, 5})), ShapeError,
                       MessageMatches(ContainsSubstring(
                           "[matmul] got shapes [2, 3] and [4, 5], expected as many columns in the "
                           "first as rows in the second")));
  CHECK_THROWS_MATCHES(matmul(ones(3), ones({5, 4, 5})), ShapeError,
                       MessageMatches(ContainsSubstring("got shapes [3] and [5, 4, 5]")));
  CHECK_THROWS_MATCHES(
      matmul(ones({}), ones(3)), ShapeError,
      MessageMatches(ContainsSubstring("[matmul] got shapes [] and [3], expected at least one")));
  CHECK_THROWS_AS(matmul(ones({2, 2, 3}), ones({3, 3, 2})), ShapeError);
  CHECK_THROWS_MATCHES(matmul(ones({2, 2}), ones({2, 2}, f64)), DTypeError,
                       MessageMatches(ContainsSubstring("[matmul] got float32 and float64")));
  CHECK_THROWS_MATCHES(
      linear(ones({2, 3}), ones({5, 4})), ShapeError,
      MessageMatches(ContainsSubstring("[linear] got input of shape [2, 3] for a weight of [5, 4]"
                                       ", expected [..., 4]")));
  CHECK_THROWS_MATCHES(
      linear(ones({2, 4}), ones({5, 4}), ones(4)), ShapeError,
      MessageMatches(ContainsSubstring("[linear] got a bias of shape [4] for a weight of [5, 4], "
                                       "expected [5]")));
  CHECK_THROWS_AS(linear(ones({}), ones({5, 4})), ShapeError);
  CHECK_THROWS_AS(matmul(Tensor(), ones(3)), Error);
}

TEST_CASE("gradients of products are those of central differences, twice") {
  const auto check = [](const Tensor& a, const Tensor& b) {
    const auto f = [](const std::vector<Tensor>& x) { return std::vector{matmul(x[0], x[1])}; };
    CHECK(autograd::gradcheck(f, {a, b}));
    CHECK(autograd::gradgradcheck(f, {a, b}));
  };
  check(sample(3, true), sample(3, true));
  check(sample({2, 3}, true), sample({3, 2}, true));
  check(sample({2, 3}, true), sample(3, true));
  check(sample(3, true), sample({3, 2}, true));
  check(sample({2, 2, 3}, true), sample({3, 2}, true));
  check(sample({2, 3}, true), sample({2, 3, 2}, true));
  check(sample({2, 1, 2, 3}, true), sample({2, 3, 2}, true));
  check(sample({2, 2, 3}, true), sample({3}, true));
  check(sample({2, 3}), sample({3, 2}, true));
  check(sample({2, 2, 3}, true), sample({3, 2}));
}

TEST_CASE("gradients of transposed, scaled and fused products") {
  const auto check = [](const autograd::TensorFunction& f, const std::vector<Tensor>& inputs) {
    CHECK(autograd::gradcheck(f, inputs));
    CHECK(autograd::gradgradcheck(f, inputs));
  };
  check([](const auto& x) { return std::vector{matmul(x[0].t(), x[1].t())}; },
        {sample({3, 2}, true), sample({2, 3}, true)});
  check([](const auto& x) { return std::vector{addmm(x[0], x[1], x[2], 2, -0.5)}; },
        {sample(2, true), sample({3, 2}, true), sample({2, 2}, true)});
  check([](const auto& x) { return std::vector{linear(x[0], x[1], x[2])}; },
        {sample({2, 3}, true), sample({4, 3}, true), sample(4, true)});
  check([](const auto& x) { return std::vector{linear(x[0], x[1], x[2])}; },
        {sample({2, 2, 3}, true), sample({2, 3}, true), sample(2, true)});
  check([](const auto& x) { return std::vector{linear(x[0], x[1])}; },
        {sample(3, true), sample({2, 3}, true)});
  check([](const auto& x) { return std::vector{outer(x[0], x[1])}; },
        {sample(2, true), sample(3, true)});
  check([](const auto& x) { return std::vector{bmm(x[0], x[1])}; },
        {sample({2, 2, 3}, true), sample({2, 3, 1}, true)});
}

TEST_CASE("a long product, which is computed in parts, is that of its short rows") {
  struct Sizes {
    Index m, n, k;
    DType dtype;
  };
  const int threads = get_num_threads();
  set_num_threads(1);
  // In slices of k; in rows too; in rows, columns and slices; by rows and columns alone.
  for (const Sizes& s : {Sizes{1030, 1026, 2500, f32}, Sizes{6100, 1030, 500, f32},
                         Sizes{600, 12000, 386, f32}, Sizes{1030, 6000, 700, bf16}}) {
    CAPTURE(s.m, s.n, s.k);
    const Tensor a = sample({s.m, s.k}).to(s.dtype), b = sample({s.n, s.k}).to(s.dtype).t();
    const Tensor bias = sample(s.n).to(s.dtype), y = addmm(bias, a, b);
    for (const Index row : {Index{0}, s.m / 2, s.m - 2}) {
      const Tensor rows = addmm(bias, a.narrow(0, row, 2), b);
      CHECK((y.narrow(0, row, 2) - rows).abs().amax().item<double>() <=
            (s.dtype == f32 ? 1e-5 : 1e-2) * rows.abs().amax().item<double>());
    }
  }
  set_num_threads(threads);
}

TEST_CASE("linear_relu and linear_gelu are relu and gelu of linear, their gradients too") {
  const auto check = [](const autograd::TensorFunction& one, const autograd::TensorFunction& two) {
    std::vector<Tensor> a = {sample({2, 5, 3}, true), sample({4, 3}, true), sample(4, true)}, b;
    for (const Tensor& t : a) b.push_back(t.detach().clone().requires_grad_());
    const Tensor y = one(a)[0], z = two(b)[0], g = sample({2, 5, 4});
    CHECK(y.to_vector<double>() == z.to_vector<double>());
    y.backward(g);
    z.backward(g);
    for (std::size_t i = 0; i < 3; ++i)
      CHECK(a[i].grad().to_vector<double>() == b[i].grad().to_vector<double>());
    CHECK(autograd::gradgradcheck(one, a));
    const NoGradGuard no_grad;
    check_close(one(a)[0], z.to_vector<double>(), 1e-12);
  };
  check([](const auto& x) { return std::vector{linear_relu(x[0], x[1], x[2])}; },
        [](const auto& x) { return std::vector{linear(x[0], x[1], x[2]).relu()}; });
  for (const char* form : {"none", "tanh"}) {
    check([=](const auto& x) { return std::vector{linear_gelu(x[0], x[1], x[2], form)}; },
          [=](const auto& x) { return std::vector{gelu(linear(x[0], x[1], x[2]), form)}; });
  }
  CHECK_THROWS_MATCHES(linear_gelu(ones({2, 3}), ones({4, 3}), {}, "erf"), ValueError,
                       MessageMatches(ContainsSubstring("[gelu] got approximate \"erf\"")));
}

TEST_CASE("relu after linear lets NaN through, and its gradient") {
  for (Index size : {4, 96}) {  // by our own kernel, by oneDNN
    Tensor x = ones({size, size}), w = full({size, size}, -1.0);
    x[1][0].fill_(std::numeric_limits<double>::quiet_NaN());
    w.requires_grad_();
    const Tensor y = linear_relu(x, w, ones(size));
    CHECK(isnan(y[1]).all().item<bool>());
    CHECK((y[0] == 0).all().item<bool>());
    y.sum().backward();
    CHECK(isnan(w.grad()[0][0]).item<bool>());
    CHECK(w.grad()[0][1].item<double>() == 1);  // of the row that is NaN alone
  }
}

TEST_CASE("a product's gradient flows through empty batches") {
  const Tensor w = ones({3, 4}, Options(f64).requires_grad(true));
  linear(ones({0, 4}, f64), w).sum().backward();
  CHECK(w.grad().to_vector<double>() == std::vector<double>(12, 0));
}
