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

// The numbers 0 to n - 1 in a shape.
Tensor counted(const Shape& sizes, DType t = i64) {
  return arange(numel(sizes)).to(t).reshape(sizes);
}

Tensor tensor_of(const std::vector<TensorIndex>& indices, const Tensor& x) {
  return x.index(std::span<const TensorIndex>(indices));
}

bool same(const Tensor& a, const Tensor& b) {
  return a.sizes() == b.sizes() && a.dtype() == b.dtype() &&
         a.to_vector<double>() == b.to_vector<double>();
}

void check_gradients(const autograd::TensorFunction& f, const Tensors& inputs) {
  CHECK(autograd::gradcheck(f, inputs));
  CHECK(autograd::gradgradcheck(f, inputs));
}

const DType kAll[] = {boolean, u8, i8, i16, i32, i64, f16, bf16, f32, f64};

}  // namespace

// Expectations by NumPy, of numpy.arange(24).reshape(2, 3, 4).
TEST_CASE("index lists mix as NumPy's") {
  const Tensor x = counted({2, 3, 4});
  const Tensor fives = eq(x, 0).logical_or(eq(x, 5)).logical_or(eq(x, 10)).logical_or(eq(x, 15));
  struct Case {
    std::vector<TensorIndex> indices;
    Shape sizes;
    Numbers values;
  };
  // clang-format off
  const std::vector<Case> cases = {
      {{1}, {3, 4}, {12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23}},
      {{-1, 2}, {4}, {20, 21, 22, 23}},
      {{1, 2, 3}, {}, {23}},
      {{Slice(), Slice(None, None, -1)}, {2, 3, 4}, {8, 9, 10, 11, 4, 5, 6, 7, 0, 1, 2, 3, 20, 21, 22, 23, 16, 17, 18, 19, 12, 13, 14, 15}},
      {{Slice(), Slice(5, 0, -2), Slice(1, None)}, {2, 1, 3}, {9, 10, 11, 21, 22, 23}},
      {{Ellipsis, 1}, {2, 3}, {1, 5, 9, 13, 17, 21}},
      {{None, 1, Ellipsis, None}, {1, 3, 4, 1}, {12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23}},
      {{Slice(), None, Slice(1, 1)}, {2, 1, 0, 4}, {}},
      {{tensor({1, 0, 1})}, {3, 3, 4}, {12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23}},
      {{tensor({{1, -1}, {0, -2}})}, {2, 2, 3, 4}, {12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}},
      {{Slice(), tensor({2, 0})}, {2, 2, 4}, {8, 9, 10, 11, 0, 1, 2, 3, 20, 21, 22, 23, 12, 13, 14, 15}},
      {{Ellipsis, tensor({3, 0, 3})}, {2, 3, 3}, {3, 0, 3, 7, 4, 7, 11, 8, 11, 15, 12, 15, 19, 16, 19, 23, 20, 23}},
      {{tensor({0, 1}), tensor({2, 1})}, {2, 4}, {8, 9, 10, 11, 16, 17, 18, 19}},
      {{tensor({{0}, {1}}), tensor({2, 1})}, {2, 2, 4}, {8, 9, 10, 11, 4, 5, 6, 7, 20, 21, 22, 23, 16, 17, 18, 19}},
      {{Slice(), tensor({2, 1}), tensor({0, 3})}, {2, 2}, {8, 7, 20, 19}},
      {{tensor({0, 1}), Slice(), tensor({0, 3})}, {2, 3}, {0, 4, 8, 15, 19, 23}},
      {{tensor({0, 1}), Slice(1, None), tensor({0, 3})}, {2, 2}, {4, 8, 19, 23}},
      {{tensor({0, 1}), tensor({1, 2}), tensor({3, 0})}, {2}, {7, 20}},
      {{0, Slice(), tensor({1, 3})}, {2, 3}, {1, 5, 9, 3, 7, 11}},
      {{Slice(), 1, tensor({1, 3})}, {2, 2}, {5, 7, 17, 19}},
      {{Slice(), tensor({1, 2}), 3}, {2, 2}, {7, 11, 19, 23}},
      {{tensor({1, 0}), Slice(), 3}, {2, 3}, {15, 19, 23, 3, 7, 11}},
      {{1, tensor({1, 2})}, {2, 4}, {16, 17, 18, 19, 20, 21, 22, 23}},
      {{Slice(), None, tensor({1, 2})}, {2, 1, 2, 4}, {4, 5, 6, 7, 8, 9, 10, 11, 16, 17, 18, 19, 20, 21, 22, 23}},
      {{tensor({1, 0}), None, tensor({1, 2})}, {2, 1, 4}, {16, 17, 18, 19, 8, 9, 10, 11}},
      {{tensor({1, 0}), Ellipsis, tensor({1, 2})}, {2, 3}, {13, 17, 21, 2, 6, 10}},
      {{Slice(), tensor({1, 0}), Ellipsis, tensor({1, 2})}, {2, 2}, {5, 17, 2, 14}},
      {{tensor({true, false})}, {1, 3, 4}, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}},
      {{Slice(), tensor({true, false, true})}, {2, 2, 4}, {0, 1, 2, 3, 8, 9, 10, 11, 12, 13, 14, 15, 20, 21, 22, 23}},
      {{tensor({{true, false, true}, {false, true, true}})}, {4, 4}, {0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 20, 21, 22, 23}},
      {{tensor({{true, false, true}, {false, true, true}}), 1}, {4}, {1, 9, 17, 21}},
      {{0, tensor({{true, false, true, false}, {true, false, true, false}, {true, false, true, false}})}, {6}, {0, 2, 4, 6, 8, 10}},
      {{tensor({true, true}), Slice(), tensor({1, 2})}, {2, 3}, {1, 5, 9, 14, 18, 22}},
      {{fives.logical_or(eq(x, 20))}, {5}, {0, 5, 10, 15, 20}},
      {{true}, {1, 2, 3, 4}, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23}},
      {{false}, {0, 2, 3, 4}, {}},
      {{Slice(), true, 1}, {2, 1, 4}, {4, 5, 6, 7, 16, 17, 18, 19}},
      {{zeros(0, i64)}, {0, 3, 4}, {}},
      {{Slice(), zeros(0, i64), Slice(1, 3)}, {2, 0, 2}, {}},
      {{tensor(1)}, {3, 4}, {12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23}},
      {{Slice(), 2, None, tensor({{0, 3}})}, {1, 2, 2, 1}, {8, 20, 11, 23}},
  };
  // clang-format on
  // The same of memory in another order, with steps and backwards.
  const Tensor shuffled = x.permute({2, 0, 1}).contiguous().permute({1, 2, 0}),
               padded = pad(x, {1, 2, 1, 0}).index({Ellipsis, Slice(1, None), Slice(1, 5)}),
               backward = x.flip({0, 2}).index({Slice({}, {}, -1), Slice(), Slice({}, {}, -1)});
  for (std::size_t i = 0; i < cases.size(); ++i) {
    const auto& [indices, sizes, values] = cases[i];
    INFO("case " << i);
    for (const Tensor& t : {x, shuffled, padded, backward}) {
      const Tensor y = tensor_of(indices, t);
      CHECK(y.sizes() == sizes);
      CHECK(y.to_vector<Index>() == values);
    }
  }
}

