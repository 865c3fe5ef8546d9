#pragma once

#include <weft/nn/activation.h>

namespace weft::nn {

// Elements become 0 with probability p, the others x / (1 - p), in training; x otherwise.
class WEFT_API Dropout : public Elementwise {
 public:
  explicit Dropout(double p = 0.5, bool inplace = false);
  Tensor forward(const Tensor& x) override;
  std::string kind() const override { return "Dropout"; }
  std::string extra_repr() const override;
  double p() const { return p_; }
  void set_p(double p);
  // Whether x itself is changed and returned.
  bool inplace() const { return inplace_; }
  void set_inplace(bool on) { inplace_ = on; }

 private:
  double p_;
  bool inplace_;
};

}  // namespace weft::nn
