#pragma once

#include <weft/cpu/isa/gemm.h>
#include <weft/ops/kernels.h>

namespace weft::cpu {

// The entry of Kernels: every dtype but bool; integers wrap around, f16 is computed in f32.
void matmul(const View& out, const View& a, const View& b, const View& bias, double alpha,
            double beta, Activation activation);

// One product by our own kernels on all threads; the bits do not depend on their number.
void parallel_gemm(const GemmTask<float>& task);
void parallel_gemm(const GemmTask<double>& task);

}  // namespace weft::cpu
