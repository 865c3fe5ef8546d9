#pragma once

#include <array>
#include <cstdint>
#include <span>

#include <weft/core/device.h>
#include <weft/core/loop.h>
#include <weft/core/philox.h>
#include <weft/core/view.h>

// The seam between operations and devices: what a device must be able to do, as one struct of
// function pointers. A kernel gets views and plain options, never allocates outputs (scratch memory
// it may) and never sees autograd. All inputs were checked; outputs do not overlap inputs unless a
// comment says so. "may be absent" marks a View whose data can be null.
namespace weft {

enum class UnaryId : std::int16_t;   // the place of an op in the type list of ops/unary.h
enum class BinaryId : std::int16_t;  // the place of an op in the type list of ops/binary.h

enum class ReduceId : std::uint8_t {
  Sum,
  Mean,
  Prod,
  Amax,
  Amin,
  Argmax,
  Argmin,
  All,
  Any,
  Norm,
  Moments,
  LogSumExp
};

// What a product goes through on its way out, as the functions relu and gelu do it.
enum class Activation : std::uint8_t { None, Relu, Gelu, GeluTanh };

struct ReduceOptions {
  double p = 2;  // Norm: the order
};

struct Conv2dOptions {
  Index stride[2] = {1, 1};
  Index padding_low[2] = {0, 0}, padding_high[2] = {0, 0};  // top/left and bottom/right
  Index dilation[2] = {1, 1};
  Index groups = 1;
  bool relu = false;  // forward: y = max(conv + bias, 0)
};

struct PoolOptions {
  Index kernel[2] = {1, 1}, stride[2] = {1, 1}, padding[2] = {0, 0}, dilation[2] = {1, 1};
  bool count_include_pad = true;  // average only
  Index divisor = 0;              // average only; 0: the window's size
};

struct NllOptions {
  Index ignore_index = -100;
  double smoothing = 0;
  bool softmax = false;  // backward: to what y is the log_softmax of
};

using NonzeroRoom = Index*(void* context, Index count);

enum class OptimizerId : std::uint8_t { SGD, Adam, AdamW };

struct OptimizerOptions {  // of a step, formulas as in torch.optim
  double lr = 0, momentum = 0, dampening = 0, weight_decay = 0;
  double beta1 = 0.9, beta2 = 0.999, eps = 1e-8;
  Index step = 1;  // 1 on the first step: bias correction, first momentum
  bool nesterov = false, maximize = false, amsgrad = false;
};

// What a step computes with, rounded to the parameter's type as it is used.
struct OptimizerTerms {
  double lr, momentum, keep, weight_decay;  // SGD; keep: 1 - dampening, of a new gradient
  double shrink;                            // AdamW: 1 - lr * weight_decay, else 1
  double decay;                             // Adam: the weight decay, added to the gradient
  double take1, beta2, take2, eps;          // take: 1 - beta
  double step_size, root_correction;
  bool first, nesterov, maximize;

  friend bool operator==(const OptimizerTerms&, const OptimizerTerms&) = default;
};
WEFT_API OptimizerTerms optimizer_terms(OptimizerId id, const OptimizerOptions& options);

// One parameter's part in a step: contiguous buffers of one length and floating dtype. states may
// be absent.
struct OptimizerItem {
  void *parameter, *gradient, *states[3];
  Index numel;
  DType dtype;
  OptimizerTerms terms;
  const OptimizerTerms* replayed = nullptr;  // in the device's memory: takes the place of terms
};

// Dimensions of a tensor that index tensors choose from: place i lies sum_k index[k][i] * stride[k]
// elements from the first. Negative indices count from size[k]. All index views have one shape.
struct Chosen {
  int count = 0;
  View index[kMaxRank];
  Index size[kMaxRank], stride[kMaxRank];
};

struct Kernels {
  // Elementwise. `in` is the dtype to compute in (operands of other dtypes are converted as they
  // are read, the result as it is written); op points to the op's struct (ops/unary.h,
  // ops/binary.h). Inputs and output may be the same memory exactly.
  void (*unary)(UnaryId, const Loop& out_x, DType in, const void* op) = nullptr;
  void (*unary_grad)(UnaryId, const Loop& gx_g_x_y, DType in, const void* op) = nullptr;
  void (*binary)(BinaryId, const Loop& out_a_b, DType in, const void* op) = nullptr;
  void (*binary_grad)(BinaryId, int which, const Loop& out_g_a_b_y, DType in,
                      const void* op) = nullptr;
  void (*where)(const Loop& out_condition_a_b) = nullptr;
  void (*copy)(const Loop& out_x) = nullptr;                   // converts between any two dtypes
  void (*fill)(const Loop& out, const void* value) = nullptr;  // value has the output's dtype

