#include <cmath>
#include <limits>
#include <vector>

#include <weft/tests/catch.h>
#include <weft/weft.h>

namespace weft {
namespace {

const double kNan = std::numeric_limits<double>::quiet_NaN();

TEST_CASE("equal: sizes and elements, whatever the dtypes") {
  CHECK(equal(tensor({1, 2}), tensor({1.0, 2.0})));
  CHECK_FALSE(equal(tensor({1, 2}), tensor({1, 3})));
  CHECK_FALSE(equal(ones(2), ones({1, 2})));
  CHECK_FALSE(equal(tensor({kNan}), tensor({kNan})));
  CHECK(equal(zeros({0, 3}), zeros({0, 3})));
  CHECK_FALSE(equal(zeros({0, 3}), zeros({3, 0})));
  CHECK_THROWS_AS(equal(Tensor(), ones(1)), Error);
}

TEST_CASE("allclose: all of isclose") {
  CHECK(allclose(ones({2, 2}), ones(2) + 1e-7));
  CHECK_FALSE(allclose(tensor({1.0, 1.0}), tensor({1.0, 1.1})));
  CHECK(allclose(tensor({1.0, 1.0}), tensor({1.0, 1.1}), 0, 0.2));
  CHECK_FALSE(allclose(tensor({kNan}), tensor({kNan})));
  CHECK(allclose(tensor({kNan}), tensor({kNan}), 1e-5, 1e-8, true));
  CHECK(allclose(zeros(0), zeros(0)));
  CHECK_THROWS_AS(allclose(ones(1), ones(1, f64)), DTypeError);
  CHECK_THROWS_AS(allclose(ones(1), ones(1), 1e-5, kNan), ValueError);
  // Neighbours that f32 does not tell apart.
  const std::vector<std::int64_t> a{std::int64_t{1} << 40}, b{(std::int64_t{1} << 40) + 1};
  CHECK_FALSE(allclose(tensor(a), tensor(b), 0, 0.5));
}

TEST_CASE("what floating and integer dtypes can hold") {
  CHECK(finfo(f32).max == double(std::numeric_limits<float>::max()));
  CHECK(finfo(f32).tiny == double(std::numeric_limits<float>::min()));
  CHECK(finfo(f32).eps == double(std::numeric_limits<float>::epsilon()));
  CHECK(finfo(f64).max == std::numeric_limits<double>::max());
  CHECK(finfo(f64).min == std::numeric_limits<double>::lowest());
  CHECK(finfo(f64).tiny == std::numeric_limits<double>::min());
  CHECK(finfo(f16).max == 65504);
  CHECK(finfo(f16).tiny == 0x1p-14);
  CHECK(finfo(bf16).max == 3.3895313892515355e38);
  CHECK(finfo(bf16).eps == 0.0078125);
  CHECK(iinfo(u8).max == 255);
  CHECK(iinfo(u8).min == 0);
  CHECK(iinfo(i8).min == -128);
  CHECK(iinfo(i16).max == 32767);
  CHECK(iinfo(i32).min == std::numeric_limits<std::int32_t>::min());
  CHECK(iinfo(i64).max == std::numeric_limits<std::int64_t>::max());
  CHECK(iinfo(i64).min == std::numeric_limits<std::int64_t>::min());
  CHECK(iinfo(i64).bits == 64);
  CHECK_THROWS_AS(finfo(i32), DTypeError);
  CHECK_THROWS_AS(iinfo(f32), DTypeError);
  CHECK_THROWS_AS(iinfo(boolean), DTypeError);
}

TEST_CASE("sort: all of int64, the zeros, and a long row") {
  const auto [least, most] = std::pair(iinfo(i64).min, iinfo(i64).max);
  const std::vector<std::int64_t> x{most, 0, least, -1, least};
  CHECK(argsort(tensor(x)).to_vector<Index>() == std::vector<Index>{2, 4, 3, 1, 0});
  CHECK(argsort(tensor(x), 0, true).to_vector<Index>() == std::vector<Index>{0, 1, 3, 2, 4});
  const Tensor zeros_of_both_signs = tensor({0.0, -0.0, 0.0});
  CHECK(argsort(zeros_of_both_signs).to_vector<Index>() == std::vector<Index>{0, 1, 2});
  const Tensor order = randperm(100'000), back = argsort(order);
  CHECK(equal(order.index_select(0, back), arange(100'000)));
  CHECK(equal(std::get<1>(topk(order, 5, 0, false)), back.narrow(0, 0, 5)));
}

TEST_CASE("bernoulli: a number for all, probabilities in place") {
  CHECK(equal(bernoulli(zeros(3), 1.0), ones(3)));
  CHECK(equal(bernoulli(tensor({5, 6}), 1.0), ones(2, i64)));
  Tensor x = empty({2, 3});
  CHECK(equal(bernoulli_(x, tensor({1.0, 0.0, 1.0})), tensor({{1.0, 0.0, 1.0}, {1.0, 0.0, 1.0}})));
  Tensor counts = empty(2, i64);
  CHECK(equal(bernoulli_(counts, tensor({0.0, 1.0})), tensor({0, 1})));
  Tensor p = tensor({1.0, 0.0});
  CHECK(equal(bernoulli_(p, p), tensor({1.0, 0.0})));
  CHECK_THROWS_AS(bernoulli_(x, tensor({1.0, 0.5})), ShapeError);
  CHECK_THROWS_AS(bernoulli_(x, tensor({2.0})), ValueError);
  CHECK_THROWS_AS(bernoulli_(x, tensor({1})), DTypeError);
  CHECK_THROWS_AS(bernoulli(x, -0.5), ValueError);
}

TEST_CASE("bernoulli: a number draws as a tensor of it does") {
  Generator one(3), two(3), three(3);
  const Tensor x = zeros({30, 41}), drawn = bernoulli(x, 0.25, &one);
  Tensor y = x.clone(), z = x.clone();
  CHECK(equal(drawn, bernoulli_(y, 0.25, &two)));
  CHECK(equal(drawn, bernoulli_(z, full({}, 0.25, f64), &three)));
}

// ---- Printing

class Restored {
 public:
  ~Restored() { set_print_options({}); }
};

PrintOptions with(auto change) {
  PrintOptions o;
  change(o);
  return o;
}

TEST_CASE("tensors are printed as asked") {
  const Restored restored;
  const Tensor x = tensor({1.0, 1.0 / 3});
  set_print_options(with([](auto& o) { o.precision = 2; }));
  CHECK(x.str() == "tensor([1.00, 0.33])");
  set_print_options(with([](auto& o) { o.sci_mode = true; }));
  CHECK(x.str() == "tensor([1.0000e+00, 3.3333e-01])");
  set_print_options(with([](auto& o) { o.sci_mode = false; }));
  CHECK((x * 1e6).str() == "tensor([1000000.0000,  333333.3438])");
  set_print_options(with([](auto& o) { o.threshold = 5, o.edgeitems = 1; }));
  CHECK(arange(6).str() == "tensor([0,  ..., 5])");
  CHECK(arange(5).str() == "tensor([0, 1, 2, 3, 4])");
  set_print_options(with([](auto& o) { o.threshold = 0, o.edgeitems = 0; }));
  CHECK(ones({2, 2}).str() == "tensor([...])");
  set_print_options(with([](auto& o) { o.linewidth = 20; }));
  CHECK(arange(6).str() == "tensor([0, 1, 2, 3,\n        4, 5])");
  CHECK_THROWS_AS(set_print_options(with([](auto& o) { o.precision = -1; })), ValueError);
  CHECK(print_options().linewidth == 20);
}

}  // namespace
}  // namespace weft
