#include <weft/nn/models/alexnet.h>

#include <weft/core/check.h>
#include <weft/nn/activation.h>
#include <weft/nn/conv.h>
#include <weft/nn/dropout.h>
#include <weft/nn/linear.h>
#include <weft/nn/norm.h>
#include <weft/nn/pool.h>

namespace weft::nn {

namespace {

struct Geometry {
  Index kernel, stride, padding;
};
constexpr Geometry kLarge[] = {{11, 4, 2}, {5, 1, 2}, {3, 1, 1}, {3, 1, 1}, {3, 1, 1}};
constexpr Geometry kSmall = {3, 1, 1};

}  // namespace

AlexNetOptions AlexNetOptions::cifar() {
  AlexNetOptions o;
  o.classes = 10;
  o.hidden = {1024, 512};
  o.small_pictures = true;
  return o;
}

AlexNet::AlexNet(const AlexNetOptions& o) : options_(o) {
  if (o.channels.size() != 5) {
    fail<ValueError>("AlexNet", "got {} numbers of channels, expected 5", o.channels.size());
  }
  for (Index i = 0; i < 5; ++i) add_convolution(i, o);
  if (!o.small_pictures) average_ = &add<AdaptiveAvgPool2d>("avgpool", Shape{6, 6});
  for (Index width : o.hidden) {
    if (o.dropout > 0) classifier.append(Dropout(o.dropout));
    classifier.append(Linear(0, width)).append(ReLU());
  }
  classifier.append(Linear(0, o.classes));
}

void AlexNet::add_convolution(Index i, const AlexNetOptions& o) {
  const Geometry g = o.small_pictures ? kSmall : kLarge[i];
  const auto at = static_cast<std::size_t>(i);
  features.append(Conv2d(i ? o.channels[at - 1] : 3, o.channels[at], g.kernel,
                         {.stride = g.stride, .padding = g.padding, .bias = !o.batch_norm}));
  const bool pooled = i == 0 || i == 1 || i == 4;
  const auto pool = [&] {
    features.append(o.small_pictures ? MaxPool2d(2) : MaxPool2d(3, {.stride = 2}));
  };
  if (o.batch_norm && pooled) pool();  // the norm and the ReLU then see a quarter of the elements
  if (o.batch_norm) features.append(BatchNorm2d(o.channels[at]));
  features.append(ReLU());
  if (!o.batch_norm && pooled) pool();
}

Tensor AlexNet::forward(const Tensor& x) {
  Tensor y = features(x);
  if (average_) y = (*average_)(y);
  return classifier(y.flatten(1));
}

Shape AlexNet::output_shape(const Shape& input) const {
  Shape y = features.infer(input);
  if (average_) y = average_->infer(y);
  if (y.size() != 4) {
    fail<ShapeError>("AlexNet", "got an input of shape [{}], expected [N, 3, H, W]",
                     fmt::join(input, ", "));
  }
  return classifier.infer({y[0], y[1] * y[2] * y[3]});
}

}  // namespace weft::nn
