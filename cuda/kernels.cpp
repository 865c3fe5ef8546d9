#include <weft/cuda/tables.h>

namespace weft::cuda {

const Kernels& kernel_table() {
  static constexpr Kernels table = {
      .unary = unary,
      .unary_grad = unary_grad,
      .binary = binary,
      .binary_grad = binary_grad,
      .where = where,
      .copy = copy,
      .fill = fill,
      .reduce = reduce,
      .matmul = cuda::matmul,
      .linear_gradients = linear_gradients,
      .conv = {.forward = conv2d_forward,
               .backward_input = conv2d_backward_input,
               .backward_weight = conv2d_backward_weight},
      .pool = {.max_forward = max_pool_forward,
               .max_backward = max_pool_backward,
               .max_pick = max_pool_pick,
               .average_forward = average_pool_forward,
               .average_backward = average_pool_backward,
               .adaptive_forward = adaptive_pool_forward,
               .adaptive_backward = adaptive_pool_backward},
      .norm = {.batch_stats = batch_stats,
               .batch_forward = batch_forward,
               .batch_backward = batch_backward,
               .update_running = update_running,
               .layer_forward = layer_forward,
               .layer_backward = layer_backward,
               .local_response_forward = local_response_forward,
               .local_response_backward = local_response_backward},
      .softmax = {.forward = softmax_forward, .backward = softmax_backward},
      .loss = {.nll_forward = nll_forward, .nll_backward = nll_backward},
      .indexing = {.gather = cuda::gather,
                   .scatter = cuda::scatter,
                   .take = take,
                   .put = put,
                   .within = within,
                   .nonzero = cuda::nonzero,
                   .order = order},
      .random = {.uniform = random_uniform,
                 .normal = random_normal,
                 .integer = random_integer,
                 .bernoulli = random_bernoulli,
                 .permutation = cuda::random_permutation,
                 .dropout = dropout},
      .optimizer_step = optimizer_step,
  };
  return table;
}

}  // namespace weft::cuda
