#include <weft/ops/softmax.h>

#include <weft/autograd/record.h>
#include <weft/core/check.h>
#include <weft/ops/elementwise.h>
#include <weft/ops/kernels.h>

namespace weft {

using namespace autograd;

namespace {

// softmax: y * (g - sum(g * y)); log: g - exp(y) * sum(g)
Tensor softmax_gradient(const Tensor& g, const Tensor& y, int dim, bool log) {
  if (grad_enabled()) {
    const Shape along = y.dim() == 0 ? Shape() : Shape(dim);
    if (log) return g - y.exp() * g.sum(along, true);
    return y * (g - (g * y).sum(along, true));
  }
  Tensor gx = make_tensor(y.sizes(), y.strides(), y.dtype(), y.device());
  kernels(y.device()).softmax.backward(gx.view(), g.view(), y.view(), dim, log);
  return gx;
}

Tensor softmax_of(const char* op, const Tensor& input, Index asked, std::optional<DType> dtype,
                  bool log) {
  input.get(op);
  const int dim = wrap_dim(op, asked, input.dim());
  const Tensor x = input.to(dtype.value_or(input.dtype()));
  if (!is_floating(x.dtype()))
    fail<DTypeError>(op, "got {}, expected a floating dtype, or one as argument", x.dtype());
  const auto forward = kernels(x.device()).softmax.forward;
  if (!forward) throw_no_kernel(op, x.device());
  Tensor y = make_tensor(x.sizes(), dense_strides(x.sizes(), x.strides()), x.dtype(), x.device());
  forward(y.view(), x.view(), dim, log);
  if (recording(x)) {
    record(op, y, {x}, [y = saved_output(y), dim, log](Tensor& g, Gradients& in) {
      in.set(0, [&] { return softmax_gradient(g, y.get(), dim, log); });
    });
  }
  return y;
}

}  // namespace

Tensor softmax(const Tensor& x, Index dim, std::optional<DType> dtype) {
  return softmax_of("softmax", x, dim, dtype, false);
}
Tensor log_softmax(const Tensor& x, Index dim, std::optional<DType> dtype) {
  return softmax_of("log_softmax", x, dim, dtype, true);
}

Tensor Tensor::softmax(Index dim) const { return weft::softmax(*this, dim); }
Tensor Tensor::log_softmax(Index dim) const { return weft::log_softmax(*this, dim); }

}  // namespace weft
