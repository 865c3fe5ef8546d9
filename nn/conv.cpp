#include <weft/nn/conv.h>

#include <typeinfo>

#include <weft/nn/init.h>
#include <weft/nn/sizes.h>

namespace weft::nn {

Conv2d::Conv2d(Index in_channels, Index out_channels, const Shape& kernel_size,
               const Conv2dArgs& args)
    : in_(in_channels), out_(out_channels), kernel_(pair("Conv2d", kernel_size)), args_(args) {
  args_.stride = pair("Conv2d", args.stride);
  args_.dilation = pair("Conv2d", args.dilation);
  const Index g = args.groups;
  if (in_ < 0 || out_ <= 0 || g <= 0 || in_ % g || out_ % g) {
    fail<ValueError>("Conv2d",
                     "got {} to {} channels in {} groups, expected multiples of the "
                     "groups",
                     in_, out_, g);
  }
  for (Index v : {kernel_[0], kernel_[1], args_.stride[0], args_.stride[1], args_.dilation[0],
                  args_.dilation[1]}) {
    if (v <= 0)
      fail<ValueError>("Conv2d", "got {} in kernel, stride or dilation, expected 1 or more", v);
  }
  if (in_ > 0) build({in_, 1, 1});
}

Index Conv2d::in_channels() const { return weight.defined() ? weight.size(1) * args_.groups : in_; }

std::vector<ParameterShape> Conv2d::parameter_shapes(const Shape& input) const {
  const Index in = in_ ? in_ : input.empty() ? 0 : input[channel_dim("Conv2d", input)];
  std::vector<ParameterShape> shapes{{"weight", {out_, in / args_.groups, kernel_[0], kernel_[1]}}};
  if (args_.bias) shapes.push_back({"bias", {out_}});
  return shapes;
}

void Conv2d::reset_parameters() {
  const double bound = inverse_sqrt(init::calculate_fans(weight).in);
  init::uniform_(weight, -bound, bound);
  if (args_.bias) init::uniform_(bias, -bound, bound);
}

Tensor Conv2d::forward(const Tensor& x) {
  return conv2d(x, weight, bias, args_.stride, args_.padding, args_.dilation, args_.groups);
}

Tensor Conv2d::forward_relu(const Tensor& x) {
  if (!built()) build(x.sizes());
  return conv2d_relu(x, weight, bias, args_.stride, args_.padding, args_.dilation, args_.groups);
}

bool Conv2d::fuses() const { return typeid(*this) == typeid(Conv2d); }

Shape Conv2d::output_shape(const Shape& input) const {
  const int c = channel_dim("Conv2d", input);
  if (in_channels() && input[c] != in_channels()) {
    fail<ShapeError>("Conv2d", "got an input of shape [{}], expected {} channels",
                     fmt::join(input, ", "), in_channels());
  }
  Shape y = input;
  y[c] = out_;
  for (int d = 0; d < 2; ++d) {
    const bool same = args_.padding.same();
    const Shape amounts = same ? Shape{0, 0} : pair("Conv2d", args_.padding.amounts());
    const Index total = same ? args_.dilation[d] * (kernel_[d] - 1) : 2 * amounts[d];
    y[c + 1 + d] = windows("Conv2d", input[c + 1 + d], kernel_[d], args_.stride[d], total, 0,
                           args_.dilation[d]);
  }
  return y;
}

std::string Conv2d::extra_repr() const {
  std::string text = fmt::format("{}, {}, kernel_size={}, stride={}", in_channels(), out_,
                                 pair_text(kernel_), pair_text(args_.stride));
  if (args_.padding.same()) {
    text += ", padding=same";
  } else if (const Shape p = pair("Conv2d", args_.padding.amounts()); p[0] || p[1]) {
    text += ", padding=" + pair_text(p);
  }
  if (args_.dilation[0] != 1 || args_.dilation[1] != 1) {
    text += ", dilation=" + pair_text(args_.dilation);
  }
  if (args_.groups != 1) text += fmt::format(", groups={}", args_.groups);
  if (!args_.bias) text += ", bias=False";
  return text;
}

}  // namespace weft::nn
