#include <weft/nn/sequential.h>

#include <weft/core/check.h>
#include <weft/nn/activation.h>

namespace weft::nn {

Sequential& Sequential::append(std::shared_ptr<Module> module) {
  Module* m = module.get();
  add_module(std::to_string(steps_.size()), std::move(module));
  steps_.push_back({m, dynamic_cast<ReLU*>(m) != nullptr});
  return *this;
}

Module& Sequential::operator[](std::size_t i) const {
  if (i >= steps_.size()) {
    fail<IndexError>("Sequential", "got index {}, expected less than {}", i, steps_.size());
  }
  return *steps_[i].module;
}

Tensor Sequential::forward(const Tensor& x) {
  Tensor y = x;
  for (std::size_t i = 0; i < steps_.size(); ++i) {
    const bool with_relu = i + 1 < steps_.size() && steps_[i + 1].is_relu;
    y = with_relu ? steps_[i++].module->forward_relu(y) : (*steps_[i].module)(y);
  }
  return y;
}

Shape Sequential::output_shape(const Shape& input) const {
  Shape shape = input;
  for (const Step& step : steps_) shape = step.module->infer(shape);
  return shape;
}

Shape Flatten::output_shape(const Shape& input) const {
  if (input.empty()) return {1};
  const int start = wrap_dim("Flatten", start_, input.size());
  const int end = wrap_dim("Flatten", end_, input.size());
  if (start > end) {
    fail<ShapeError>("Flatten", "got dims {} to {}, expected the first not behind the last", start_,
                     end_);
  }
  Shape y;
  for (int d = 0; d < input.size(); ++d) {
    if (d > start && d <= end) {
      y[y.size() - 1] *= input[d];
    } else {
      y.push_back(input[d]);
    }
  }
  return y;
}

std::string Flatten::extra_repr() const {
  return fmt::format("start_dim={}, end_dim={}", start_, end_);
}

}  // namespace weft::nn
