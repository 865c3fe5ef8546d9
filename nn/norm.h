#pragma once

#include <weft/nn/module.h>

// Normalisations: what the functions of ops/norm.h do.
namespace weft::nn {

struct BatchNormArgs {
  double eps = 1e-5;
  std::optional<double> momentum = 0.1;  // none: the mean of all batches
  bool affine = true;
  bool track_running_stats = true;
};

// For each channel (dimension 1): (x - mean) / sqrt(variance + eps) * weight + bias, with the
// batch's mean and variance in training, the running ones in evaluation (Ioffe and Szegedy 2015).
class WEFT_API BatchNorm : public Module {
 public:
  Tensor& weight = parameter("weight");                         // [C], ones at first
  Tensor& bias = parameter("bias");                             // [C], zeros
  Tensor& running_mean = buffer("running_mean");                // [C], zeros
  Tensor& running_var = buffer("running_var");                  // [C], ones
  Tensor& num_batches_tracked = buffer("num_batches_tracked");  // i64

  Tensor forward(const Tensor& x) override;
  Tensor forward_relu(const Tensor& x) override;
  Shape output_shape(const Shape& input) const override;
  void reset_parameters() override;
  std::string extra_repr() const override;
  Index num_features() const { return weight.defined() ? weight.size(0) : features_; }
  const BatchNormArgs& args() const { return args_; }
  // Of steps to come.
  void set_momentum(std::optional<double> momentum) { args_.momentum = momentum; }

 protected:
  bool fuses() const override;
  BatchNorm(const char* op, int low_rank, int high_rank, Index features, const BatchNormArgs& args);
  std::vector<ParameterShape> parameter_shapes(const Shape& input) const override;

 private:
  void check_rank(const Shape& input) const;
  bool uses_batch() const { return training() || !args_.track_running_stats; }
  template <class Op>
  Tensor run(const Tensor& x, Op op);
  double step_momentum();
  const char* op_;
  int low_rank_, high_rank_;
  Index features_;
  BatchNormArgs args_;
};

// [N, C] or [N, C, L]. features = 0: found out later.
class WEFT_API BatchNorm1d : public BatchNorm {
 public:
  explicit BatchNorm1d(Index num_features, const BatchNormArgs& args = {})
      : BatchNorm("BatchNorm1d", 2, 3, num_features, args) {
    if (num_features > 0) build({1, num_features});
  }
  std::string kind() const override { return "BatchNorm1d"; }
};

// [N, C, H, W]. features = 0: found out later.
class WEFT_API BatchNorm2d : public BatchNorm {
 public:
  explicit BatchNorm2d(Index num_features, const BatchNormArgs& args = {})
      : BatchNorm("BatchNorm2d", 4, 4, num_features, args) {
    if (num_features > 0) build({1, num_features, 1, 1});
  }
  std::string kind() const override { return "BatchNorm2d"; }
};

// Over the last dimensions, which have normalized_shape (Ba, Kiros and Hinton 2016).
class WEFT_API LayerNorm : public Module {
 public:
  explicit LayerNorm(const Shape& normalized_shape, double eps = 1e-5,
                     bool elementwise_affine = true, bool bias = true);
  // LayerNorm({4, 5})
  explicit LayerNorm(std::initializer_list<Index> normalized_shape, double eps = 1e-5,
                     bool elementwise_affine = true, bool bias = true)
      : LayerNorm(Shape(normalized_shape), eps, elementwise_affine, bias) {}

  Tensor& weight = parameter("weight");  // normalized_shape, ones at first
  Tensor& bias = parameter("bias");      // normalized_shape, zeros

  Tensor forward(const Tensor& x) override;
  Shape output_shape(const Shape& input) const override;
  void reset_parameters() override;
  std::string kind() const override { return "LayerNorm"; }
  std::string extra_repr() const override;
  const Shape& normalized_shape() const { return shape_; }
  double eps() const { return eps_; }
  bool elementwise_affine() const { return affine_; }
  bool has_bias() const { return has_bias_; }

 protected:
  std::vector<ParameterShape> parameter_shapes(const Shape& input) const override;

 private:
  Shape shape_;
  double eps_;
  bool affine_, has_bias_;
};

// x / (k + alpha / size * sum of squares over `size` channels about each)^beta (Krizhevsky,
// Sutskever and Hinton 2012).
class WEFT_API LocalResponseNorm : public Module {
 public:
  explicit LocalResponseNorm(Index size, double alpha = 1e-4, double beta = 0.75, double k = 1);
  Tensor forward(const Tensor& x) override;
  Shape output_shape(const Shape& input) const override { return input; }
  std::string kind() const override { return "LocalResponseNorm"; }
  std::string extra_repr() const override;
  Index size() const { return size_; }
  double alpha() const { return alpha_; }
  double beta() const { return beta_; }
  double k() const { return k_; }

 private:
  Index size_;
  double alpha_, beta_, k_;
};

}  // namespace weft::nn
