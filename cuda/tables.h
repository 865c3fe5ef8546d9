#pragma once

#include <weft/ops/kernels.h>

// The entries of the table (cuda/kernels.cpp); what each does: ops/kernels.h.
namespace weft::cuda {

const Kernels& kernel_table();

void unary(UnaryId id, const Loop& loop, DType in, const void* op);
void unary_grad(UnaryId id, const Loop& loop, DType in, const void* op);
void binary(BinaryId id, const Loop& loop, DType in, const void* op);
void binary_grad(BinaryId id, int which, const Loop& loop, DType in, const void* op);
void where(const Loop& loop);
void copy(const Loop& loop);
void fill(const Loop& loop, const void* value);

void reduce(ReduceId id, const Loop& loop, const ReduceOptions& options);

void matmul(const View& out, const View& a, const View& b, const View& bias, double alpha,
            double beta, Activation activation);
void linear_gradients(const View& gw, const View& gb, const View& g, const View& x);

void conv2d_forward(const View& y, const View& x, const View& w, const View& bias,
                    const Conv2dOptions& options);
void conv2d_backward_input(const View& gx, const View& gy, const View& w,
                           const Conv2dOptions& options);
void conv2d_backward_weight(const View& gw, const View& gb, const View& gy, const View& x,
                            const Conv2dOptions& options);

void max_pool_forward(const View& y, const View& where, const View& x, const PoolOptions& options);
void max_pool_backward(const View& gx, const View& gy, const View& where,
                       const PoolOptions& options);
void max_pool_pick(const View& y, const View& where, const View& x, const PoolOptions& options);
void average_pool_forward(const View& y, const View& x, const PoolOptions& options);
void average_pool_backward(const View& gx, const View& gy, const PoolOptions& options);
void adaptive_pool_forward(const View& y, const View& x);
void adaptive_pool_backward(const View& gx, const View& gy);

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

void softmax_forward(const View& y, const View& x, int dim, bool log);
void softmax_backward(const View& gx, const View& gy, const View& y, int dim, bool log);

void nll_forward(const View& loss, const View& row_weight, const View& y, const View& target,
                 const View& weight, const NllOptions& options);
void nll_backward(const View& gx, const View& scale, const View& y, const View& target,
                  const View& weight, const NllOptions& options);

void gather(const View& out, const View& x, int dim, const View& index);
void scatter(const View& out, int dim, const View& index, const View& source, bool accumulate);
void take(const View& out, const View& x, const Chosen& chosen);
void put(const View& out, const Chosen& chosen, const View& source, bool accumulate);
bool within(const char* op, const View& index, Index low, Index high, const Index* also);
void nonzero(const View& x, NonzeroRoom* room, void* context);
void order(const View& out, const View& x, bool descending);

void random_uniform(const View& out, double low, double high, RandomKey key);
void random_normal(const View& out, double mean, double std, RandomKey key);
void random_integer(const View& out, Index low, Index high, RandomKey key);
void random_bernoulli(const View& out, const View& probability, RandomKey key);
void random_permutation(const View& out, RandomKey key);
void dropout(const View& y, const View& mask, const View& x, double p, RandomKey key);

void optimizer_step(OptimizerId id, std::span<const OptimizerItem> items);

}  // namespace weft::cuda
