#pragma once

#include <weft/nn/activation.h>

namespace weft::nn {

// Elements become 0 with probability p, the others x / (1 - p), in training; x otherwise.
class WEFT_API Dropout : public Elementwise {
 public:
  explicit Dropout(double p = 0.5);
  Tensor forward(const Tensor& x) override;
  std::string kind() const override { return "Dropout"; }
  std::string extra_repr() const override;
  double p() const { return p_; }
  void set_p(double p);

 private:
  double p_;
};

}  // namespace weft::nn