TEST_CASE("a basic index is a view, others are copies") {
  Tensor x = counted({3, 4});
  x.index({1, Slice(1, 3)}).fill_(-1);
  CHECK(x.to_vector<Index>() == Numbers{0, 1, 2, 3, 4, -1, -1, 7, 8, 9, 10, 11});
  x.index({tensor(0), None}).fill_(0);
  CHECK(x.index({0}).to_vector<Index>() == Numbers{0, 0, 0, 0});
  x.index({tensor({2})}).fill_(5);
  CHECK(x.index({2}).to_vector<Index>() == Numbers{8, 9, 10, 11});
  CHECK(x.index({}).sizes() == Shape{3, 4});
  CHECK(full({}, 3).index({Ellipsis}).dim() == 0);
  CHECK(full({}, 3).index({true}).to_vector<Index>() == Numbers{3});
  CHECK(full({}, 3).index({tensor(false)}).sizes().front() == 0);
}

TEST_CASE("index moves every dtype, by i32 and u8 indices too") {
  for (DType t : kAll) {
    INFO(name(t));
    const Tensor x = counted({3, 4}, t), expected = counted({3, 4}).index({tensor({2, 0})}).to(t);
    CHECK(same(x.index({tensor({2, 0})}), expected));
    CHECK(same(x.index({tensor({2, 0}, i32)}), expected));
    CHECK(same(x.index({tensor({1, 0, 1}, u8)}), counted({3, 4}).index({Slice({}, {}, 2)}).to(t)));
    Tensor y = zeros({3, 4}, t);
    y.index_put_({tensor({2, 0})}, expected);
    CHECK(same(y.index({tensor({2, 0})}), expected));
    CHECK(y.index({1}).to_vector<double>() == std::vector<double>(4, 0));
    y.index_put_({tensor({1, 1})}, ones({2, 4}, t), true);
    CHECK(y.index({1}).to_vector<double>() == std::vector<double>(4, t == boolean ? 1 : 2));
  }
}

