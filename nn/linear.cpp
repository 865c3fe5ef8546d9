#include <weft/nn/linear.h>

#include <cmath>

#include <weft/core/check.h>
#include <weft/nn/init.h>
#include <weft/nn/sizes.h>
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

Shape Linear::output_shape(const Shape& input) const {
  const Index in = weight.defined() ? weight.size(1) : in_;
  if (input.empty() || (in && input.back() != in)) {
    fail<ShapeError>("Linear", "got an input of shape [{}], expected [..., {}]",
                     fmt::join(input, ", "), in);
  }
  Shape y = input;
  y[y.size() - 1] = out_;
  return y;
}

std::string Linear::extra_repr() const {
  const Index in = weight.defined() ? weight.size(1) : in_;
  return fmt::format("in_features={}, out_features={}, bias={}", in, out_,
                     has_bias_ ? "True" : "False");
}

}  // namespace weft::nn
