#pragma once

#include <weft/nn/module.h>
#include <weft/ops/conv.h>

namespace weft::nn {

struct Conv2dArgs {
  Shape stride = 1;     // one number, or one for each dimension
  Padding padding = 0;  // also "same" or "valid"
  Shape dilation = 1;
  Index groups = 1;
  bool bias = true;
};

// The convolution of ops/conv.h: nn::Conv2d(3, 64, 3, {.padding = 1}). in = 0: found out later.
// Initial values: uniform within +- 1 / sqrt(in / groups * kernel area).
class WEFT_API Conv2d : public Module {
 public:
  Conv2d(Index in_channels, Index out_channels, const Shape& kernel_size,
         const Conv2dArgs& args = {});

  Tensor& weight = parameter("weight");  // [out, in / groups, height, width]
  Tensor& bias = parameter("bias");      // [out], or undefined

  Tensor forward(const Tensor& x) override;
  Tensor forward_relu(const Tensor& x) override;
  Shape output_shape(const Shape& input) const override;
  void reset_parameters() override;
  std::string kind() const override { return "Conv2d"; }
  std::string extra_repr() const override;
  Index in_channels() const;
  Index out_channels() const { return out_; }
  const Shape& kernel_size() const { return kernel_; }
  const Conv2dArgs& args() const { return args_; }

 protected:
  bool fuses() const override;
  std::vector<ParameterShape> parameter_shapes(const Shape& input) const override;

 private:
  Index in_, out_;
  Shape kernel_;
  Conv2dArgs args_;
};

}  // namespace weft::nn