TEST_CASE("an index says what is out of range before anything changes") {
  Tensor x = counted({2, 3});
  const auto fails = [&](const std::vector<TensorIndex>& indices, const char* message) {
    CHECK_THROWS_MATCHES(tensor_of(indices, x), IndexError,
                         MessageMatches(ContainsSubstring(message)));
    CHECK_THROWS_AS(x.index_put_(std::span<const TensorIndex>(indices), tensor(7)), IndexError);
  };
  fails({2}, "[index] got index 2 in dim 0 of size 2, expected -2 to 1");
  fails({0, -4}, "[index] got index -4 in dim 1 of size 3, expected -3 to 2");
  fails({tensor({0, 2})}, "[index] got index 2 in dim 0 of size 2, expected -2 to 1");
  fails({None, 0, tensor({{0, -4}})}, "[index] got index -4 in dim 1 of size 3");
  fails({0, 0, 0}, "[index] got indices for 3 dimensions, expected at most the tensor's 2");
  fails({Ellipsis, 0, Ellipsis}, "[index] got 2 ellipses, expected at most one");
  fails({tensor({true, false, true})},
        "[index] got a mask of shape [3] for dims 0 to 0, expected [2]");
  fails({Ellipsis, ones({3, 2}, boolean)},
        "got a mask of shape [3, 2] for dims 0 to 1, expected [2, 3]");
  CHECK_THROWS_MATCHES(x.index({ones(2)}), IndexError,
                       MessageMatches(ContainsSubstring("[index] got an index of float32")));
  CHECK_THROWS_AS(x.index({tensor({0, 1}), tensor({0, 1, 2})}), IndexError);
  CHECK_THROWS_AS(x.index({Slice({}, {}, 0)}), Error);
  CHECK_THROWS_MATCHES(zeros({0, 3}).index({tensor({0})}), IndexError,
                       MessageMatches(ContainsSubstring("of size 0, expected none")));
  CHECK_THROWS_MATCHES(x.index_put_({tensor({0})}, ones({1, 3})), DTypeError,
                       MessageMatches(ContainsSubstring(
                           "[index_put_] got values of float32 for a tensor of int64")));
  CHECK_THROWS_AS(x.index_put_({tensor({0, 1})}, ones({3, 3}, i64)), ShapeError);
  CHECK_THROWS_AS(x.expand({2, 2, 3}).index_put_({tensor({0})}, ones({}, i64)), ShapeError);
  CHECK(same(x, counted({2, 3})));
}

