#pragma once

#include <weft/core/view.h>
#include <weft/cpu/isa.h>

// Contiguous elements of any floating dtype for kernels that compute in S, float or double.
namespace weft::cpu {

template <class S>
inline constexpr int kComputeOf = static_cast<int>(sizeof(S) == 8 ? Compute::F64 : Compute::F32);

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
  Elements(void* data, DType dtype) : data(static_cast<char*>(data)), dtype(dtype) {}
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

}  // namespace weft::cpu
