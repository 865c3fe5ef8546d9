#include <weft/weft.h>

#include <iostream>

using namespace weft;

int main() {
  // [backward]
  Tensor x = tensor({1.0, 2.0, 3.0}, Options().requires_grad(true));
  Tensor y = (x * x).sum();
  y.backward();
  std::cout << x.grad() << "\n";     // 2 x
  std::cout << y.grad_fn() << "\n";  // the operation that made it
  // [backward]

  // [again]
  (3 * x).sum().backward();  // gradients add up ...
  std::cout << x.grad() << "\n";
  x.set_grad({});  // ... until they are cleared
  // [again]

  // [scope]
  {
    NoGradGuard no_grad;  // nothing is recorded in this scope, on this thread
    x.mul_(2);            // a leaf may be changed in place here
  }
  Tensor constant = (x * 2).detach();
  std::cout << x.requires_grad() << " " << constant.requires_grad() << "\n";
  // [scope]

  // [grad]
  Tensor z = pow(x, 3).sum();
  Tensor first = autograd::grad(z, {x}, {}, false, true)[0];  // 3 x^2, with a graph
  Tensor second = autograd::grad(first.sum(), {x})[0];        // 6 x
  std::cout << first.detach() << "\n" << second << "\n";
  // [grad]

  // [check]
  Tensor w = rand({3}, Options(f64).requires_grad(true));
  const auto f = [](const std::vector<Tensor>& in) {
    return std::vector<Tensor>{tanh(in[0]) * in[0]};
  };
  std::cout << autograd::gradcheck(f, {w}) << "\n";  // against central differences
  // [check]

  // [checkpoint]
  Tensor input = rand({4}, Options().requires_grad(true));
  Tensor output = autograd::checkpoint([](const Tensor& t) { return exp(sin(t)); }, input);
  output.sum().backward();  // runs the function again instead of keeping its parts
  std::cout << input.grad().dim() << "\n";
  // [checkpoint]
}