TEST_CASE("index_put_ writes and adds in the order of the index") {
  const auto put = [](const std::vector<TensorIndex>& indices, const Tensor& values, bool add) {
    Tensor x = counted({3, 4});
    x.index_put_(std::span<const TensorIndex>(indices), values, add);
    return x.to_vector<Index>();
  };
  // By NumPy: x[...] = values and numpy.add.at(x, ...).
  CHECK(put({tensor({0, 2, 0})}, tensor(100), true) ==
        Numbers{200, 201, 202, 203, 4, 5, 6, 7, 108, 109, 110, 111});
  CHECK(put({tensor({0, 2}), tensor({1, 3})}, tensor({50, 60}), false) ==
        Numbers{0, 50, 2, 3, 4, 5, 6, 7, 8, 9, 10, 60});
  CHECK(put({Slice(), tensor({1, 1, 2})}, tensor({{10}, {20}, {30}}), true) ==
        Numbers{0, 21, 12, 3, 4, 45, 26, 7, 8, 69, 40, 11});
  CHECK(put({Slice({}, {}, -1), tensor({0, 3})}, tensor({7, 8}), false) ==
        Numbers{7, 1, 2, 8, 7, 5, 6, 8, 7, 9, 10, 8});
  CHECK(put({tensor({true, false, true}), Slice(1, 3)}, tensor({{100, 200}, {300, 400}}), false) ==
        Numbers{0, 100, 200, 3, 4, 5, 6, 7, 8, 300, 400, 11});
  CHECK(put({(counted({3, 4}).to(f32) / 2).eq(counted({3, 4}).div(2, "floor"))}, tensor(-1),
            false) == Numbers{-1, 1, -1, 3, -1, 5, -1, 7, -1, 9, -1, 11});
  CHECK(put({1}, tensor(5), true) == Numbers{0, 1, 2, 3, 9, 10, 11, 12, 8, 9, 10, 11});
  CHECK(put({Ellipsis, 2}, tensor({1, 2, 3}), false) ==
        Numbers{0, 1, 1, 3, 4, 5, 2, 7, 8, 9, 3, 11});
  CHECK(put({tensor({2, 0}), None, tensor({1, 1})}, tensor({{9}, {9}}), false) ==
        Numbers{0, 9, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11});
  // The last of two writes stays; too many leading ones are dropped.
  CHECK(put({tensor({0, 0}), 0}, tensor({{{7, 8}}}), false)[0] == 8);
}

TEST_CASE("index_put_ may read from its own memory") {
  Tensor x = counted({4});
  x.index_put_({Slice(1, None)}, x.slice(0, 0, 3));
  CHECK(x.to_vector<Index>() == Numbers{0, 0, 1, 2});
  x = counted({4});
  x.index_put_({tensor({1, 2, 3})}, x.slice(0, 0, 3));
  CHECK(x.to_vector<Index>() == Numbers{0, 0, 1, 2});
  x = tensor({3, 2, 1, 0});
  x.index_put_({x}, tensor({10, 11, 12, 13}));
  CHECK(x.to_vector<Index>() == Numbers{13, 12, 11, 10});
}

TEST_CASE("index_select and index_add read along one dimension") {
  const Tensor x = counted({2, 3, 2});
  CHECK(x.index_select(1, tensor({2, 0, 2})).to_vector<Index>() ==
        Numbers{4, 5, 0, 1, 4, 5, 10, 11, 6, 7, 10, 11});
  CHECK(x.index_select(-1, tensor(1, i32)).to_vector<Index>() == Numbers{1, 3, 5, 7, 9, 11});
  CHECK(x.index_select(0, zeros(0, i64)).sizes() == Shape{0, 3, 2});
  CHECK(full({}, 4, i8).index_select(0, tensor({0})).dtype() == i8);
  CHECK(index_add(zeros({2, 3, 2}, i64), 1, tensor({2, 0, 2}), ones({2, 3, 2}, i64))
            .to_vector<Index>() == Numbers{1, 1, 0, 0, 2, 2, 1, 1, 0, 0, 2, 2});
  CHECK(zeros({}, i64).index_add(0, tensor({0}), tensor({3})).item<int>() == 3);
  CHECK(x.index_add(0, zeros(0, i64), zeros({0, 3, 2}, i64)).sizes() == x.sizes());
  CHECK_THROWS_MATCHES(x.index_select(1, tensor({3})), IndexError,
                       MessageMatches(ContainsSubstring(
                           "[index_select] got index 3 in dim 1 of size 3, expected 0 to 2")));
  CHECK_THROWS_AS(x.index_select(1, tensor({-1})), IndexError);
  CHECK_THROWS_AS(x.index_select(3, tensor({0})), IndexError);
  CHECK_THROWS_AS(x.index_select(0, tensor({{0}})), IndexError);
  CHECK_THROWS_MATCHES(
      x.index_add(0, tensor({0}), ones({2, 3, 2}, i64)), ShapeError,
      MessageMatches(ContainsSubstring("got a source of shape [2, 3, 2], expected [1, 3, 2]")));
  CHECK_THROWS_AS(x.index_add(0, tensor({0}), ones({1, 3, 2})), DTypeError);
}

