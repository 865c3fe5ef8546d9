#include <weft/ops/relu_grad.h>

#include <weft/autograd/mode.h>
#include <weft/ops/elementwise.h>
#include <weft/ops/make.h>
#include <weft/ops/unary.h>

namespace weft {

Tensor detail::relu_grad(Tensor& g, const Tensor& y) {
  if (grad_enabled()) return where(y.detach() <= 0, 0, g);
  const bool own = g.impl()->use_count() == 1 && g.impl()->storage->use_count() == 1 &&
                   g.strides() == y.strides();
  const Tensor out = own ? g : empty_like(y);
  kernels(g.device())
      .unary_grad(unary_id<op::Relu>,
                  make_loop(y.sizes(), {out.view(), g.view(), g.view(), y.view()}), g.dtype(),
                  nullptr);
  return out;
}

}  // namespace weft
