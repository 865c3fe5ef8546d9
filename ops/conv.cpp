#include <weft/ops/conv.h>

#include <weft/autograd/record.h>
#include <weft/core/check.h>
#include <weft/ops/autocast.h>
#include <weft/ops/elementwise.h>
#include <weft/ops/make.h>
#include <weft/ops/relu_grad.h>

namespace weft {

using namespace autograd;

Padding::Padding(std::string_view mode) : amounts_(0), same_(mode == "same") {
  if (!same_ && mode != "valid") {
    fail<ValueError>("conv2d", "got padding \"{}\", expected numbers, \"same\" or \"valid\"", mode);
  }
}

namespace {

// One number for both dimensions, or one each.
void spread(const char* what, const Shape& values, Index least, Index (&out)[2]) {
  if (values.size() != 1 && values.size() != 2) {
    fail<ValueError>("conv2d", "got {} numbers as {}, expected 1 or 2", values.size(), what);
  }
  for (int d = 0; d < 2; ++d) {
    out[d] = values[values.size() == 1 ? 0 : d];
    if (out[d] < least) {
      fail<ValueError>("conv2d", "got {} {}, expected at least {}", what, out[d], least);
    }
  }
}

Conv2dOptions make_options(const Tensor& weight, const Shape& stride, const Padding& padding,
                           const Shape& dilation, Index groups) {
  Conv2dOptions o;
  spread("stride", stride, 1, o.stride);
  spread("dilation", dilation, 1, o.dilation);
  spread("padding", padding.amounts(), 0, o.padding_low);
  o.groups = groups;
  for (int d = 0; d < 2; ++d) {
    o.padding_high[d] = o.padding_low[d];
    if (!padding.same()) continue;
    if (o.stride[d] != 1) {
      fail<ValueError>("conv2d", "got padding \"same\" with stride {}, expected stride 1",
                       o.stride[d]);
    }
    const Index total = o.dilation[d] * (weight.sizes()[d + 2] - 1);
    o.padding_low[d] = total / 2;
    o.padding_high[d] = total - total / 2;
  }
  return o;
}

void check_ranks(const Tensor& x, const Tensor& weight) {
  const int rank = x.get("conv2d").sizes.size();
  if (rank != 3 && rank != 4) {
    fail<ShapeError>("conv2d", "got input of shape [{}], expected [N, C, H, W] or [C, H, W]",
                     fmt::join(x.sizes(), ", "));
  }
  if (weight.get("conv2d").sizes.size() != 4) {
    fail<ShapeError>("conv2d", "got weight of shape [{}], expected [K, C / groups, R, S]",
                     fmt::join(weight.sizes(), ", "));
  }
}

void check_one_kind(const Tensor& x, const char* what, const Tensor& t) {
  if (t.dtype() != x.dtype()) {
    fail<DTypeError>("conv2d", "got input of {} and {} of {}, expected one dtype", x.dtype(), what,
                     t.dtype());
  }
  if (t.device() != x.device()) {
    fail<DeviceError>("conv2d", "got input on {} and {} on {}, expected one device", x.device(),
                      what, t.device());
  }
}

void check_channels(const Tensor& x, const Tensor& weight, Index groups) {
  const Index c = x.size(-3), k = weight.sizes()[0], per_group = weight.sizes()[1];
  if (groups < 1) fail<ValueError>("conv2d", "got groups {}, expected at least 1", groups);
  if (c != per_group * groups) {
    fail<ShapeError>("conv2d",
                     "got input of {} channels for weight of shape [{}] and groups {}, expected {}",
                     c, fmt::join(weight.sizes(), ", "), groups, per_group * groups);
  }
  if (k < 1 || k % groups != 0) {
    fail<ShapeError>("conv2d",
                     "got weight of shape [{}], expected its first size to be a multiple "
                     "of groups {}",
                     fmt::join(weight.sizes(), ", "), groups);
  }
}

void check_bias(const Tensor& x, const Tensor& weight, const Tensor& bias) {
  if (!bias.defined()) return;
  check_one_kind(x, "bias", bias);
  if (bias.dim() != 1 || bias.sizes()[0] != weight.sizes()[0]) {
    fail<ShapeError>("conv2d", "got bias of shape [{}], expected [{}]",
                     fmt::join(bias.sizes(), ", "), weight.sizes()[0]);
  }
}

void check_operands(const Tensor& x, const Tensor& weight, const Tensor& bias, Index groups) {
  if (!is_floating(x.dtype())) {
    fail<DTypeError>("conv2d", "got input of {}, expected a floating dtype", x.dtype());
  }
  check_one_kind(x, "weight", weight);
  check_bias(x, weight, bias);
  check_channels(x, weight, groups);
}

Shape output_sizes(const Tensor& x, const Tensor& weight, const Conv2dOptions& o) {
  Shape sizes{x.sizes()[0], weight.sizes()[0]};
  for (int d = 0; d < 2; ++d) {
    const Index kernel = weight.sizes()[d + 2], in = x.sizes()[d + 2];
    const Index padded = in + o.padding_low[d] + o.padding_high[d];
    const Index reach = o.dilation[d] * (kernel - 1) + 1;
    if (kernel < 1 || reach > padded) {
      fail<ShapeError>("conv2d",
                       "got input of {} x {} and kernel of {} x {}, expected a kernel (with its "
                       "dilation) of at least 1 and at most the padded size, here {} and {}",
                       x.sizes()[2], x.sizes()[3], weight.sizes()[2], weight.sizes()[3], reach,
                       padded);
    }
    sizes.push_back((padded - reach) / o.stride[d] + 1);
  }
  return sizes;
}

using ConvKernels = decltype(Kernels::conv);
const ConvKernels& conv_kernels(const Tensor& x) {
  const ConvKernels& k = kernels(x.device()).conv;
  if (!k.forward) throw_no_kernel("conv2d", x.device());
  return k;
}

Tensor empty_last(const Shape& sizes, const Tensor& like) {
  return make_tensor(sizes, channels_last_strides(sizes), like.dtype(), like.device());
}
View view_of(const Tensor& t) { return t.defined() ? t.view() : View(); }

Tensor bias_grad(const Tensor& g) { return g.sum({0, 2, 3}); }

struct Conv2dBackward {
  SavedTensor x, weight, y;  // y only where relu is fused
  bool bias;
  Conv2dOptions options;