TEST_CASE("gather and scatter, against loops") {
  const Tensor x = counted({3, 4}).t();  // [4, 3], in another order of memory
  const Tensor index = tensor({{0, 3, 1}, {2, 2, 0}}), columns = tensor({{2, 0}, {1, 1}, {0, 0}});
  const auto at = [](const Tensor& t, Index i, Index j) { return t.index({i, j}).item<Index>(); };
  const Tensor g = x.gather(0, index), h = gather(x, -1, columns.to(i32));
  REQUIRE(g.sizes() == Shape{2, 3});
  REQUIRE(h.sizes() == Shape{3, 2});
  for (Index i = 0; i < 2; ++i) {
    for (Index j = 0; j < 3; ++j) {
      CHECK(at(g, i, j) == at(x, at(index, i, j), j));
      CHECK(at(h, j, i) == at(x, j, at(columns, j, i)));
    }
  }
  const Tensor source = tensor({{10, 20, 30}, {40, 50, 60}, {7, 7, 7}});
  CHECK(zeros({4, 3}, i64).scatter_add(0, index, source).to_vector<Index>() ==
        Numbers{10, 0, 60, 0, 0, 30, 40, 50, 0, 0, 20, 0});
  CHECK(scatter_add(zeros({1, 3}, i64), 0, zeros({2, 3}, i64), source).to_vector<Index>() ==
        Numbers{50, 70, 90});
  CHECK(scatter(ones({1, 3}, i64), 0, zeros({2, 3}, i64), source).to_vector<Index>() ==
        Numbers{40, 50, 60});
  Tensor y = zeros({3, 3}, i64);
  y.t().scatter_add_(1, tensor({{1, 1, 2}}), tensor({{1, 2, 4}}));
  CHECK(y.to_vector<Index>() == Numbers{0, 0, 0, 3, 0, 0, 4, 0, 0});
  CHECK(full({}, 5).gather(0, tensor(0)).dim() == 0);
  CHECK(full({}, 5, i64).scatter_add(0, tensor(0), tensor(2)).item<int>() == 7);
  CHECK(x.gather(0, zeros({0, 3}, i64)).sizes() == Shape{0, 3});
  CHECK(zeros({0, 3}, i64).gather(0, zeros({0, 3}, i64)).sizes() == Shape{0, 3});
}

TEST_CASE("gather and scatter move every dtype") {
  const Tensor index = tensor({{1, 1}, {0, 1}});
  for (DType t : kAll) {
    INFO(name(t));
    const Tensor x = tensor({{0, 1}, {1, 0}}, t);
    CHECK(same(x.gather(1, index), tensor({{1, 1}, {1, 0}}, t)));
    CHECK(same(x.scatter(1, index, x), tensor({{0, 1}, {1, 0}}, t)));
    const double two = t == boolean ? 1 : 2;
    CHECK(x.scatter_add(1, index, x).to_vector<double>() == std::vector<double>{0, two, two, 0});
  }
  CHECK(full(1, 200, u8).scatter_add(0, tensor({0}), full(1, 100, u8)).item<int>() == 44);
}

TEST_CASE("gather and scatter say what does not fit before anything changes") {
  Tensor x = counted({2, 3});
  const Tensor index = tensor({{0, 2}});
  CHECK_THROWS_MATCHES(x.gather(0, index), IndexError,
                       MessageMatches(ContainsSubstring(
                           "[gather] got index 2 in dim 0 of size 2, expected 0 to 1")));
  CHECK_THROWS_MATCHES(x.gather(0, tensor({0})), ShapeError,
                       MessageMatches(ContainsSubstring("[gather] got an index of shape [1]")));
  CHECK_THROWS_AS(x.gather(0, zeros({1, 4}, i64)), ShapeError);
  CHECK_THROWS_AS(x.gather(0, zeros({1, 3})), DTypeError);
  CHECK_THROWS_AS(x.gather(2, index), IndexError);
  CHECK_THROWS_MATCHES(x.scatter_add_(0, index, ones({1, 2}, i64)), IndexError,
                       MessageMatches(ContainsSubstring("[scatter_add_] got index 2")));
  CHECK_THROWS_AS(x.scatter_add_(1, index, ones({1, 2})), DTypeError);
  CHECK_THROWS_MATCHES(
      x.scatter_add_(1, index, ones({1, 1}, i64)), ShapeError,
      MessageMatches(ContainsSubstring("got a source of shape [1, 1] for an index of [1, 2]")));
  CHECK_THROWS_AS(x.scatter_add_(1, tensor({{-1}}), ones({1, 1}, i64)), IndexError);
  CHECK(same(x, counted({2, 3})));
}

