#include <weft/cuda/epilogue.h>

#include <weft/core/loop.h>
#include <weft/cuda/tables.h>
#include <weft/ops/binary.h>
#include <weft/ops/unary.h>

namespace weft::cuda {

void bias_relu(const View& y, const View& bias, int dim, bool relu) {
  if (bias) {
    Index size[kMaxRank], stride[kMaxRank] = {};
    for (int d = 0; d < y.rank; ++d) size[d] = d == dim ? bias.size[0] : 1;
    stride[dim] = bias.stride[0];
    const View wide = {bias.data, size, stride, y.rank, bias.dtype};
    const op::Add add;
    binary(binary_id<op::Add>, make_loop(y.sizes(), {y, y, wide}), y.dtype, &add);
  }
  if (relu) {
    const op::Relu clamp;
    unary(unary_id<op::Relu>, make_loop(y.sizes(), {y, y}), y.dtype, &clamp);
  }
}

}  // namespace weft::cuda
