#include <weft/cpu/isa.h>
#include <weft/cpu/isa/tables.h>

namespace weft::cpu {

namespace v2 {
extern const GemmKernels gemm_kernels;
extern const PoolKernels pool_kernels;
extern const WinogradKernels winograd_kernels;
}  // namespace v2
namespace avx2 {
extern const GemmKernels gemm_kernels;
extern const PoolKernels pool_kernels;
extern const WinogradKernels winograd_kernels;
}  // namespace avx2
namespace avx512 {
extern const GemmKernels gemm_kernels;
extern const PoolKernels pool_kernels;
extern const WinogradKernels winograd_kernels;
}  // namespace avx512

namespace {

template <class T>
const T& choose(const T& v2, const T& avx2, const T& avx512) {
  switch (isa_in_use()) {
    case Isa::AVX512: return avx512;
    case Isa::AVX2: return avx2;
    default: return v2;
  }
}

}  // namespace

const GemmKernels& gemm_kernels() {
  static const GemmKernels& chosen =
      choose(v2::gemm_kernels, avx2::gemm_kernels, avx512::gemm_kernels);
  return chosen;
}

const PoolKernels& pool_kernels() {
  static const PoolKernels& chosen =
      choose(v2::pool_kernels, avx2::pool_kernels, avx512::pool_kernels);
  return chosen;
}

const WinogradKernels& winograd_kernels() {
  static const WinogradKernels& chosen =
      choose(v2::winograd_kernels, avx2::winograd_kernels, avx512::winograd_kernels);
  return chosen;
}

}  // namespace weft::cpu
