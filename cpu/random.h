#pragma once

#include <weft/core/philox.h>
#include <weft/core/view.h>

// The entries of Kernels::Random (ops/kernels.h).
namespace weft::cpu {

void random_uniform(const View& out, double low, double high, RandomKey key);
void random_normal(const View& out, double mean, double std, RandomKey key);
void random_integer(const View& out, Index low, Index high, RandomKey key);
void random_bernoulli(const View& out, const View& probability, RandomKey key);
void random_permutation(const View& out, RandomKey key);
void dropout(const View& y, const View& mask, const View& x, double p, RandomKey key);

}  // namespace weft::cpu
