#include <weft/nn/pool.h>

#include <weft/nn/sizes.h>
#include <weft/ops/pool.h>

namespace weft::nn {

namespace {

// What a pool was made with, as two numbers each; no stride is the kernel's.
struct Window {
  Shape kernel, stride, padding, dilation;
};

Window window(const char* op, const Shape& kernel, const Shape& stride, const Shape& padding,
              const Shape& dilation) {
  const Window w{pair(op, kernel), pair(op, stride.empty() ? kernel : stride), pair(op, padding),
                 pair(op, dilation)};
  for (int d = 0; d < 2; ++d) {
    if (w.kernel[d] <= 0 || w.stride[d] <= 0 || w.padding[d] < 0 ||
        w.padding[d] > w.kernel[d] / 2) {
      fail<ValueError>(op,
                       "got kernel {}, stride {}, padding {}, expected positive sizes and a "
                       "padding of at most half the kernel",
                       w.kernel[d], w.stride[d], w.padding[d]);
    }
  }
  return w;
}

// As it was given.
std::string text(const Shape& s) { return s.size() == 1 ? fmt::format("{}", s[0]) : pair_text(s); }
std::string text(const Shape& stride, const Shape& kernel) {
  return text(stride.empty() ? kernel : stride);
}

Shape pooled(const char* op, const Shape& input, const Window& w, bool ceil_mode) {
  Shape y = input;
  const int first = channel_dim(op, input) + 1;
  for (int d = 0; d < 2; ++d) {
    y[first + d] = windows(op, input[first + d], w.kernel[d], w.stride[d], w.padding[d],
                           w.padding[d], w.dilation[d], ceil_mode);
  }
  return y;
}

}  // namespace

MaxPool2d::MaxPool2d(const Shape& kernel_size, const MaxPool2dArgs& args)
    : kernel_(kernel_size), args_(args) {
  window("MaxPool2d", kernel_, args_.stride, args_.padding, args_.dilation);
}
Tensor MaxPool2d::forward(const Tensor& x) {
  if (args_.return_indices) {
    fail<NotImplementedError>("MaxPool2d",
                              "got return_indices where one tensor is expected; call the pool "
                              "itself, or forward_with_indices()");
  }
  return max_pool2d(x, kernel_, args_.stride, args_.padding, args_.dilation, args_.ceil_mode);
}
std::tuple<Tensor, Tensor> MaxPool2d::forward_with_indices(const Tensor& x) {
  return max_pool2d_with_indices(x, kernel_, args_.stride, args_.padding, args_.dilation,
                                 args_.ceil_mode);
}
Shape MaxPool2d::output_shape(const Shape& input) const {
  const Window w = window("MaxPool2d", kernel_, args_.stride, args_.padding, args_.dilation);
  return pooled("MaxPool2d", input, w, args_.ceil_mode);
}
std::string MaxPool2d::extra_repr() const {
  return fmt::format("kernel_size={}, stride={}, padding={}, dilation={}, ceil_mode={}",
                     text(kernel_), text(args_.stride, kernel_), text(args_.padding),
                     text(args_.dilation), python_bool(args_.ceil_mode));
}

AvgPool2d::AvgPool2d(const Shape& kernel_size, const AvgPool2dArgs& args)
    : kernel_(kernel_size), args_(args) {
  window("AvgPool2d", kernel_, args_.stride, args_.padding, 1);
}
Tensor AvgPool2d::forward(const Tensor& x) {
  return avg_pool2d(x, kernel_, args_.stride, args_.padding, args_.ceil_mode,
                    args_.count_include_pad, args_.divisor_override);
}
Shape AvgPool2d::output_shape(const Shape& input) const {
  const Window w = window("AvgPool2d", kernel_, args_.stride, args_.padding, 1);
  return pooled("AvgPool2d", input, w, args_.ceil_mode);
}
std::string AvgPool2d::extra_repr() const {
  return fmt::format("kernel_size={}, stride={}, padding={}", text(kernel_),
                     text(args_.stride, kernel_), text(args_.padding));
}

AdaptiveAvgPool2d::AdaptiveAvgPool2d(const Shape& output_size) : size_(output_size) {
  pair("AdaptiveAvgPool2d", size_);
}
Tensor AdaptiveAvgPool2d::forward(const Tensor& x) { return adaptive_avg_pool2d(x, size_); }
Shape AdaptiveAvgPool2d::output_shape(const Shape& input) const {
  Shape y = input;
  const Shape sizes = pair("AdaptiveAvgPool2d", size_);
  const int first = channel_dim("AdaptiveAvgPool2d", input) + 1;
  for (int d = 0; d < 2; ++d) {
    if (sizes[d] >= 0) y[first + d] = sizes[d];
  }
  return y;
}
std::string AdaptiveAvgPool2d::extra_repr() const {
  const auto one = [](Index n) { return n < 0 ? std::string("None") : std::to_string(n); };
  if (size_.size() == 1) return "output_size=" + one(size_[0]);
  return fmt::format("output_size=({}, {})", one(size_[0]), one(size_[1]));
}

}  // namespace weft::nn
