#pragma once

#include <initializer_list>
#include <optional>

#include <weft/autograd/saved.h>

// How an op puts itself on the tape:
//
//   if (recording(x, w)) {
//     record("linear", y, {x, w}, [x = saved(x), w = saved(w)](Tensor& g, Gradients& in) {
//       in.set(0, [&] { return matmul(g, w.get()); });
//       in.set(1, [&] { return matmul(g.t(), x.get()); });
//     });
//   }
//
// The backward function is written with differentiable ops, so that create_graph works; a fused
// kernel may stand in for them while grad_enabled() is false. The engine sums a gradient back over
// broadcast dimensions and converts its dtype: the function need not.
namespace weft::autograd {

// A view whose storage was changed in place after its node was made, by what its base knows of.
inline bool stale_view(const TensorImpl& t) {
  return t.meta && t.node_version != t.storage->version() && view_of(t)->base.impl()->requires_grad;
}
inline bool needs_grad(const Tensor& t) {
  return t.defined() && (t.impl()->requires_grad || stale_view(*t.impl()));
}

template <class... Tensors>
bool recording(const Tensors&... inputs) {
  return grad_enabled() && (needs_grad(inputs) || ...);
}

// Where the gradient of t goes; no node if it needs none. Throws on a tensor of inference mode.
WEFT_API Edge edge_of(const Tensor& t);

template <class F>
class FunctionNode final : public EdgeNode {
 public:
  template <class G>
  FunctionNode(const char* name, std::size_t edges, std::size_t outputs, G&& f)
      : EdgeNode(name, sizeof(FunctionNode), edges, outputs), f_(std::forward<G>(f)) {}
  void apply(std::span<Tensor> gradients, Gradients& inputs) override {
    if constexpr (std::is_invocable_v<F&, std::span<Tensor>, Gradients&>) {
      (*f_)(gradients, inputs);
    } else {
      (*f_)(gradients[0], inputs);
    }
  }
  void drop_saved() noexcept override {
    f_.reset();
    released_ = true;
  }

 private:
  std::optional<F> f_;
};

namespace tape {
WEFT_API void attach(IntrusivePtr<Node> node, const Tensor& output, std::uint32_t index);
WEFT_API void attach_inplace(const IntrusivePtr<Node>& node, Tensor& self);

// An input named in braces, without copying its handle.
struct Ref {
  const Tensor* t;
  Ref(const Tensor& tensor) : t(&tensor) {}      // NOLINT
  operator const Tensor&() const { return *t; }  // NOLINT
};

template <class Inputs, class F>
IntrusivePtr<Node> make_node(const char* name, std::size_t outputs, const Inputs& inputs, F&& f) {
  using N = FunctionNode<std::decay_t<F>>;
  IntrusivePtr<Node> node(new (EdgeCount{inputs.size()})
                              N(name, inputs.size(), outputs, std::forward<F>(f)));
  std::size_t i = 0;
  for (const Tensor& t : inputs) node->edges()[i++] = edge_of(t);
  return node;
}
}  // namespace tape

template <class F>
void record(const char* name, const Tensor& output, std::initializer_list<tape::Ref> inputs,
            F&& f) {
  tape::attach(tape::make_node(name, 1, inputs, std::forward<F>(f)), output, 0);
}
template <class F>
void record(const char* name, const Tensor& output, std::span<const Tensor> inputs, F&& f) {
  tape::attach(tape::make_node(name, 1, inputs, std::forward<F>(f)), output, 0);
}
// Several outputs: f takes std::span<Tensor> (an undefined one is zero) and Gradients&.
template <class F>
void record_many(const char* name, std::span<const Tensor> outputs, std::span<const Tensor> inputs,
                 F&& f) {
  auto node = tape::make_node(name, outputs.size(), inputs, std::forward<F>(f));
  for (std::uint32_t i = 0; i < outputs.size(); ++i) tape::attach(node, outputs[i], i);
}

// In-place operations, in this order: check_inplace (before anything changes), the kernel,
// bump_version, and record_inplace if recording, where the first input is self as it was before.
WEFT_API void check_inplace(const char* op, const Tensor& self, bool recorded);
inline void bump_version(const char* op, Tensor& self) { self.impl()->storage->bump_version(op); }
template <class F>
void record_inplace(const char* name, Tensor& self, std::initializer_list<tape::Ref> inputs,
                    F&& f) {
  tape::attach_inplace(tape::make_node(name, 1, inputs, std::forward<F>(f)), self);
}

template <class F>
void record_inplace(const char* name, Tensor& self, std::span<const Tensor> inputs, F&& f) {
  tape::attach_inplace(tape::make_node(name, 1, inputs, std::forward<F>(f)), self);
}

// An alias that is known as a view of x's base, for ops that return views. Record it as any output.
WEFT_API Tensor make_view(const Tensor& x, const Layout& layout);

}  // namespace weft::autograd