TEST_CASE("nonzero lists coordinates in row-major order, of any dtype and strides") {
  const Tensor x = tensor({{0, 1, 0}, {2, 0, 3}});
  for (DType t : kAll) {
    INFO(name(t));
    CHECK(same(x.to(t).nonzero(), tensor({{0, 1}, {1, 0}, {1, 2}})));
    CHECK(same(x.to(t).t().nonzero(), tensor({{0, 1}, {1, 0}, {2, 1}})));
  }
  CHECK(same(x.flip({1}).slice(1, {}, {}, -1).nonzero(), x.nonzero()));
  CHECK(nonzero(tensor({-0.0, NAN, 0.0})).to_vector<Index>() == Numbers{1});
  CHECK(tensor({-0.0}, f16).nonzero().sizes() == Shape{0, 1});
  CHECK(full({}, 1).nonzero().sizes() == Shape{1, 0});
  CHECK(full({}, 0).nonzero().sizes() == Shape{0, 0});
  CHECK(zeros({3, 0}).nonzero().sizes() == Shape{0, 2});
  // Several blocks of several rows.
  Tensor large = zeros({700, 300}, boolean);
  Numbers expected;
  for (Index i = 0; i < 700; i += 3) {
    large.select(0, i).select(0, i % 299).fill_(true);
    expected.push_back(i);
    expected.push_back(i % 299);
  }
  CHECK(large.nonzero().to_vector<Index>() == expected);
}

TEST_CASE("masks select and fill") {
  const Tensor x = counted({2, 3}), mask = gt(x, 1).logical_and(lt(x, 5));
  CHECK(x.masked_select(mask).to_vector<Index>() == Numbers{2, 3, 4});
  CHECK(masked_select(x, tensor({true, false, true})).to_vector<Index>() == Numbers{0, 2, 3, 5});
  CHECK(masked_select(tensor({7, 8, 9}), mask).to_vector<Index>() == Numbers{9, 7, 8});
  CHECK(masked_fill(x, mask, -1).to_vector<Index>() == Numbers{0, 1, -1, -1, -1, 5});
  CHECK(masked_fill(tensor({1, 2, 3}), mask, 0).sizes() == Shape{2, 3});
  CHECK(masked_fill(x.to(bf16), mask, 0.5).dtype() == bf16);
  Tensor y = x.clone();
  y.t().masked_fill_(tensor({{true}, {false}, {true}}), 9);
  CHECK(y.to_vector<Index>() == Numbers{9, 1, 9, 9, 4, 9});
  Tensor b = tensor({true, false, true});
  b.masked_fill_(b, false);
  CHECK_FALSE(b.any().item<bool>());
  for (DType t : kAll)
    CHECK(same(zeros(2, t).masked_fill(tensor({true, false}), true), tensor({1, 0}, t)));
  CHECK_THROWS_MATCHES(
      x.masked_fill(mask, 0.5), DTypeError,
      MessageMatches(ContainsSubstring("[masked_fill] got value 0.5 for a tensor of int64")));
  CHECK_THROWS_MATCHES(y.masked_fill_(x, 1), DTypeError,
                       MessageMatches(ContainsSubstring("got a mask of int64, expected bool")));
  CHECK_THROWS_AS(y.masked_fill_(ones({2, 2, 3}, boolean), 1), ShapeError);
  CHECK_THROWS_AS(x.masked_select(x), DTypeError);
}

