#include <weft/cpu/elementwise.h>
#include <weft/cpu/matmul_naive.h>

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
      .matmul = matmul_naive,
  };
  return table;
}

}  // namespace weft
