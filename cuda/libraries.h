#pragma once

#include <weft/ops/kernels.h>

// What cuBLAS and cuDNN do where they can; false: they cannot, and a kernel of our own does it. For
// cuda/ only.
namespace weft::cuda {

bool blas_matmul(const View& out, const View& a, const View& b, const View& bias, double alpha,
                 double beta, Activation activation);
// out = a @ b and sums = the sums of a's rows.
bool blas_matmul_sums(const View& out, const View& sums, const View& a, const View& b);

bool dnn_forward(const View& y, const View& x, const View& w, const View& bias,
                 const Conv2dOptions& options);
bool dnn_backward_input(const View& gx, const View& gy, const View& w,
                        const Conv2dOptions& options);
bool dnn_backward_weight(const View& gw, const View& gy, const View& x,
                         const Conv2dOptions& options);

}  // namespace weft::cuda
