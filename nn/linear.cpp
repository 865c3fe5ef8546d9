#include <weft/nn/linear.h>

#include <cmath>
#include <typeinfo>

#include <weft/autograd/mode.h>
#include <weft/core/check.h>
#include <weft/nn/init.h>
#include <weft/nn/module_parts.h>
#include <weft/nn/sizes.h>
#include <weft/ops/embedding.h>
#include <weft/ops/matmul.h>

namespace weft::nn {

Linear::Linear(Index in_features, Index out_features, bool bias)
    : in_(in_features), out_(out_features), has_bias_(bias) {
  if (in_ < 0 || out_ <= 0) {
    fail<ValueError>("Linear",
                     "got {} to {} features, expected 0 (found out later) or more to 1 "
                     "or more",
                     in_, out_);
  }
  if (in_ > 0) build({in_});
}

std::vector<ParameterShape> Linear::parameter_shapes(const Shape& input) const {
  const Index in = in_ ? in_ : input.empty() ? 0 : input.back();
  std::vector<ParameterShape> shapes{{"weight", {out_, in}}};
  if (has_bias_) shapes.push_back({"bias", {out_}});
  return shapes;
}

void Linear::reset_parameters() {
  const double bound = inverse_sqrt(weight.size(1));
  init::uniform_(weight, -bound, bound);
  if (has_bias_) init::uniform_(bias, -bound, bound);
}

Tensor Linear::forward(const Tensor& x) { return linear(x, weight, bias); }

Tensor Linear::forward_relu(const Tensor& x) {
  if (!built()) build(x.sizes());
  return linear_relu(x, weight, bias);
}

bool Linear::fuses() const { return typeid(*this) == typeid(Linear); }

Tensor Linear::forward_gelu(const Tensor& x, const char* approximate) {
  if (!built()) build(x.sizes());
  return linear_gelu(x, weight, bias, approximate);
}

Shape Linear::output_shape(const Shape& input) const {
  const Index in = in_features();
  if (input.empty() || (in && input.back() != in)) {
    fail<ShapeError>("Linear", "got an input of shape [{}], expected [..., {}]",
                     fmt::join(input, ", "), in);
  }
  Shape y = input;
  y[y.size() - 1] = out_;
  return y;
}

std::string Linear::extra_repr() const {
  return fmt::format("in_features={}, out_features={}, bias={}", in_features(), out_,
                     has_bias_ ? "True" : "False");
}

Embedding::Embedding(Index num_embeddings, Index embedding_dim, std::optional<Index> padding_idx)
    : rows_(num_embeddings), dim_(embedding_dim), padding_(padding_idx) {
  if (rows_ <= 0 || dim_ <= 0) {
    fail<ValueError>("Embedding", "got {} rows of {}, expected 1 or more", rows_, dim_);
  }
  if (padding_ && (*padding_ < -rows_ || *padding_ >= rows_)) {
    fail<ValueError>("Embedding", "got padding_idx {}, expected one of {} rows", *padding_, rows_);
  }
  if (padding_ && *padding_ < 0) *padding_ += rows_;
  build({1});
}

Embedding Embedding::from_pretrained(const Tensor& embeddings, bool freeze,
                                     std::optional<Index> padding_idx) {
  const Shape& sizes = embeddings.get("from_pretrained").sizes;
  if (sizes.size() != 2) {
    fail<ShapeError>("from_pretrained", "got a table of shape [{}], expected [rows, dim]",
                     fmt::join(sizes, ", "));
  }
  if (!embeddings.is_floating_point()) {
    fail<DTypeError>("from_pretrained", "got a table of {}, expected a floating dtype",
                     embeddings.dtype());
  }
  const LeaveUnbuilt unbuilt;
  Embedding made(sizes[0], sizes[1], padding_idx);
  made.weight = embeddings.detach().requires_grad_(!freeze);
  ModuleTree::finish(made);
  return made;
}

std::vector<ParameterShape> Embedding::parameter_shapes(const Shape&) const {
  return {{"weight", {rows_, dim_}}};
}

void Embedding::reset_parameters() {
  init::normal_(weight);
  const NoGradGuard guard;
  if (padding_) weight.select(0, *padding_).zero_();
}

Tensor Embedding::forward(const Tensor& x) { return embedding(weight, x, padding_); }

Shape Embedding::output_shape(const Shape& input) const {
  Shape y = input;
  y.push_back(dim_);
  return y;
}

std::string Embedding::extra_repr() const {
  return fmt::format("{}, {}{}", rows_, dim_,
                     padding_ ? fmt::format(", padding_idx={}", *padding_) : "");
}

}  // namespace weft::nn
