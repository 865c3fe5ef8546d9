#include <weft/nn/sequential.h>

#include <typeinfo>

#include <weft/core/check.h>
#include <weft/nn/activation.h>
#include <weft/nn/module_parts.h>

namespace weft::nn {

Sequential& Sequential::append(std::shared_ptr<Module> module) {
  return append(std::to_string(size()), std::move(module));
}

Sequential& Sequential::append(const std::string& name, std::shared_ptr<Module> module) {
  add_module(name, std::move(module));
  return *this;
}

std::size_t Sequential::size() const { return ModuleTree::parts(*this).children.size(); }

Module& Sequential::operator[](std::size_t i) const {
  if (i >= size()) {
    fail<IndexError>("Sequential", "got index {}, expected less than {}", i, size());
  }
  return *ModuleTree::parts(*this).children[i].second;
}

// A layer and the activation behind it as one; undefined where they are not. Nothing sees what is
// between the two: no hook, no forward() of a derived class, no look at shapes alone.
static Tensor both(Module& m, const Module& next, const Tensor& x) {
  if (!ModuleTree::fuses(m) || m.has_hooks() || next.has_hooks() || ModuleTree::traced()) return {};
  if (typeid(next) == typeid(ReLU)) {
    // What has no parameters may return its input, which the ReLU is to change.
    const bool changes = static_cast<const ReLU&>(next).inplace();
    return changes && ModuleTree::parts(m).slots.empty() ? Tensor() : m.forward_relu(x);
  }
  if (typeid(next) != typeid(GELU)) return {};
  return m.forward_gelu(x, static_cast<const GELU&>(next).approximate().c_str());
}

Tensor Sequential::forward(const Tensor& x) {
  const auto& parts = ModuleTree::parts(*this).children;
  Tensor y = x;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const auto m = parts[i].second;  // held: a hook may take it out
    const auto next = i + 1 < parts.size() ? parts[i + 1].second : nullptr;
    const Tensor one = next ? both(*m, *next, y) : Tensor();
    i += one.defined();
    y = one.defined() ? one : (*m)(y);
  }
  return y;
}

Shape Sequential::output_shape(const Shape& input) const {
  Shape shape = input;
  for (const auto& [name, part] : ModuleTree::parts(*this).children) shape = part->infer(shape);
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
