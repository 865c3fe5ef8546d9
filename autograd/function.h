#pragma once

#include <any>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <weft/autograd/record.h>

// Operations of the user's own:
//
//   struct Cube : autograd::Function<Cube> {
//     static constexpr const char* name = "cube";
//     static Tensor forward(FunctionContext& ctx, const Tensor& x) {
//       ctx.save_for_backward({x});
//       return x * x * x;
//     }
//     static std::vector<Tensor> backward(FunctionContext& ctx, std::vector<Tensor> g) {
//       return {g[0] * 3 * ctx.saved()[0].square()};
//     }
//   };
//   Tensor y = Cube::apply(x);
//
// forward() runs unrecorded, takes tensors and anything else, and returns a Tensor or a
// std::vector<Tensor>. backward() gets a gradient for each output (undefined: zero) and returns one
// for each Tensor argument of forward(), in order (undefined: none); it is recorded under
// create_graph.
namespace weft::autograd {

class WEFT_API FunctionContext : public std::enable_shared_from_this<FunctionContext> {
 public:
  // Inputs or outputs of forward(); any other tensor too. They are checked for in-place changes.
  void save_for_backward(std::vector<Tensor> tensors) { to_save_ = std::move(tensors); }
  std::vector<Tensor> saved() const;
  bool needs_input_grad(std::size_t input) const { return needs_.at(input); }
  // Outputs that carry no gradient, such as indices.
  void mark_non_differentiable(std::vector<Tensor> outputs) { constant_ = std::move(outputs); }
  // Inputs that forward() changed in place and returns.
  void mark_dirty(std::vector<Tensor> inputs) { dirty_ = std::move(inputs); }
  // Anything that is not a tensor, by name.
  std::map<std::string, std::any> data;

 private:
  template <class>
  friend class Function;
  friend struct FunctionCall;
  std::vector<Tensor> to_save_, constant_, dirty_;
  std::vector<SavedTensor> saved_;
  std::vector<bool> needs_;
};

// What Function<T>::apply does once the types are gone.
struct WEFT_API FunctionCall {
  using Backward = std::vector<Tensor> (*)(FunctionContext&, std::vector<Tensor>);
  static void finish(const char* name, std::shared_ptr<FunctionContext> ctx,
                     std::span<Tensor> outputs, std::span<const Tensor> inputs, Backward backward);
  static void note_needs(FunctionContext& ctx, std::span<const Tensor> inputs);
};

template <class T>
class Function {
 public:
  template <class... Args>
  static auto apply(Args&&... args) {
    std::vector<Tensor> inputs;
    const auto note = [&](const auto& a) {
      if constexpr (std::is_same_v<std::decay_t<decltype(a)>, Tensor>) inputs.push_back(a);
    };
    (note(args), ...);
    auto ctx = std::make_shared<FunctionContext>();
    FunctionCall::note_needs(*ctx, inputs);
    auto result = [&] {
      NoGradGuard no_grad;
      return T::forward(*ctx, std::forward<Args>(args)...);
    }();
    if constexpr (std::is_same_v<decltype(result), Tensor>) {
      FunctionCall::finish(T::name, std::move(ctx), std::span(&result, 1), inputs, &T::backward);
    } else {
      FunctionCall::finish(T::name, std::move(ctx), result, inputs, &T::backward);
    }
    return result;
  }
};

// Runs f(inputs) without keeping what its operations save, and runs it again during backward() with
// the same random numbers: memory for time (Chen et al. 2016, arXiv:1604.06174). f must do the same
// both times. Its outputs' gradients reach `inputs` and every leaf that f uses.
WEFT_API std::vector<Tensor> checkpoint(
    std::function<std::vector<Tensor>(const std::vector<Tensor>&)> f,
    const std::vector<Tensor>& inputs);
WEFT_API Tensor checkpoint(std::function<Tensor(const Tensor&)> f, const Tensor& input);

}  // namespace weft::autograd
