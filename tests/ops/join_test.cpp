#include <weft/autograd/gradcheck.h>
#include <weft/weft.h>

#include <weft/tests/catch.h>
#include <weft/tests/ops/samples.h>

using namespace weft;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::MessageMatches;
using test::sample;

namespace {

using Tensors = std::vector<Tensor>;
using Numbers = std::vector<Index>;

Tensor counted(const Shape& sizes) { return arange(numel(sizes)).reshape(sizes); }

void check_gradients(const autograd::TensorFunction& f, const Tensors& inputs) {
  CHECK(autograd::gradcheck(f, inputs));
  CHECK(autograd::gradgradcheck(f, inputs));
}

const DType kAll[] = {boolean, u8, i8, i16, i32, i64, f16, bf16, f32, f64};

}  // namespace

TEST_CASE("cat joins along a dimension") {
  const Tensor a = counted({2, 3}), b = counted({1, 3}) + 10;
  CHECK(cat({a, b}).sizes() == Shape{3, 3});
  CHECK(cat({a, b}).to_vector<Index>() == Numbers{0, 1, 2, 3, 4, 5, 10, 11, 12});
  CHECK(cat({a, a.t().contiguous().t() + 6}, -1).to_vector<Index>() ==
        Numbers{0, 1, 2, 6, 7, 8, 3, 4, 5, 9, 10, 11});
  CHECK(cat({a.flip({0}), a.slice(1, {}, {}, 2)}, 1).to_vector<Index>() ==
        Numbers{3, 4, 5, 0, 2, 0, 1, 2, 3, 5});
  CHECK(cat({b.slice(1, {}, {}, -1)}, 1).to_vector<Index>() == Numbers{12, 11, 10});
  CHECK(cat({zeros({0, 3}, i64), a, zeros({0, 3}, i64)}).to_vector<Index>() ==
        a.to_vector<Index>());
  CHECK(cat({zeros({2, 0}), zeros({2, 0})}, 0).sizes() == Shape{4, 0});
}

TEST_CASE("cat skips an empty 1-d tensor") {
  const Tensor a = counted({2, 3});
  CHECK(cat({zeros(0, i64), a, zeros(0, i64), a}, 1).sizes() == Shape{2, 6});
  CHECK(cat({zeros(0, i64), zeros(0, i64)}).sizes() == Shape{0});
  CHECK(cat({zeros(0, f64), a}).dtype() == f64);
}

TEST_CASE("cat and stack promote, and move every dtype") {
  CHECK(cat({ones(1, i32), ones(1, f16)}).dtype() == f16);
  CHECK(cat({ones(1, u8), ones(1, i8)}).dtype() == i16);
  CHECK(cat({ones(1, f16), ones(1, bf16)}).dtype() == f32);
  CHECK(stack({full({}, 2, boolean), full({}, 3, i8)}).to_vector<int>() == std::vector{1, 3});
  for (DType t : kAll) {
    INFO(name(t));
    const Tensor x = tensor({1, 0, 1}, t), y = cat({x, x.slice(0, {}, {}, -2)}),
                 s = stack({x, x}, 1);
    CHECK(y.dtype() == t);
    CHECK(y.to_vector<int>() == std::vector{1, 0, 1, 1, 1});
    CHECK(s.dtype() == t);
    CHECK(s.to_vector<int>() == std::vector{1, 1, 0, 0, 1, 1});
    CHECK(pad(x, {1, 0}, 1).to_vector<int>() == std::vector{1, 1, 0, 1});
  }
}

TEST_CASE("cat and pad keep channels last") {
  const Tensor x = counted({2, 3, 2, 2}).contiguous(MemoryFormat::ChannelsLast);
  const Tensor y = cat({x, x + 100}, 1), p = pad(x, {1, 0, 0, 1});
  CHECK(y.is_contiguous(MemoryFormat::ChannelsLast));
  CHECK(y.to_vector<Index>() == cat({x.contiguous(), x.contiguous() + 100}, 1).to_vector<Index>());
  CHECK(cat({x, x.contiguous()}, 1).is_contiguous());
  CHECK(p.is_contiguous(MemoryFormat::ChannelsLast));
  CHECK(p.to_vector<Index>() == pad(x.contiguous(), {1, 0, 0, 1}).to_vector<Index>());
}

TEST_CASE("stack makes a new dimension") {
  const Tensor a = counted({2, 2}), b = a + 4;
  CHECK(stack({a, b}).to_vector<Index>() == Numbers{0, 1, 2, 3, 4, 5, 6, 7});
  CHECK(stack({a, b}, 1).to_vector<Index>() == Numbers{0, 1, 4, 5, 2, 3, 6, 7});
  CHECK(stack({a, b.t()}, -1).to_vector<Index>() == Numbers{0, 4, 1, 6, 2, 5, 3, 7});
  CHECK(stack({full({}, 1), full({}, 2)}).sizes() == Shape{2});
  CHECK(stack({zeros({0, 2}), zeros({0, 2})}, 2).sizes() == Shape{0, 2, 2});
}

