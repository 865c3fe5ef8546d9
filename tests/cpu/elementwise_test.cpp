#include <algorithm>
#include <cmath>
#include <limits>

#include <weft/cpu/isa.h>
#include <weft/tests/catch.h>
#include <weft/weft.h>

using namespace weft;

namespace {
constexpr float kInf = std::numeric_limits<float>::infinity();

std::vector<float> exp_of(const cpu::IsaKernels& kernels, const std::vector<float>& x) {
  std::vector<float> y(x.size());
  const op::Exp op;
  const void* in[] = {x.data()};
  kernels.unary[static_cast<int>(unary_id<op::Exp>)][0](&op, static_cast<Index>(x.size()), y.data(),
                                                        in);
  return y;
}
}  // namespace

TEST_CASE("exp in f32 is within 2 units of the last place in every instruction set") {
  std::vector<float> x;
  for (double v = -87.33; v < 88.722; v += 3.3e-4) x.push_back(static_cast<float>(v));
  for (cpu::Isa isa : {cpu::Isa::V2, cpu::Isa::AVX2, cpu::Isa::AVX512}) {
    const cpu::IsaKernels* kernels = cpu::isa_kernels(isa);
    if (!kernels) continue;
    const std::vector<float> y = exp_of(*kernels, x);
    double worst = 0;
    for (std::size_t i = 0; i < x.size(); ++i) {
      const double exact = std::exp(static_cast<double>(x[i]));
      worst = std::max(worst, std::abs(y[i] - exact) / exact);
    }
    CHECK(worst < 0x1p-22);
    const float nan = std::nanf("1"), limits[] = {88.72283f, 88.7229f, 1e30f, kInf, -88, -kInf};
    const std::vector<float> edge = exp_of(*kernels, {limits, limits + 6});
    CHECK(std::isfinite(edge[0]));
    CHECK(std::vector(edge.begin() + 1, edge.end()) == std::vector{kInf, kInf, kInf, 0.0f, 0.0f});
    CHECK(std::isnan(exp_of(*kernels, {nan})[0]));
  }
}

// Outputs beyond the caches are written around them: the same bits, wherever they begin and end.
TEST_CASE("what is larger than the caches holds the same as its parts") {
  const Index n = (Index{9} << 20) + 5;
  const Tensor x = arange(n, f32), y = x.slice(0, 3, {}), sum = y + y;
  CHECK(sum.eq(y * 2).all().item<bool>());
  CHECK((x > 7).sum().item<Index>() == n - 8);
  Tensor z = x.clone();
  z += x;
  CHECK(z.slice(0, 3, {}).eq(sum).all().item<bool>());
}
