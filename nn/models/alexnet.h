#pragma once

#include <weft/nn/sequential.h>

namespace weft::nn {

struct AlexNetOptions {
  Index classes = 1000;
  std::vector<Index> channels = {64, 192, 384, 256, 256};  // of the five convolutions
  std::vector<Index> hidden = {4096, 4096};                // of the linear layers before the last
  bool small_pictures = false;  // 32x32: 3x3 kernels, 2x2 pools, no strides
  bool batch_norm = false;      // after each convolution (behind its pool), in place of a bias
  double dropout = 0.5;         // before each hidden layer

  // CIFAR's: [N, 3, 32, 32], hidden layers of 1024 and 512, ten classes.
  WEFT_API static AlexNetOptions cifar();
};

// Krizhevsky's network for pictures in the form of "One weird trick" (2014): five convolutions,
// three max pools, linear layers. The default is for [N, 3, 224, 224] and has torchvision's names,
// so that its weights can be loaded. Sizes are found out at the first run.
class WEFT_API AlexNet : public Module {
 public:
  explicit AlexNet(const AlexNetOptions& options = {});

  Sequential& features = add<Sequential>("features");
  Sequential& classifier = add<Sequential>("classifier");

  Tensor forward(const Tensor& x) override;
  Shape output_shape(const Shape& input) const override;
  std::string kind() const override { return "AlexNet"; }
  const AlexNetOptions& options() const { return options_; }

 private:
  void add_convolution(Index i, const AlexNetOptions& options);
  AlexNetOptions options_;
  Module* average_ = nullptr;
};

}  // namespace weft::nn