TEST_CASE("pad adds and cuts off") {
  const Tensor x = counted({2, 3});
  CHECK(pad(x, {1, 2}, 9).to_vector<Index>() == Numbers{9, 0, 1, 2, 9, 9, 9, 3, 4, 5, 9, 9});
  CHECK(pad(x, {0, 0, 1, 0}, -1).to_vector<Index>() == Numbers{-1, -1, -1, 0, 1, 2, 3, 4, 5});
  CHECK(pad(x, {-1, 1}).to_vector<Index>() == Numbers{1, 2, 0, 4, 5, 0});
  CHECK(pad(x, {1, -2, -1, 0}).to_vector<Index>() == Numbers{0, 3});
  CHECK(pad(x.t(), {-1, 0}).to_vector<Index>() == Numbers{3, 4, 5});
  CHECK(pad(x, {-3, 0}).sizes() == Shape{2, 0});
  CHECK(pad(x, {-3, 2}, 7).to_vector<Index>() == Numbers{7, 7, 7, 7});
  CHECK(pad(x, {}).to_vector<Index>() == x.to_vector<Index>());
  CHECK(pad(zeros({0, 2}), {0, 0, 1, 1}, 1).to_vector<Index>() == Numbers{1, 1, 1, 1});
  CHECK(pad(x.slice(1, {}, {}, -1), {1, 0}).to_vector<Index>() == Numbers{0, 2, 1, 0, 0, 5, 4, 3});
}

TEST_CASE("joins say what does not fit") {
  const Tensor a = ones({2, 3});
  CHECK_THROWS_MATCHES(
      cat({a, ones({2, 2})}), ShapeError,
      MessageMatches(ContainsSubstring(
          "[cat] got shapes [2, 3] and [2, 2] (tensor 1), expected equal ones but in dim 0")));
  CHECK_THROWS_AS(cat({a, ones({1, 2, 3})}), ShapeError);
  CHECK_THROWS_MATCHES(cat({ones({})}), ShapeError,
                       MessageMatches(ContainsSubstring("[cat] got a 0-d tensor")));
  CHECK_THROWS_MATCHES(cat(std::span<const Tensor>{}), ValueError,
                       MessageMatches(ContainsSubstring("[cat] got no tensors")));
  CHECK_THROWS_AS(cat({a}, 2), IndexError);
  CHECK_THROWS_AS(cat({a, Tensor()}), Error);
  CHECK_THROWS_MATCHES(
      stack({a, ones({3, 2})}), ShapeError,
      MessageMatches(ContainsSubstring(
          "[stack] got shapes [2, 3] and [3, 2] (tensor 1), expected equal ones")));
  CHECK_THROWS_AS(stack({a}, 3), IndexError);
  CHECK_THROWS_AS(stack(std::span<const Tensor>{}), ValueError);
  CHECK_THROWS_MATCHES(pad(a, {1, 1, 1}), ShapeError,
                       MessageMatches(ContainsSubstring("[pad] got 3 amounts for 2 dimensions")));
  CHECK_THROWS_AS(pad(a, {0, 0, 0, 0, 1, 1}), ShapeError);
  CHECK_THROWS_MATCHES(
      pad(a, {-2, -2}), ShapeError,
      MessageMatches(ContainsSubstring("[pad] got amounts -2 and -2 for dim 1 of size 3")));
}

TEST_CASE("gradients of joins are those of central differences, twice") {
  const Tensor a = sample({2, 3}, true), b = sample({2, 2}, true, 2), c = sample({2, 3}, true, 3);
  check_gradients(
      [](const Tensors& x) {
        return Tensors{cat({x[0], x[1], x[0]}, 1).square()};
      },
      {a, b});
  check_gradients(
      [](const Tensors& x) {
        return Tensors{cat({zeros(0, f64), x[0], x[1]}).square()};
      },
      {a, c});
  check_gradients(
      [](const Tensors& x) {
        return Tensors{stack({x[0], x[1]}, 1).square()};
      },
      {a, c});
  check_gradients(
      [](const Tensors& x) {
        return Tensors{pad(x[0], {1, -1, 0, 2}, 3).square()};
      },
      {a});
  // Of mixed dtypes each gets its own; the empty one too.
  const Tensor single = ones(2, Options(f32).requires_grad(true)),
               wide = ones(1, Options(f64).requires_grad(true)),
               empty = zeros(0, Options(f32).requires_grad(true));
  (cat({single, wide, empty}) * tensor({1, 2, 3})).sum().backward();
  CHECK(single.grad().dtype() == f32);
  CHECK(single.grad().to_vector<Index>() == Numbers{1, 2});
  CHECK(wide.grad().to_vector<Index>() == Numbers{3});
  CHECK(empty.grad().sizes() == Shape{0});
}
