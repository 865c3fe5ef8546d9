#pragma once

#include <concepts>

#include <weft/nn/module.h>

namespace weft::nn {

// Modules one after the other, named "0", "1", ...; a ReLU or GELU is done together with the layer
// before it where that has a forward_relu() or forward_gelu() of its own.
//   nn::Sequential net(nn::Linear(784, 64), nn::ReLU(), nn::Linear(64, 10));
class WEFT_API Sequential : public Module {
 public:
  Sequential() = default;
  template <class... M>
  requires(std::derived_from<M, Module>&&...) explicit Sequential(M&&... modules) {
    (append(std::make_shared<M>(std::move(modules))), ...);
  }

  Sequential& append(std::shared_ptr<Module> module);
  template <class M>
  requires std::derived_from<M, Module> Sequential& append(M&& module) {
    return append(std::make_shared<M>(std::move(module)));
  }
  // Under a name of its own.
  Sequential& append(const std::string& name, std::shared_ptr<Module> module);
  std::size_t size() const;
  bool empty() const { return size() == 0; }
  Module& operator[](std::size_t i) const;  // IndexError if there is none

  Tensor forward(const Tensor& x) override;
  Shape output_shape(const Shape& input) const override;
  std::string kind() const override { return "Sequential"; }
};

// Dimensions start_dim to end_dim as one.
class WEFT_API Flatten : public Module {
 public:
  explicit Flatten(Index start_dim = 1, Index end_dim = -1) : start_(start_dim), end_(end_dim) {}
  Tensor forward(const Tensor& x) override { return x.flatten(start_, end_); }
  Shape output_shape(const Shape& input) const override;
  std::string kind() const override { return "Flatten"; }
  std::string extra_repr() const override;
  Index start_dim() const { return start_; }
  Index end_dim() const { return end_; }

 private:
  Index start_, end_;
};

}  // namespace weft::nn