  // Reductions. Moments writes out (mean) and second (the sum of squared differences); Argmax and
  // Argmin write i64 positions into out and, if second is there, the values into it.
  void (*reduce)(ReduceId, const Loop& out_x_second, const ReduceOptions&) = nullptr;

  // Matrices: out[b] = activation(alpha * a[b] @ b[b] (+ bias) (+ beta * out)). Rank 3 views, any
  // strides; bias is rank 1 over the columns and may be absent. Integers know ReLU alone.
  void (*matmul)(const View& out, const View& a, const View& b, const View& bias, double alpha,
                 double beta, Activation) = nullptr;
  // The gradients of a linear layer's weight and bias, of floats: gw = g^T x and gb = the sum of
  // g's rows; rank 2 but for gb. Null: the two are made one after the other.
  void (*linear_gradients)(const View& gw, const View& gb, const View& g, const View& x) = nullptr;

  // Images. x is N C H W logically, channels-last in memory where that can be had; w is K C/groups
  // R S.
  struct Conv {
    void (*forward)(const View& y, const View& x, const View& w, const View& bias,
                    const Conv2dOptions&) = nullptr;
    void (*backward_input)(const View& gx, const View& gy, const View& w,
                           const Conv2dOptions&) = nullptr;
    // gb may be absent
    void (*backward_weight)(const View& gw, const View& gb, const View& gy, const View& x,
                            const Conv2dOptions&) = nullptr;
  } conv = {};
  struct Pool {
    // where: position within the window, of the output's shape and strides; may be absent. u8, or
    // i32 for windows of more than 256 elements
    void (*max_forward)(const View& y, const View& where, const View& x,
                        const PoolOptions&) = nullptr;
    void (*max_backward)(const View& gx, const View& gy, const View& where,
                         const PoolOptions&) = nullptr;
    // y = what x holds at the positions in where
    void (*max_pick)(const View& y, const View& where, const View& x, const PoolOptions&) = nullptr;
    void (*average_forward)(const View& y, const View& x, const PoolOptions&) = nullptr;
    void (*average_backward)(const View& gx, const View& gy, const PoolOptions&) = nullptr;
    void (*adaptive_forward)(const View& y, const View& x) = nullptr;
    void (*adaptive_backward)(const View& gx, const View& gy) = nullptr;
  } pool = {};

