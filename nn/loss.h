#pragma once

#include <weft/nn/module.h>
#include <weft/ops/loss.h>

// Losses as modules: the functions of ops/loss.h with their options kept.
namespace weft::nn {

class WEFT_API Loss : public Module {
 public:
  // Of a prediction and its target.
  virtual Tensor forward(const Tensor& x, const Tensor& target) = 0;
  Tensor operator()(const Tensor& x, const Tensor& target) { return forward(x, target); }

 private:
  using Module::forward;
};

class WEFT_API CrossEntropyLoss : public Loss {
 public:
  explicit CrossEntropyLoss(const CrossEntropyOptions& options = {}) : options_(options) {}
  Tensor forward(const Tensor& x, const Tensor& target) override;
  std::string kind() const override { return "CrossEntropyLoss"; }
  const CrossEntropyOptions& options() const { return options_; }

 private:
  CrossEntropyOptions options_;
};

class WEFT_API NLLLoss : public Loss {
 public:
  explicit NLLLoss(const NllLossOptions& options = {}) : options_(options) {}
  Tensor forward(const Tensor& x, const Tensor& target) override;
  std::string kind() const override { return "NLLLoss"; }
  const NllLossOptions& options() const { return options_; }

 private:
  NllLossOptions options_;
};

class WEFT_API MSELoss : public Loss {
 public:
  explicit MSELoss(Reduction reduction = Reduction::Mean) : reduction_(reduction) {}
  Tensor forward(const Tensor& x, const Tensor& target) override;
  std::string kind() const override { return "MSELoss"; }
  Reduction reduction() const { return reduction_; }

 private:
  Reduction reduction_;
};

class WEFT_API L1Loss : public Loss {
 public:
  explicit L1Loss(Reduction reduction = Reduction::Mean) : reduction_(reduction) {}
  Tensor forward(const Tensor& x, const Tensor& target) override;
  std::string kind() const override { return "L1Loss"; }
  Reduction reduction() const { return reduction_; }

 private:
  Reduction reduction_;
};

class WEFT_API BCEWithLogitsLoss : public Loss {
 public:
  explicit BCEWithLogitsLoss(const BinaryCrossEntropyOptions& options = {}) : options_(options) {}
  Tensor forward(const Tensor& x, const Tensor& target) override;
  std::string kind() const override { return "BCEWithLogitsLoss"; }
  const BinaryCrossEntropyOptions& options() const { return options_; }

 private:
  BinaryCrossEntropyOptions options_;
};

}  // namespace weft::nn
