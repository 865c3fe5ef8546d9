#pragma once

#include <random>

#include <weft/weft.h>

// Numbers for tests of operations, the same in every run.
namespace weft::test {

// f64 multiples of 1/1024 between -3 and 3, all of a seed.
inline Tensor sample(const Shape& sizes, bool requires_grad = false, unsigned seed = 1) {
  std::mt19937 bits(seed + 7u * static_cast<unsigned>(numel(sizes)));
  std::vector<double> values;
  for (Index i = 0; i < numel(sizes); ++i)
    values.push_back(static_cast<double>(static_cast<int>(bits() % 6144u) - 3072) / 1024);
  Tensor x = tensor(values, Options(f64)).reshape(sizes).clone();
  return x.requires_grad_(requires_grad);
}

}  // namespace weft::test
