#include <weft/weft.h>

#include <iostream>

using namespace weft;

// [module]
class Residual : public nn::Module {
 public:
  explicit Residual(Index width) : inner(add<nn::Linear>("inner", width, width)) {}

  nn::Linear& inner;                            // a part
  Tensor& scale = parameter("scale", ones(1));  // a parameter of its own

  Tensor forward(const Tensor& x) override { return x + scale * relu(inner(x)); }
  Shape output_shape(const Shape& input) const override { return inner.infer(input); }
  std::string kind() const override { return "Residual"; }
};
// [module]

int main() {
  manual_seed(0);
  // [sequential]
  nn::Sequential net(nn::Linear(8, 16), nn::ReLU(), Residual(16), nn::Linear(16, 4));
  std::cout << net << "\n";
  std::cout << net(rand({32, 8})).size(1) << "\n";
  // [sequential]

  // [parameters]
  for (const auto& [name, value] : net.named_parameters())
    std::cout << name << " " << value.numel() << "\n";
  std::cout << net.parameter_count() << " numbers\n";
  net.eval();                 // dropout off, batch norm by its running statistics
  net.requires_grad_(false);  // frozen
  // [parameters]

  // [summary]
  nn::Sequential pictures(nn::Conv2d(0, 8, 3, {.padding = 1}), nn::ReLU(), nn::MaxPool2d(2),
                          nn::Flatten(), nn::Linear(0, 10));  // 0: found from the first input
  std::cout << pictures.output_shape({32, 3, 16, 16}).back() << "\n";  // nothing is allocated
  pictures.materialize({1, 3, 16, 16});
  std::cout << pictures.summary({1, 3, 16, 16}) << "\n";
  // [summary]

  // [init]
  pictures.apply([](nn::Module& m) {
    if (auto* conv = dynamic_cast<nn::Conv2d*>(&m)) nn::init::kaiming_normal_(conv->weight);
  });
  // [init]

  // [hooks]
  const Index hook = net.register_forward_hook([](nn::Module& m, const Tensor&, const Tensor& y) {
    std::cout << m.kind() << " gave " << y.numel() << " numbers\n";
    return Tensor();  // undefined: leave the result as it is
  });
  net(rand({1, 8}));
  net.remove_hook(hook);
  // [hooks]
}
