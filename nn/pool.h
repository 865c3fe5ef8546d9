#pragma once

#include <tuple>

#include <weft/nn/module.h>

// Pools over the last two dimensions: what the functions of ops/pool.h do.
namespace weft::nn {

struct MaxPool2dArgs {
  Shape stride = {};  // none: the kernel's size
  Shape padding = 0;
  Shape dilation = 1;
  bool ceil_mode = false;
  bool return_indices = false;
};

// Sizes are one number, or one for each dimension, and are given back so.
class WEFT_API MaxPool2d : public Module {
 public:
  explicit MaxPool2d(const Shape& kernel_size, const MaxPool2dArgs& args = {});
  // NotImplementedError with return_indices, since it returns one tensor.
  Tensor forward(const Tensor& x) override;
  // Where each element was found, too: row * width + column.
  std::tuple<Tensor, Tensor> forward_with_indices(const Tensor& x);
  Shape output_shape(const Shape& input) const override;
  std::string kind() const override { return "MaxPool2d"; }
  std::string extra_repr() const override;
  const Shape& kernel_size() const { return kernel_; }
  const MaxPool2dArgs& args() const { return args_; }

 private:
  Shape kernel_;
  MaxPool2dArgs args_;
};

struct AvgPool2dArgs {
  Shape stride = {};  // none: the kernel's size
  Shape padding = 0;
  bool ceil_mode = false;
  bool count_include_pad = true;
  std::optional<Index> divisor_override = {};
};

class WEFT_API AvgPool2d : public Module {
 public:
  explicit AvgPool2d(const Shape& kernel_size, const AvgPool2dArgs& args = {});
  Tensor forward(const Tensor& x) override;
  Shape output_shape(const Shape& input) const override;
  std::string kind() const override { return "AvgPool2d"; }
  std::string extra_repr() const override;
  const Shape& kernel_size() const { return kernel_; }
  const AvgPool2dArgs& args() const { return args_; }

 private:
  Shape kernel_;
  AvgPool2dArgs args_;
};

class WEFT_API AdaptiveAvgPool2d : public Module {
 public:
  // One number, or one for each dimension; -1 (Python's None) keeps the input's size.
  explicit AdaptiveAvgPool2d(const Shape& output_size);
  Tensor forward(const Tensor& x) override;
  Shape output_shape(const Shape& input) const override;
  std::string kind() const override { return "AdaptiveAvgPool2d"; }
  std::string extra_repr() const override;
  const Shape& output_size() const { return size_; }

 private:
  Shape size_;
};

}  // namespace weft::nn