TEST_CASE("embedding takes rows") {
  const Tensor w = counted({4, 2}, f32);
  CHECK(embedding(w, tensor({{3, 0}, {1, 1}})).sizes() == Shape{2, 2, 2});
  CHECK(embedding(w, tensor({{3, 0}, {1, 1}}, i32)).to_vector<Index>() ==
        Numbers{6, 7, 0, 1, 2, 3, 2, 3});
  CHECK(embedding(w, tensor(2)).sizes() == Shape{2});
  CHECK(embedding(w, zeros({0, 3}, i64)).sizes() == Shape{0, 3, 2});
  CHECK_THROWS_MATCHES(embedding(w, tensor({4})), IndexError,
                       MessageMatches(ContainsSubstring(
                           "[embedding] got index 4 in dim 0 of size 4, expected 0 to 3")));
  CHECK_THROWS_AS(embedding(w, tensor({-1})), IndexError);
  CHECK_THROWS_AS(embedding(w, ones(2)), DTypeError);
  CHECK_THROWS_AS(embedding(ones(2), tensor({0})), ShapeError);
  CHECK_THROWS_MATCHES(embedding(w, tensor({0}), 4), ValueError,
                       MessageMatches(ContainsSubstring("got padding_idx 4 for 4 rows")));
  const Tensor p = counted({4, 2}, f64).requires_grad_();
  embedding(p, tensor({3, 0, 3, 1}), -1).sum().backward();
  CHECK(p.grad().to_vector<double>() == std::vector<double>{1, 1, 1, 1, 0, 0, 0, 0});
}

TEST_CASE("gradients of indexing are those of central differences, twice") {
  const Tensor x = sample({2, 3, 4}, true);
  const auto lists =
      std::vector<std::vector<TensorIndex>>{{1, Slice({}, {}, -2)},
                                            {tensor({1, 0, 1})},
                                            {Slice(), tensor({2, 0, 2}), Slice(1, 3)},
                                            {tensor({0, 1, 0}), Slice(), tensor({3, 3, 3})},
                                            {0, None, tensor({{1, 1}, {-1, 0}}), tensor({2, 2})},
                                            {gt(sample({2, 3}), 0)},
                                            {Ellipsis, gt(sample({3, 4}), 0)},
                                            {zeros(0, i64)}};
  for (const auto& list : lists) {
    INFO("list " << &list - lists.data());
    const std::span<const TensorIndex> l = list;
    check_gradients([l](const Tensors& in) { return Tensors{in[0].index(l)}; }, {x});
    const Tensor values = sample(x.detach().index(l).sizes(), true, 5);
    const auto put = [l](bool add) {
      return [l, add](const Tensors& in) {
        Tensor y = in[0] * 2;
        y.index_put_(l, in[1], add);
        return Tensors{y * y};
      };
    };
    check_gradients(put(true), {x, values});
  }
  // Without repeated places: what is overwritten has no gradient.
  check_gradients(
      [](const Tensors& in) {
        Tensor y = in[0] * 2;
        y.index_put_({Slice(), tensor({2, 0})}, in[1]);
        return Tensors{y * y};
      },
      {x, sample(4, true, 7)});
}

TEST_CASE("gradients of gather, scatter, masks and embedding") {
  const Tensor x = sample({3, 4}, true), s = sample({2, 4}, true, 3);
  const Tensor index = tensor({{0, 2, 1, 1}, {1, 2, 0, 1}}),
               apart = tensor({{0, 2, 1, 1}, {1, 0, 0, 2}}), mask = gt(sample({3, 4}, false, 9), 0);
  check_gradients([&](const Tensors& in) { return Tensors{in[0].gather(0, index)}; }, {x});
  check_gradients([&](const Tensors& in) { return Tensors{in[0].scatter_add(0, index, in[1])}; },
                  {x, s});
  check_gradients([&](const Tensors& in) { return Tensors{in[0].scatter(0, apart, in[1])}; },
                  {x, s});
  check_gradients(
      [&](const Tensors& in) {
        return Tensors{in[0].scatter_add(0, index.narrow(1, 0, 2), in[1])};
      },
      {x, s});
  check_gradients(
      [&](const Tensors& in) {
        Tensor y = in[0] * 1;
        y.scatter_add_(0, index, in[1]);
        y.masked_fill_(mask, 2);
        return Tensors{y * y};
      },
      {x, s});
  check_gradients([&](const Tensors& in) { return Tensors{in[0].masked_select(mask)}; }, {x});
  check_gradients([&](const Tensors& in) { return Tensors{in[0].masked_fill(mask, 3)}; }, {x});
  check_gradients(
      [](const Tensors& in) {
        return Tensors{in[0].index_select(1, tensor({3, 0, 3}))};
      },
      {x});
  check_gradients(
      [](const Tensors& in) {
        return Tensors{in[0].index_add(0, tensor({2, 2}), in[1])};
      },
      {x, s});
  check_gradients(
      [](const Tensors& in) {
        return Tensors{embedding(in[0], tensor({{2, 0}, {2, 2}}))};
      },
      {x});
}

