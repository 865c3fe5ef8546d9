#include <cmath>
#include <limits>

#include <weft/tests/catch.h>
#include <weft/weft.h>

using namespace weft;

namespace {
constexpr double kInf = std::numeric_limits<double>::infinity();
}

// The op table allows small numbers a small absolute error, which these do not have.
TEST_CASE("exp is 0 at minus infinity and where it would be subnormal") {
  const std::vector<double> x = {-kInf, -1e4, -750, -745, -720, -708.5, -708, -200, -120,
                                 -104,  -103, -100, -95,  -88,  -87.4,  -87,  -1,   0};
  for (DType t : {f32, f64}) {
    const double smallest =
        t == f32 ? double(std::numeric_limits<float>::min()) : std::numeric_limits<double>::min();
    const double relative = t == f32 ? 1e-6 : 1e-14;
    const auto in = tensor(x, t).to_vector<double>(), y = exp(tensor(x, t)).to_vector<double>();
    for (std::size_t i = 0; i < y.size(); ++i) {
      INFO("exp(" << in[i] << ") of " << name(t) << ": " << y[i]);
      const double expected = std::exp(in[i]);
      if (expected < smallest)
        CHECK(y[i] == 0);
      else
        CHECK(std::abs(y[i] - expected) <= relative * expected);
    }
  }
}

TEST_CASE("in-place logical_not gives numbers of the tensor's dtype") {
  for (DType t : {boolean, u8, i16, i64, f16, bf16, f32, f64}) {
    Tensor x = tensor({0, 2, 0, -3}, i64).to(t);
    logical_not_(x);
    INFO(name(t));
    CHECK(x.dtype() == t);
    CHECK(x.to_vector<double>() == std::vector<double>{1, 0, 1, 0});
  }
}
