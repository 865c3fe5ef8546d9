#include <weft/cuda/epilogue.h>

#include <weft/core/loop.h>
#include <weft/cuda/number.h>
#include <weft/cuda/runtime.h>
#include <weft/cuda/tables.h>
#include <weft/ops/binary.h>
#include <weft/ops/unary.h>

namespace weft::cuda {

void finish(const View& y, const View& bias, int dim, Activation activation) {
  if (bias) {
    Index size[kMaxRank], stride[kMaxRank] = {};
    for (int d = 0; d < y.rank; ++d) size[d] = d == dim ? bias.size[0] : 1;
    stride[dim] = bias.stride[0];
    const View wide = {bias.data, size, stride, y.rank, bias.dtype};
    const op::Add add;
    binary(binary_id<op::Add>, make_loop(y.sizes(), {y, y, wide}), y.dtype, &add);
  }
  if (activation == Activation::None) return;
  const op::Relu no_parameters;
  unary(detail::unary_of(activation), make_loop(y.sizes(), {y, y}), y.dtype, &no_parameters);
}

bool holds_nan(const void* element, DType t) {
  alignas(8) char bits[8];
  to_host(bits, element, size_of(t));
  return is_nan(load<double>(bits, t));
}

}  // namespace weft::cuda