TEST_CASE("in-place indexing keeps to the tape's rules") {
  Tensor leaf = sample({2, 3}, true);
  CHECK_THROWS_AS(leaf.index_put_({0}, zeros({}, f64)), AutogradError);
  CHECK_THROWS_AS(leaf.scatter_add_(0, tensor({{0}}), ones({1, 1}, f64)), AutogradError);
  CHECK_THROWS_AS(leaf.masked_fill_(ones({2, 3}, boolean), 0), AutogradError);
  CHECK_THROWS_AS(leaf.index_put_({tensor({0})}, zeros({}, f64)), AutogradError);
  Tensor seen = zeros({2, 3}, f64).view(6).requires_grad_();
  CHECK_THROWS_AS(seen.masked_fill_(ones(6, boolean), 0), AutogradError);
  // A change through a view reaches the whole.
  Tensor x = leaf * 2, part = x.index({Slice(), Slice(1, None)});
  part.index_put_({tensor({0, 1}), tensor({0, 1})}, zeros({}, f64));
  (x * x).sum().backward();
  const std::vector<double> v = leaf.detach().to_vector<double>();
  CHECK(leaf.grad().to_vector<double>() ==
        std::vector<double>{8 * v[0], 0, 8 * v[2], 8 * v[3], 8 * v[4], 0});
  // An index that changed since would lead the gradient astray.
  Tensor at = tensor({0, 1});
  const Tensor y = leaf.index({at});
  at.fill_(0);
  CHECK_THROWS_AS(y.sum().backward(), AutogradError);
  // What was saved may not be overwritten.
  Tensor z = leaf.exp();
  z.index_put_({tensor({0})}, ones({}, f64));
  CHECK_THROWS_AS(z.sum().backward(), AutogradError);
}

TEST_CASE("sums over repeated places have the same bits for any number of threads") {
  const int before = get_num_threads();
  const auto shapes = {std::pair<Index, Index>{50000, 3}, {3000, 200}, {200000, 1}};
  for (const auto& [rows, width] : shapes) {
    const Tensor index = randint(0, 37, rows), values = randn({rows, width});
    std::vector<std::vector<float>> sums;
    for (int threads : {1, 2, 4}) {
      set_num_threads(threads);
      Tensor y = zeros({37, width});
      y.index_put_({index}, values, true);
      sums.push_back(y.to_vector<float>());
      Tensor last = zeros({37, width});
      last.index_put_({index}, values);
      sums.push_back(last.to_vector<float>());
      sums.push_back(zeros({37, width})
                         .scatter_add(0, index.unsqueeze(1).expand({rows, width}), values)
                         .to_vector<float>());
      sums.push_back(values.index({index}).to_vector<float>());
    }
    set_num_threads(before);
    // In the order of the index.
    std::vector<float> plain(static_cast<std::size_t>(37 * width), 0);
    const auto i = index.to_vector<Index>();
    const std::vector<float> v = values.to_vector<float>();
    for (std::size_t r = 0; r < i.size(); ++r) {
      for (std::size_t c = 0; c < static_cast<std::size_t>(width); ++c)
        plain[static_cast<std::size_t>(i[r] * width) + c] +=
            v[r * static_cast<std::size_t>(width) + c];
    }
    CHECK(sums[0] == plain);
    CHECK(sums[2] == plain);
    for (std::size_t k = 4; k < sums.size(); ++k) CHECK(sums[k] == sums[k % 4]);
  }
}
