#include <weft/nn/pool.h>

#include <weft/nn/sizes.h>
#include <weft/ops/pool.h>

namespace weft::nn {

namespace {

// Sizes as two numbers each, no stride as the kernel's.
template <class Args>
Args complete(const char* op, const Shape& kernel, Args args) {
  args.stride = args.stride.empty() ? kernel : pair(op, args.stride);
  args.padding = pair(op, args.padding);
  for (int d = 0; d < 2; ++d) {
    if (kernel[d] <= 0 || args.stride[d] <= 0 || args.padding[d] < 0 ||
        args.padding[d] > kernel[d] / 2) {
      fail<ValueError>(op,
                       "got kernel {}, stride {}, padding {}, expected positive sizes and a "
                       "padding of at most half the kernel",
                       kernel[d], args.stride[d], args.padding[d]);
    }
  }
  return args;
}

Shape pooled(const char* op, const Shape& input, const Shape& kernel, const Shape& stride,
             const Shape& padding, const Shape& dilation, bool ceil_mode) {
  Shape y = input;
  const int first = channel_dim(op, input) + 1;
  for (int d = 0; d < 2; ++d) {
    y[first + d] = windows(op, input[first + d], kernel[d], stride[d], padding[d], padding[d],
                           dilation[d], ceil_mode);
  }
  return y;
}

}  // namespace

MaxPool2d::MaxPool2d(const Shape& kernel_size, const MaxPool2dArgs& args)
    : kernel_(pair("MaxPool2d", kernel_size)), args_(complete("MaxPool2d", kernel_, args)) {
  args_.dilation = pair("MaxPool2d", args.dilation);
}
Tensor MaxPool2d::forward(const Tensor& x) {
  return max_pool2d(x, kernel_, args_.stride, args_.padding, args_.dilation, args_.ceil_mode);
}
Shape MaxPool2d::output_shape(const Shape& input) const {
  return pooled("MaxPool2d", input, kernel_, args_.stride, args_.padding, args_.dilation,
                args_.ceil_mode);
}
std::string MaxPool2d::extra_repr() const {
  return fmt::format("kernel_size={}, stride={}, padding={}, dilation={}, ceil_mode={}",
                     pair_text(kernel_), pair_text(args_.stride), pair_text(args_.padding),
                     pair_text(args_.dilation), python_bool(args_.ceil_mode));
}

AvgPool2d::AvgPool2d(const Shape& kernel_size, const AvgPool2dArgs& args)
    : kernel_(pair("AvgPool2d", kernel_size)), args_(complete("AvgPool2d", kernel_, args)) {}
Tensor AvgPool2d::forward(const Tensor& x) {
  return avg_pool2d(x, kernel_, args_.stride, args_.padding, args_.ceil_mode,
                    args_.count_include_pad, args_.divisor_override);
}
Shape AvgPool2d::output_shape(const Shape& input) const {
  return pooled("AvgPool2d", input, kernel_, args_.stride, args_.padding, {1, 1}, args_.ceil_mode);
}
std::string AvgPool2d::extra_repr() const {
  return fmt::format("kernel_size={}, stride={}, padding={}", pair_text(kernel_),
                     pair_text(args_.stride), pair_text(args_.padding));
}

AdaptiveAvgPool2d::AdaptiveAvgPool2d(const Shape& output_size)
    : size_(pair("AdaptiveAvgPool2d", output_size)) {}
Tensor AdaptiveAvgPool2d::forward(const Tensor& x) { return adaptive_avg_pool2d(x, size_); }
Shape AdaptiveAvgPool2d::output_shape(const Shape& input) const {
  Shape y = input;
  const int first = channel_dim("AdaptiveAvgPool2d", input) + 1;
  for (int d = 0; d < 2; ++d) {
    if (size_[d] >= 0) y[first + d] = size_[d];
  }
  return y;
}
std::string AdaptiveAvgPool2d::extra_repr() const { return "output_size=" + pair_text(size_); }

}  // namespace weft::nn
