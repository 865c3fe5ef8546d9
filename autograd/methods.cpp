#include <algorithm>

#include <weft/autograd/leaf_hook.h>
#include <weft/autograd/record.h>
#include <weft/core/check.h>

// Hooks, and the methods of Tensor that concern the tape.
namespace weft::autograd {

namespace {
OutputExtras& extras_of(const char* op, const Tensor& t) {
  t.get(op);
  const Edge edge = edge_of(t);
  if (!edge.node)
    fail<AutogradError>(op, "got a tensor that does not require grad, expected one that does");
  Output& o = edge.node->outputs()[edge.output];
  if (!o.extras) o.extras = std::make_unique<OutputExtras>();
  return *o.extras;
}
}  // namespace

int register_hook(const Tensor& t, Hook hook) {
  auto& hooks = extras_of("register_hook", t).hooks;
  const int id = hooks.empty() ? 0 : hooks.back().first + 1;
  hooks.emplace_back(id, std::move(hook));
  return id;
}

void remove_hook(const Tensor& t, int id) {
  std::erase_if(extras_of("remove_hook", t).hooks, [&](const auto& h) { return h.first == id; });
}

Tensor AfterAccumulation::operator()(const Tensor&) const { return {}; }

void AfterAccumulation::call(Leaf& leaf) const {
  const Tensor t = make_alias(data, data.layout());
  t.impl()->node = IntrusivePtr<RefCounted>(&leaf);
  t.impl()->requires_grad = true;
  hook(t);
}

int register_post_accumulate_grad_hook(const Tensor& t, LeafHook hook) {
  constexpr const char* kOp = "register_post_accumulate_grad_hook";
  extras_of(kOp, t);
  if (!t.is_leaf()) {
    fail<AutogradError>(kOp, "got a tensor made by {}, expected a leaf", t.grad_fn());
  }
  return register_hook(t, AfterAccumulation{t.detach(), std::move(hook)});
}

bool retains_grad(const Tensor& t) {
  if (t.is_leaf()) return false;
  const Edge edge = edge_of(t);
  const auto& extras = edge.node->outputs()[edge.output].extras;
  return extras && extras->retain;
}

namespace {
void describe_anew(Output& output, const Tensor& value) {
  output.sizes = value.sizes();
  output.dtype = value.dtype();
  output.device = value.device();
  if (!output.extras) return;
  for (auto& [id, hook] : output.extras->hooks) {
    if (auto* after = hook.target<AfterAccumulation>()) after->data = value.detach();
  }
}
}  // namespace

void set_data(const Tensor& t, const Tensor& value) {
  TensorImpl& to = t.get("data");
  const TensorImpl& from = value.get("data");
  if (to.requires_grad && !is_floating(from.dtype)) {
    fail<DTypeError>("data", "got {} for a tensor that requires grad, expected a floating dtype",
                     from.dtype);
  }
  to.storage = from.storage;
  to.data = from.data;
  to.dtype = from.dtype;
  to.sizes = from.sizes;
  to.strides = from.strides;
  to.meta.reset();
  if (!to.node || !node_of(to)->is_leaf()) return;
  describe_anew(node_of(to)->outputs()[0], value);
  static_cast<Leaf*>(node_of(to))->strides = value.strides();
}

}  // namespace weft::autograd

namespace weft {

using namespace autograd;

bool Tensor::requires_grad() const {
  get("requires_grad");
  return needs_grad(*this);
}

Tensor& Tensor::requires_grad_(bool value) {
  TensorImpl& t = get("requires_grad_");
  if (value && !is_floating(t.dtype)) {
    fail<DTypeError>("requires_grad_", "got a tensor of {}, expected a floating dtype", t.dtype);
  }
  if (!is_leaf()) {
    if (value) return *this;
    fail<AutogradError>("requires_grad_", "got a tensor made by {}, expected a leaf; use detach()",
                        grad_fn());
  }
  if (value && t.inference)
    fail<AutogradError>("requires_grad_",
                        "got a tensor made in inference mode, expected one made outside it");
  if (value && !t.node) t.node = IntrusivePtr<RefCounted>(new Leaf(*this));
  t.requires_grad = value;
  return *this;
}

bool Tensor::is_leaf() const {
  const TensorImpl& t = get("is_leaf");
  return !requires_grad() || (!stale_view(t) && node_of(t)->is_leaf());
}

const char* Tensor::grad_fn() const {
  if (get("grad_fn").inference) return nullptr;
  const Edge edge = edge_of(*this);
  return edge.node && !edge.node->is_leaf() ? edge.node->name() : nullptr;
}

Tensor Tensor::grad() const {
  const TensorImpl& t = get("grad");
  if (!t.node) return {};
  Node* node = node_of(t);
  if (node->is_leaf()) {
    LeafLock lock(*static_cast<Leaf*>(node));
    return static_cast<Leaf*>(node)->grad;
  }
  const auto& extras = node->outputs()[t.output].extras;
  return extras ? extras->retained : Tensor();
}

void Tensor::set_grad(const Tensor& value) {
  TensorImpl& t = get("set_grad");
  if (value.defined() &&
      (value.sizes() != t.sizes || value.dtype() != t.dtype || value.device() != device())) {
    fail<ShapeError>(
        "set_grad", "got a gradient of shape [{}] and {}, expected [{}] and {} as the tensor has",
        fmt::join(value.sizes(), ", "), value.dtype(), fmt::join(t.sizes, ", "), t.dtype);
  }
  if (!t.node) {
    if (!value.defined()) return;
    t.node = IntrusivePtr<RefCounted>(new Leaf(*this));
  }
  Node* node = node_of(t);
  if (!node->is_leaf()) {
    extras_of("set_grad", *this).retained = value;
    return;
  }
  LeafLock lock(*static_cast<Leaf*>(node));
  static_cast<Leaf*>(node)->grad = value;
}

void Tensor::retain_grad() {
  OutputExtras& extras = extras_of("retain_grad", *this);
  if (!is_leaf()) extras.retain = true;  // a leaf keeps its gradient anyway
}

void Tensor::backward(const Tensor& gradient, bool retain_graph, bool create_graph) const {
  get("backward");
  autograd::backward(std::span(this, 1), std::span(&gradient, 1), retain_graph, create_graph);
}

// No view to the tape: in-place changes of it are not part of this tensor's history.
Tensor Tensor::detach() const { return make_alias(*this, layout()); }

Tensor& Tensor::detach_() {
  TensorImpl& t = get("detach_");
  if (t.meta)
    fail<AutogradError>("detach_",
                        "got a view, expected a tensor that owns its storage; use detach()");
  t.node = nullptr;
  t.requires_grad = false;
  return *this;
}

}  // namespace weft
