#include <weft/tests/catch.h>
#include <weft/weft.h>

namespace weft {
namespace {

TEST_CASE("multinomial: positions by their weights") {
  const Tensor weights = tensor({{0.0, 0.0, 5.0}, {0.0, 1e-30, 0.0}});
  CHECK(equal(multinomial(weights, 1), tensor({{2}, {1}})));
  CHECK(equal(multinomial(tensor({0.0, 7.0}), 3, true), ones(3, i64)));
  const Tensor order = multinomial(ones(50), 50);
  CHECK(equal(std::get<0>(sort(order)), arange(50)));
  Generator a(3), b(3);
  CHECK(equal(multinomial(ones(50), 9, true, &a), multinomial(ones(50), 9, true, &b)));
  CHECK_FALSE(multinomial(ones({2}).requires_grad_(), 1).requires_grad());
}

TEST_CASE("multinomial: weights and counts that cannot be") {
  CHECK_THROWS_AS(multinomial(tensor({1.0, -1.0}), 1), ValueError);
  CHECK_THROWS_AS(multinomial(zeros(2), 1, true), ValueError);
  CHECK_THROWS_AS(multinomial(ones(2), 3), ValueError);
  CHECK_THROWS_AS(multinomial(ones(2), 0, true), ValueError);
  CHECK_THROWS_AS(multinomial(ones({1, 1, 2}), 1), ShapeError);
  CHECK_THROWS_AS(multinomial(ones(0), 1, true), ShapeError);
  CHECK_THROWS_AS(multinomial(tensor({1, 2}), 1), DTypeError);
  CHECK_THROWS_AS(multinomial(Tensor(), 1), Error);
}

}  // namespace
}  // namespace weft
