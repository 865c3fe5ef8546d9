#pragma once

#include <weft/nn/module.h>

// Activations, elementwise but for the softmaxes: what the functions of these names do.
namespace weft::nn {

class WEFT_API Elementwise : public Module {
 public:
  Shape output_shape(const Shape& input) const override { return input; }
};

class WEFT_API Identity : public Elementwise {
 public:
  Tensor forward(const Tensor& x) override { return x; }
  std::string kind() const override { return "Identity"; }
};

class WEFT_API ReLU : public Elementwise {
 public:
  explicit ReLU(bool inplace = false) : inplace_(inplace) {}
  Tensor forward(const Tensor& x) override;
  std::string kind() const override { return "ReLU"; }
  std::string extra_repr() const override { return inplace_ ? "inplace=True" : ""; }
  // Whether x itself is changed and returned.
  bool inplace() const { return inplace_; }
  void set_inplace(bool on) { inplace_ = on; }

 private:
  bool inplace_;
};

class WEFT_API LeakyReLU : public Elementwise {
 public:
  explicit LeakyReLU(double negative_slope = 0.01, bool inplace = false)
      : slope_(negative_slope), inplace_(inplace) {}
  Tensor forward(const Tensor& x) override;
  std::string kind() const override { return "LeakyReLU"; }
  std::string extra_repr() const override;
  double negative_slope() const { return slope_; }
  bool inplace() const { return inplace_; }
  void set_inplace(bool on) { inplace_ = on; }

 private:
  double slope_;
  bool inplace_;
};

class WEFT_API GELU : public Elementwise {
 public:
  explicit GELU(std::string approximate = "none");  // or "tanh"
  Tensor forward(const Tensor& x) override;
  std::string kind() const override { return "GELU"; }
  std::string extra_repr() const override { return "approximate='" + approximate_ + "'"; }
  const std::string& approximate() const { return approximate_; }

 private:
  std::string approximate_;
};

class WEFT_API SiLU : public Elementwise {
 public:
  explicit SiLU(bool inplace = false) : inplace_(inplace) {}
  Tensor forward(const Tensor& x) override;
  std::string kind() const override { return "SiLU"; }
  std::string extra_repr() const override { return inplace_ ? "inplace=True" : ""; }
  // Whether x itself is changed and returned.
  bool inplace() const { return inplace_; }
  void set_inplace(bool on) { inplace_ = on; }

 private:
  bool inplace_;
};

class WEFT_API Softplus : public Elementwise {
 public:
  explicit Softplus(double beta = 1, double threshold = 20) : beta_(beta), threshold_(threshold) {}
  Tensor forward(const Tensor& x) override;
  std::string kind() const override { return "Softplus"; }
  std::string extra_repr() const override;
  double beta() const { return beta_; }
  double threshold() const { return threshold_; }

 private:
  double beta_, threshold_;
};

class WEFT_API Sigmoid : public Elementwise {
 public:
  Tensor forward(const Tensor& x) override;
  std::string kind() const override { return "Sigmoid"; }
};

class WEFT_API Tanh : public Elementwise {
 public:
  Tensor forward(const Tensor& x) override;
  std::string kind() const override { return "Tanh"; }
};

class WEFT_API Softmax : public Elementwise {
 public:
  explicit Softmax(Index dim) : dim_(dim) {}
  Tensor forward(const Tensor& x) override;
  std::string kind() const override { return "Softmax"; }
  std::string extra_repr() const override { return "dim=" + std::to_string(dim_); }
  Index dim() const { return dim_; }

 private:
  Index dim_;
};

class WEFT_API LogSoftmax : public Elementwise {
 public:
  explicit LogSoftmax(Index dim) : dim_(dim) {}
  Tensor forward(const Tensor& x) override;
  std::string kind() const override { return "LogSoftmax"; }
  std::string extra_repr() const override { return "dim=" + std::to_string(dim_); }
  Index dim() const { return dim_; }

 private:
  Index dim_;
};

}  // namespace weft::nn
