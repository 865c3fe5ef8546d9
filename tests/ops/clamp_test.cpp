#include <weft/tests/catch.h>
#include <weft/weft.h>

#include <limits>

using namespace weft;

namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

struct Shares {
  float x, min, max;                  // the operands
  float value, of_x, of_min, of_max;  // PyTorch 2.15's result and gradients
};

Tensor leaf(float v) { return full({1}, v).requires_grad_(); }

}  // namespace

TEST_CASE("the gradient of clamp goes where PyTorch's goes, ties and NaN among them") {
  constexpr Shares table[] = {
      {-1, 0, 2, 0, 0, 1, 0},      {0, 0, 2, 0, .5f, .5f, 0},   {1, 0, 2, 1, 1, 0, 0},
      {2, 0, 2, 2, .5f, 0, .5f},   {3, 0, 2, 2, 0, 0, 1},       {0, 1, 1, 1, 0, 1, 0},
      {1, 1, 1, 1, 1, 0, 0},       {2, 1, 1, 1, 0, 0, 1},       {0, 2, 1, 1, 0, 0, 1},
      {1, 2, 1, 1, 0, 0, 1},       {2, 2, 1, 1, 0, 0, 1},       {3, 2, 1, 1, 0, 0, 1},
      {kNan, 0, 2, kNan, 1, 0, 0}, {kNan, 2, 1, kNan, 1, 0, 1}, {-1, 0, kNan, kNan, 0, 0, 0},
      {0, 0, kNan, kNan, 1, 0, 0}, {1, 0, kNan, kNan, 1, 0, 0}, {0, kNan, 1, kNan, 1, 0, 0},
      {2, kNan, 1, kNan, 0, 0, 0}, {1, kNan, 1, kNan, 1, 0, 0}};
  for (const Shares& s : table) {
    INFO(s.x << " within " << s.min << " and " << s.max);
    const Tensor x = leaf(s.x), min = leaf(s.min), max = leaf(s.max), y = clamp(x, min, max);
    CHECK((y.item<float>() == s.value || s.value != s.value));
    CHECK((y.item<float>() != y.item<float>()) == (s.value != s.value));
    y.backward();
    CHECK(x.grad().item<float>() == s.of_x);
    CHECK(min.grad().item<float>() == s.of_min);
    CHECK(max.grad().item<float>() == s.of_max);
  }
}

TEST_CASE("clamp in place records what was there before") {
  Tensor x = tensor({-1.0, 0.5, 3.0}).requires_grad_(), low = leaf(0), high = leaf(1);
  Tensor y = x * 1;
  y.clamp_(low, high);
  CHECK(y.to_vector<float>() == std::vector<float>{0, 0.5, 1});
  y.sum().backward();
  CHECK(x.grad().to_vector<float>() == std::vector<float>{0, 1, 0});
  CHECK(low.grad().item<float>() == 1);
  CHECK(high.grad().item<float>() == 1);
  CHECK_THROWS_AS(x.clamp_(low, high), AutogradError);
  CHECK(x.to_vector<float>() == std::vector<float>{-1, 0.5, 3});
}

TEST_CASE("operators on bits and their forms in place") {
  Tensor a = tensor({6, 5, -3});
  CHECK((a & 3).to_vector<Index>() == std::vector<Index>{2, 1, 1});
  CHECK((8 | a).to_vector<Index>() == std::vector<Index>{14, 13, -3});
  CHECK((a ^ a).to_vector<Index>() == std::vector<Index>{0, 0, 0});
  CHECK((~a).to_vector<Index>() == std::vector<Index>{-7, -6, 2});
  CHECK((a << 2 >> 1).to_vector<Index>() == std::vector<Index>{12, 10, -6});
  a &= 7;
  a |= 8;
  a ^= tensor({1, 0, 0});
  a <<= 1;
  a >>= tensor({0, 1, 2});
  CHECK(a.to_vector<Index>() == std::vector<Index>{30, 13, 6});
  CHECK((~tensor({true, false})).dtype() == boolean);
  Tensor mask = tensor({true, false});
  mask ^= true;
  CHECK(mask.to_vector<bool>() == std::vector<bool>{false, true});
  CHECK_THROWS_AS(mask &= 1, DTypeError);
  CHECK_THROWS_AS(tensor({1.5}) & 1, DTypeError);
}
