#pragma once

#include <weft/nn/module.h>

namespace weft::nn {

// y = x weight^T + bias: [..., in] to [..., out]. in = 0: found out later. Initial values: uniform
// within +- 1 / sqrt(in).
class WEFT_API Linear : public Module {
 public:
  Linear(Index in_features, Index out_features, bool bias = true);

  Tensor& weight = parameter("weight");  // [out, in]
  Tensor& bias = parameter("bias");      // [out], or undefined

  Tensor forward(const Tensor& x) override;
  Tensor forward_relu(const Tensor& x) override;
  Tensor forward_gelu(const Tensor& x, const char* approximate) override;
  Shape output_shape(const Shape& input) const override;
  void reset_parameters() override;
  std::string kind() const override { return "Linear"; }
  std::string extra_repr() const override;
  Index in_features() const { return weight.defined() ? weight.size(1) : in_; }
  Index out_features() const { return out_; }
  bool has_bias() const { return has_bias_; }  // or will have it

 protected:
  bool fuses() const override;
  std::vector<ParameterShape> parameter_shapes(const Shape& input) const override;

 private:
  Index in_, out_;
  bool has_bias_;
};

// Rows of a table: x of any shape and an integer dtype to x's shape + [dim]. The row padding_idx,
// if given, starts as zeros and gets no gradient. Initial values: N(0, 1).
class WEFT_API Embedding : public Module {
 public:
  Embedding(Index num_embeddings, Index embedding_dim, std::optional<Index> padding_idx = {});
  // Over the memory of a table [rows, dim] that is there; freeze: it gets no gradient.
  static Embedding from_pretrained(const Tensor& embeddings, bool freeze = true,
                                   std::optional<Index> padding_idx = {});

  Tensor& weight = parameter("weight");  // [num_embeddings, embedding_dim]

  Tensor forward(const Tensor& x) override;
  Shape output_shape(const Shape& input) const override;
  void reset_parameters() override;
  std::string kind() const override { return "Embedding"; }
  std::string extra_repr() const override;
  Index num_embeddings() const { return rows_; }
  Index embedding_dim() const { return dim_; }
  std::optional<Index> padding_idx() const { return padding_; }

 protected:
  std::vector<ParameterShape> parameter_shapes(const Shape& input) const override;

 private:
  Index rows_, dim_;
  std::optional<Index> padding_;
};

}  // namespace weft::nn
