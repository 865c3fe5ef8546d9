#pragma once

#include <algorithm>
#include <cmath>

#include <weft/weft.h>

#include <weft/tests/catch.h>

// Operands that PyTorch can make as well, so that its results can stand in a test as numbers:
// (i * step % period - period // 2) / 4 for i = 0, 1, ...
namespace weft::test {

inline Tensor ramp(const Shape& sizes, Index step = 7, Index period = 11, DType dtype = f64) {
  std::vector<double> values;
  for (Index i = 0; i < numel(sizes); ++i)
    values.push_back(static_cast<double>(i * step % period - period / 2) / 4);
  return tensor(values, dtype).reshape(sizes);
}

inline void check_values(const Tensor& y, const std::vector<double>& expected,
                         double tolerance = 1e-12) {
  const std::vector<double> v = y.to_vector<double>();
  REQUIRE(v.size() == expected.size());
  for (std::size_t i = 0; i < v.size(); ++i) {
    INFO("element " << i << ": got " << v[i] << ", expected " << expected[i]);
    CHECK(std::abs(v[i] - expected[i]) <= tolerance * std::max(1.0, std::abs(expected[i])));
  }
}

inline void check_equal(const Tensor& y, const Tensor& expected, double tolerance = 1e-12) {
  REQUIRE(y.sizes() == expected.sizes());
  check_values(y, expected.to_vector<double>(), tolerance);
}

}  // namespace weft::test
