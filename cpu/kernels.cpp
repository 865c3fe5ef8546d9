#include <weft/cpu/conv_naive.h>
#include <weft/cpu/elementwise.h>
#include <weft/cpu/matmul_naive.h>
#include <weft/cpu/random.h>
#include <weft/cpu/reduce.h>

namespace weft {

using namespace cpu;

const Kernels& cpu_kernels() {
  static constexpr Kernels table = {
      .unary = unary,
      .unary_grad = unary_grad,
      .binary = binary,
      .binary_grad = binary_grad,
      .where = where,
      .copy = copy,
      .fill = fill,
      .reduce = reduce,
      .matmul = matmul_naive,
      .conv = {.forward = naive_conv_forward,
               .backward_input = naive_conv_backward_input,
               .backward_weight = naive_conv_backward_weight},
      .random = {.uniform = random_uniform,
                 .normal = random_normal,
                 .integer = random_integer,
                 .bernoulli = random_bernoulli,
                 .permutation = cpu::random_permutation,
                 .dropout = dropout},
  };
  return table;
}

}  // namespace weft
