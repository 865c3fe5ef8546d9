#include <weft/autograd/record.h>
#include <weft/core/check.h>
#include <weft/ops/elementwise.h>
#include <weft/ops/kernels.h>
#include <weft/ops/make.h>
#include <weft/ops/one_device.h>

namespace weft {

using namespace autograd;

Tensor where(const Tensor& condition, const Tensor& a, const Tensor& b) {
  condition.get("where");
  if (condition.dtype() != DType::Bool) {
    fail<DTypeError>("where", "got a condition of {}, expected bool", condition.dtype());
  }
  if (detail::apart(a, condition) || detail::apart(b, condition)) {
    const Tensor& there = condition.device() != kCPU ? condition : a.device() != kCPU ? a : b;
    const Tensor c = detail::beside("where", condition, there),
                 x = detail::together("where", there, a).second,
                 y = detail::together("where", there, b).second;
    if (!c.is_same(condition) || !x.is_same(a) || !y.is_same(b)) return where(c, x, y);
  }
  const DType dtype = result_type(a, b);
  const Tensor x = a.to(dtype), y = b.to(dtype);
  const Shape sizes =
      broadcast_shapes("where", broadcast_shapes("where", x.sizes(), y.sizes()), condition.sizes());
  const Tensor& like = x.sizes() == sizes ? x : y.sizes() == sizes ? y : condition;
  const Shape strides =
      like.sizes() == sizes ? dense_strides(sizes, like.strides()) : contiguous_strides(sizes);
  Tensor out = make_tensor(sizes, strides, dtype, condition.device());
  Loop loop = make_loop(sizes, {out.view(), condition.view(), x.view(), y.view()});
  if (out.device() != kCPU) detail::note_numbers(loop, {&condition, &x, &y});
  kernels(out.device()).where(loop);
  if (recording(x, y)) {
    record("where", out, {x, y}, [condition = saved(condition)](Tensor& g, Gradients& in) {
      in.set(0, [&] { return where(condition.get(), g, 0); });
      in.set(1, [&] { return where(condition.get(), 0, g); });
    });
  }
  return out;
}
Tensor where(const Tensor& condition, const Tensor& a, const Scalar& b) {
  return where(condition, a, make_scalar(b, b.dtype()));
}
Tensor where(const Tensor& condition, const Scalar& a, const Tensor& b) {
  return where(condition, make_scalar(a, a.dtype()), b);
}

}  // namespace weft
