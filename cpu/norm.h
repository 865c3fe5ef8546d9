#pragma once

#include <weft/ops/kernels.h>

namespace weft::cpu {

// The entries of Kernels::Norm.
void batch_stats(const View& mean, const View& variance, const View& x);
void batch_forward(const View& y, const View& x, const View& mean, const View& rstd,
                   const View& weight, const View& bias, bool relu);
void batch_backward(const View& gx, const View& gw, const View& gb, const View& gy, const View& x,
                    const View& mean, const View& rstd, const View& weight, const View& bias,
                    bool training, bool relu);
void update_running(const View& running_mean, const View& running_variance, const View& mean,
                    const View& variance, double momentum, double correction);
void layer_forward(const View& y, const View& mean, const View& rstd, const View& x,
                   const View& weight, const View& bias, double eps);
void layer_backward(const View& gx, const View& gw, const View& gb, const View& gy, const View& x,
                    const View& mean, const View& rstd, const View& weight);
void local_response_forward(const View& y, const View& x, Index size, double alpha, double beta,
                            double k);
void local_response_backward(const View& gx, const View& gy, const View& x, Index size,
                             double alpha, double beta, double k);

}  // namespace weft::cpu
