#include <weft/weft.h>

#include <iostream>

using namespace weft;

// [function]
// x * sigmoid(b x), with a gradient written by hand for both.
struct Swish : autograd::Function<Swish> {
  static constexpr const char* name = "swish";

  static Tensor forward(autograd::FunctionContext& ctx, const Tensor& x, const Tensor& b) {
    ctx.save_for_backward({x, b});
    return x * sigmoid(b * x);
  }

  static std::vector<Tensor> backward(autograd::FunctionContext& ctx, std::vector<Tensor> g) {
    const std::vector<Tensor> saved = ctx.saved();
    const Tensor &x = saved[0], &b = saved[1];
    const Tensor s = sigmoid(b * x), slope = s * (1 - s);
    Tensor dx, db;  // undefined: no gradient
    if (ctx.needs_input_grad(0)) dx = g[0] * (s + b * x * slope);
    if (ctx.needs_input_grad(1)) db = g[0] * x * x * slope;
    return {dx, db};  // summed over dimensions that broadcasting added
  }
};
// [function]

int main() {
  // [use]
  manual_seed(0);
  Tensor x = randn({2, 3}, Options(f64).requires_grad(true));
  Tensor b = ones({3}, Options(f64).requires_grad(true));
  Tensor y = Swish::apply(x, b);
  std::cout << y.grad_fn() << " " << y.size(1) << "\n";

  const auto f = [](const std::vector<Tensor>& in) {
    return std::vector<Tensor>{Swish::apply(in[0], in[1])};
  };
  std::cout << autograd::gradcheck(f, {x, b}) << autograd::gradgradcheck(f, {x, b}) << "\n";
  // [use]
}