  // Normalisation. mean, variance and rstd are contiguous, f32 (f64 for f64), over the channels or
  // rows; weight and bias of any floating dtype, and may be absent. Every image lies in memory as x
  // does: contiguous, or with the channels (dimension 1) innermost and nothing else reordered.
  struct Norm {
    void (*batch_stats)(const View& mean, const View& variance, const View& x) = nullptr;
    void (*batch_forward)(const View& y, const View& x, const View& mean, const View& rstd,
                          const View& weight, const View& bias, bool relu) = nullptr;
    // training: the statistics came from x, so gradients flow through them. relu: the forward pass
    // had it; only then is bias read. gx, gw, gb may be absent.
    void (*batch_backward)(const View& gx, const View& gw, const View& gb, const View& gy,
                           const View& x, const View& mean, const View& rstd, const View& weight,
                           const View& bias, bool training, bool relu) = nullptr;
    // running = (1 - momentum) * running + momentum * batch, the variance times correction before
    void (*update_running)(const View& running_mean, const View& running_variance, const View& mean,
                           const View& variance, double momentum, double correction) = nullptr;
    // x, y, gy, gx are contiguous of rank 2: rows, normalised elements; weight, bias, gw, gb
    // contiguous
    void (*layer_forward)(const View& y, const View& mean, const View& rstd, const View& x,
                          const View& weight, const View& bias, double eps) = nullptr;
    void (*layer_backward)(const View& gx, const View& gw, const View& gb, const View& gy,
                           const View& x, const View& mean, const View& rstd,
                           const View& weight) = nullptr;
    // contiguous rows of channels, rank 2
    void (*local_response_forward)(const View& y, const View& x, Index size, double alpha,
                                   double beta, double k) = nullptr;
    void (*local_response_backward)(const View& gx, const View& gy, const View& x, Index size,
                                    double alpha, double beta, double k) = nullptr;
  } norm = {};
  struct Softmax {  // along dim; log chooses log_softmax
    void (*forward)(const View& y, const View& x, int dim, bool log) = nullptr;
    void (*backward)(const View& gx, const View& gy, const View& y, int dim, bool log) = nullptr;
  } softmax = {};
  // Contiguous y (log-probabilities) and gx [N, C, D], target i64 [N, D], weight [C] or absent, all
  // of f32 or f64. The target's distribution is q = (1 - smoothing) w[t] at t, plus smoothing / C *
  // w; 0 where t is ignored.
  struct Loss {
    // loss = -sum(q y) and row_weight = w[t], contiguous [N, D]
    void (*nll_forward)(const View& loss, const View& row_weight, const View& y, const View& target,
                        const View& weight, const NllOptions&) = nullptr;
    // gx = scale * (softmax ? exp(y) sum(q) - q : -q), scale [N, D] of any strides
    void (*nll_backward)(const View& gx, const View& scale, const View& y, const View& target,
                         const View& weight, const NllOptions&) = nullptr;
  } loss = {};

  // Indexing. Index views are i64 and in range (checked by the op); x and out may be any strides.
  // What is written twice is written in row-major order of the index, for any number of threads.
  struct Indexing {
    // x's elements at places that differ along dim: out, index and source have one shape.
    void (*gather)(const View& out, const View& x, int dim, const View& index) = nullptr;
    void (*scatter)(const View& out, int dim, const View& index, const View& source,
                    bool accumulate) = nullptr;
    // out [chosen..., rest...] = the parts x [rest...] of a tensor that lie at the chosen places.
    void (*take)(const View& out, const View& x, const Chosen&) = nullptr;
    // The reverse: the parts out [rest...] = source [chosen..., rest...], or += it.
    void (*put)(const View& out, const Chosen&, const View& source, bool accumulate) = nullptr;
    // Whether all are in [low, high) or, if that is there, *also. A device that works behind the
    // host's back says yes and reports op and index with the next call that waits for it; its
    // kernels skip such indices.
    bool (*within)(const char* op, const View& index, Index low, Index high,
                   const Index* also) = nullptr;
    // Row-major coordinates of the non-zero elements into i64 [count, rank], contiguous, which
    // room() gives when the count is known (0 too).
    void (*nonzero)(const View& x, NonzeroRoom* room, void* context) = nullptr;
    // Positions of the first k of each row of x [rows, n] in order, into i64 [rows, k], both
    // contiguous. Equal elements stay as they stand, NaN is the largest.
    void (*order)(const View& out, const View& x, bool descending) = nullptr;
  } indexing = {};

  struct Random {  // same bits for any number of threads and on every device
    void (*uniform)(const View& out, double low, double high, RandomKey) = nullptr;
    void (*normal)(const View& out, double mean, double std, RandomKey) = nullptr;
    void (*integer)(const View& out, Index low, Index high, RandomKey) = nullptr;
    // out = u < probability, as 0 or 1
    void (*bernoulli)(const View& out, const View& probability, RandomKey) = nullptr;
    void (*permutation)(const View& out, RandomKey) = nullptr;
    // y = keep ? x * scale : 0; mask: u8 of x's shape and strides
    void (*dropout)(const View& y, const View& mask, const View& x, double p, RandomKey) = nullptr;
  } random = {};

  // One pass over the buffers of each.
  void (*optimizer_step)(OptimizerId, std::span<const OptimizerItem>) = nullptr;
};

// The table of a device; a device without one throws DeviceError.
WEFT_API const Kernels& kernels(Device device);

// Defined by the device's folder.
const Kernels& cpu_kernels();

// Calls an entry, or throws NotImplementedError "conv2d: no CUDA kernel" where it is null.
[[noreturn]] WEFT_API void throw_no_kernel(const char* op, Device device);

}  // namespace weft