  // Both of the kernel's sums in one reading of g.
  void weight_and_bias(const Tensor& g, const Tensor& input, const Shape& sizes, Gradients& in) {
    Tensor gw = make_tensor(sizes, contiguous_strides(sizes), g.dtype(), g.device());
    Tensor gb = empty(sizes[0], g.options());
    conv_kernels(g).backward_weight(gw.view(), gb.view(), g.view(), input.view(), options);
    in.set(1, [&] { return gw; });
    in.set(2, [&] { return gb; });
  }

  void operator()(Tensor& gy, Gradients& in) {
    const Tensor input = x.get(), w = weight.get();
    const Tensor g = options.relu ? detail::relu_grad(gy, y.get()) : gy;
    Conv2dOptions linear = options;
    linear.relu = false;
    in.set(0, [&] { return detail::conv2d_input_grad(input.sizes(), g, w, linear); });
    const bool both = bias && in.needed(1) && in.needed(2);
    if (both && !grad_enabled() && input.numel() > 0) {
      return weight_and_bias(g, input, w.sizes(), in);
    }
    in.set(1, [&] { return detail::conv2d_weight_grad(w.sizes(), g, input, linear); });
    if (bias) in.set(2, [&] { return bias_grad(g); });
  }
};

Tensor convolve(const Tensor& x, const Tensor& weight, const Tensor& bias, const Shape& stride,
                const Padding& padding, const Shape& dilation, Index groups, bool relu) {
  if (autocasting()) {
    const AutocastPause pause;
    return convolve(lowered(x), lowered(weight), lowered(bias), stride, padding, dilation, groups,
                    relu);
  }
  check_ranks(x, weight);
  Conv2dOptions options = make_options(weight, stride, padding, dilation, groups);
  options.relu = relu;
  check_operands(x, weight, bias, groups);
  if (x.dim() == 4) return detail::conv2d(x, weight, bias, options);
  return detail::conv2d(x.unsqueeze(0), weight, bias, options).squeeze(0);
}

}  // namespace

Tensor detail::conv2d(const Tensor& x, const Tensor& weight, const Tensor& bias,
                      const Conv2dOptions& options) {
  const Shape sizes = output_sizes(x, weight, options);
  Tensor y = empty_last(sizes, x);
  if (x.numel() > 0) {
    conv_kernels(x).forward(y.view(), x.view(), weight.view(), view_of(bias), options);
  } else if (y.numel() > 0) {  // no channels
    NoGradGuard no_grad;
    y.zero_();
    if (bias.defined()) y.add_(bias.reshape({-1, 1, 1}));
    if (options.relu) y.relu_();
  }
  if (recording(x, weight, bias)) {
    Conv2dBackward back{saved(x), saved(weight), options.relu ? saved_output(y) : SavedTensor(),
                        bias.defined(), options};
    const Tensor inputs[] = {x, weight, bias};
    record(options.relu ? "conv2d_relu" : "conv2d", y,
           std::span<const Tensor>(inputs, bias.defined() ? 3 : 2), std::move(back));
  }
  return y;
}

Tensor detail::conv2d_input_grad(const Shape& sizes, const Tensor& gy, const Tensor& weight,
                                 const Conv2dOptions& options) {
  Tensor gx = empty_last(sizes, gy);
  if (gx.numel() > 0) conv_kernels(gy).backward_input(gx.view(), gy.view(), weight.view(), options);
  if (recording(gy, weight)) {
    record("conv2d_input_grad", gx, {gy, weight},
           [gy = saved(gy), w = saved(weight), options](Tensor& g, Gradients& in) {
             in.set(0, [&] { return conv2d(g, w.get(), {}, options); });
             in.set(1, [&] { return conv2d_weight_grad(w.get().sizes(), gy.get(), g, options); });
           });
  }
  return gx;
}

Tensor detail::conv2d_weight_grad(const Shape& sizes, const Tensor& gy, const Tensor& x,
                                  const Conv2dOptions& options) {
  Tensor gw = make_tensor(sizes, contiguous_strides(sizes), gy.dtype(), gy.device());
  if (x.numel() > 0) {
    conv_kernels(x).backward_weight(gw.view(), View(), gy.view(), x.view(), options);
  } else {
    NoGradGuard no_grad;
    gw.zero_();
  }
  if (recording(gy, x)) {
    record("conv2d_weight_grad", gw, {gy, x},
           [gy = saved(gy), x = saved(x), options](Tensor& g, Gradients& in) {
             in.set(0, [&] { return conv2d(x.get(), g, {}, options); });
             in.set(1, [&] { return conv2d_input_grad(x.get().sizes(), gy.get(), g, options); });
           });
  }
  return gw;
}

Tensor conv2d(const Tensor& x, const Tensor& weight, const Tensor& bias, const Shape& stride,
              const Padding& padding, const Shape& dilation, Index groups) {
  return convolve(x, weight, bias, stride, padding, dilation, groups, false);
}
Tensor conv2d_relu(const Tensor& x, const Tensor& weight, const Tensor& bias, const Shape& stride,
                   const Padding& padding, const Shape& dilation, Index groups) {
  return convolve(x, weight, bias, stride, padding, dilation, groups, true);
}

}  // namespace weft
