#pragma once

#include <algorithm>

#include <weft/core/threads.h>
#include <weft/cpu/elements.h>
#include <weft/cpu/isa/norm.h>
#include <weft/cpu/loop_walk.h>
#include <weft/cpu/scratch.h>

// What cpu/norm.cpp and cpu/layer_norm.cpp share.
namespace weft::cpu {

const NormLoops<float>& norm_loops(float);
const NormLoops<double>& norm_loops(double);

// The elements of a rank 1 (or contiguous) view as S, or n times `otherwise` where it is absent.
template <class S>
void read_terms(S* out, const View& v, Index n, S otherwise) {
  if (!v) {
    std::fill_n(out, n, otherwise);
    return;
  }
  const Index stride = v.rank == 1 ? v.stride[0] : 1;
  isa().load[kComputeOf<S>][static_cast<int>(v.dtype)](
      out, v.data, stride * static_cast<Index>(size_of(v.dtype)), n);
}
template <class S>
void write_terms(const View& v, const S* x, Index n) {
  if (!v) return;
  const Index stride = v.rank == 1 ? v.stride[0] : 1;
  isa().store[kComputeOf<S>][static_cast<int>(v.dtype)](
      v.data, stride * static_cast<Index>(size_of(v.dtype)), x, n);
}

// Count, mean and sum of squared differences of numbers seen in pieces (Chan, Golub and LeVeque's
// update), in f64.
struct Moments {
  double count = 0, mean = 0, squares = 0;

  // n numbers whose differences from shift sum up to `sum`, and the differences' squares to
  // `square`.
  void add(double n, double shift, double sum, double square) {
    const double delta = shift + sum / n - mean, total = count + n;
    squares += (square - sum * sum / n) + delta * delta * count * n / total;
    mean += delta * n / total;
    count = total;
  }
  double variance() const { return squares > 0 || squares != squares ? squares / count : 0; }
};

}  // namespace weft::cpu
