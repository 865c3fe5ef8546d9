#pragma once

#include <weft/core/threads.h>
#include <weft/cpu/isa.h>
#include <weft/cpu/isa/norm.h>
#include <weft/cpu/loop_walk.h>
#include <weft/cpu/scratch.h>

// What cpu/norm.cpp and cpu/layer_norm.cpp share. S is the type that is computed in.
namespace weft::cpu {

template <class S>
inline constexpr int kComputeOf = static_cast<int>(sizeof(S) == 8 ? Compute::F64 : Compute::F32);

const NormLoops<float>& norm_loops(float);
const NormLoops<double>& norm_loops(double);

template <class F>
void by_compute(DType t, F&& f) {
  if (t == DType::F64) return f(double{});
  f(float{});
}

// Contiguous elements of any floating dtype, read and written as S.
template <class S>
struct Elements {
  char* data;
  DType dtype;

  explicit Elements(const View& v) : data(v.as<char>()), dtype(v.dtype) {}
  bool direct() const { return dtype == dtype_of<S>; }
  char* at(Index i) const { return data + i * static_cast<Index>(size_of(dtype)); }
  // Elements [first, first + n) where they lie, or converted into block.
  const S* read(Index first, Index n, S* block) const {
    if (direct()) return reinterpret_cast<const S*>(at(first));
    isa().load[kComputeOf<S>][static_cast<int>(dtype)](block, at(first),
                                                       static_cast<Index>(size_of(dtype)), n);
    return block;
  }
  S* place(Index first, S* block) const {
    return direct() ? reinterpret_cast<S*>(at(first)) : block;
  }
  void write(Index first, Index n, const S* block) const {
    if (direct()) return;
    isa().store[kComputeOf<S>][static_cast<int>(dtype)](
        at(first), static_cast<Index>(size_of(dtype)), block, n);
  }
};

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
