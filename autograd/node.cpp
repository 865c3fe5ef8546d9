#include <weft/autograd/node.h>

#include <utility>

#include <weft/autograd/engine.h>
#include <weft/autograd/origin.h>
#include <weft/autograd/record.h>
#include <weft/core/check.h>

namespace weft {

thread_local constinit detail::Modes detail::modes;

namespace autograd {
namespace {

thread_local constinit Node* dead = nullptr;
thread_local constinit bool burying = false;

constinit std::atomic<std::uint64_t> last_sequence{0};

void describe(Output& o, const TensorImpl& t) {
  o.sizes = t.sizes;
  o.dtype = t.dtype;
  o.device = t.storage->device();
}

constexpr std::size_t aligned(std::size_t bytes) {
  return (bytes + alignof(Edge) - 1) / alignof(Edge) * alignof(Edge);
}

}  // namespace

void Node::number() {
  if (sequence_ == 0) sequence_ = last_sequence.fetch_add(1, std::memory_order_relaxed) + 1;
}

void Node::destroy() noexcept {
  next_dead_ = dead;
  dead = this;
  if (burying) return;  // a frame below is emptying the list
  burying = true;
  while (Node* n = dead) {
    dead = n->next_dead_;
    delete n;
  }
  burying = false;
}

Leaf::Leaf(const Tensor& tensor) : Node("leaf"), strides(tensor.strides()) {
  describe(output_, *tensor.impl());
  outputs_ = {&output_, 1};
}

void* EdgeNode::operator new(std::size_t bytes, EdgeCount edges) {
  return small_alloc(aligned(bytes) + edges.n * sizeof(Edge));
}
// Only if a constructor throws; the size is not known here, and losing a block beats a wrong free.
void EdgeNode::operator delete(void*, EdgeCount) {}
void EdgeNode::operator delete(EdgeNode* p, std::destroying_delete_t) {
  const std::size_t bytes = p->bytes_;
  p->~EdgeNode();
  small_free(p, bytes);
}

namespace {

std::atomic<OriginFunction> origin_function{nullptr};

// Kept as a hook that does nothing, so that nodes without one have no place for it.
struct Origin {
  std::string text;
  Tensor operator()(const Tensor&) const { return {}; }
};

[[gnu::cold, gnu::noinline]] void keep_origin(Output& output) {
  const OriginFunction f = origin_function;
  std::string text = f ? f() : std::string();
  if (text.empty()) return;
  if (!output.extras) output.extras = std::make_unique<OutputExtras>();
  output.extras->hooks.emplace_back(-1, Origin{std::move(text)});
}

}  // namespace

void set_origin_function(OriginFunction f) noexcept { origin_function = f; }

std::string origin_of(const Node& node) {
  for (const Output& output : node.outputs()) {
    if (!output.extras) continue;
    for (const auto& [id, hook] : output.extras->hooks) {
      if (const Origin* origin = hook.target<Origin>()) return origin->text;
    }
  }
  return {};
}

EdgeNode::EdgeNode(const char* name, std::size_t own_bytes, std::size_t edges, std::size_t outputs)
    : Node(name), bytes_(aligned(own_bytes) + edges * sizeof(Edge)) {
  if (outputs > 1) more_ = std::make_unique<Output[]>(outputs);
  auto* first = reinterpret_cast<Edge*>(reinterpret_cast<char*>(this) + aligned(own_bytes));
  for (std::size_t i = 0; i < edges; ++i) new (first + i) Edge;
  edges_ = {first, edges};
  outputs_ = {more_ ? more_.get() : &first_, outputs};
  if (weft::detail::modes.anomaly && outputs > 0) [[unlikely]]
    keep_origin(outputs_[0]);
}

EdgeNode::~EdgeNode() {
  for (Edge& e : edges_) e.~Edge();
}

Tensor SavedTensor::get() const {
  if (!tensor_.defined()) return {};
  Node* node = current_node();
  if (tensor_.version() != version_) {
    fail<AutogradError>(node ? node->name() : "backward",
                        "got a saved {} of shape [{}] that {} changed in place (version {}, saved "
                        "at {}), expected it unchanged; "
                        "use the operation that is not in-place, or clone() first",
                        is_output_ ? "output" : "input", fmt::join(tensor_.sizes(), ", "),
                        tensor_.impl()->storage->last_writer(), tensor_.version(), version_);
  }
  if (!is_output_ || !grad_enabled() || !node) return tensor_;
  Tensor t = make_alias(tensor_, tensor_.layout());
  t.impl()->node = IntrusivePtr<RefCounted>(node);
  t.impl()->requires_grad = true;
  return t;
}

namespace {

// A tensor's new place in the history; a gradient to be kept is that of the tensor as it is now.
void move_to(TensorImpl& t, const IntrusivePtr<RefCounted>& node, std::uint32_t output) {
  OutputExtras* const before = t.node ? node_of(t)->outputs()[t.output].extras.get() : nullptr;
  const bool retain = before && std::exchange(before->retain, false);
  t.node = node;
  t.output = output;
  t.requires_grad = true;
  if (!retain) return;
  Output& o = node_of(t)->outputs()[output];
  if (!o.extras) o.extras = std::make_unique<OutputExtras>();
  o.extras->retain = true;
}

// After an in-place change of its storage, a view's history is that of its base.
void refresh_view(TensorImpl& t) {
  EnableGradGuard enable;
  const Tensor self{IntrusivePtr<TensorImpl>(&t)};
  const Tensor fresh = view_of(t)->base.as_strided(t.sizes, t.strides, self.storage_offset());
  move_to(t, fresh.impl()->node, fresh.impl()->output);
  t.node_version = t.storage->version();
}

// The gradient of a base one part of which an operation changed: outside the part it passes by,
// inside it goes through the operation. The engine sees one node.
class ViewWriteNode final : public EdgeNode {
 public:
  ViewWriteNode(const IntrusivePtr<Node>& inner, const Tensor& base, const Layout& part)
      : EdgeNode(inner->name(), sizeof(ViewWriteNode), inner->edges().size(), 1),
        inner_(inner),
        base_(base.layout()),
        part_(part) {
    for (std::size_t i = 1; i < edges_.size(); ++i) edges_[i] = inner->edges()[i];
    edges_[0] = edge_of(base);
    part_.offset -= base_.offset;
  }

  void apply(std::span<Tensor> gradients, Gradients& inputs) override {
    // A copy with the base's own strides, so that the part lies in it as in the base.
    Tensor g = make_tensor(base_.sizes, base_.strides, gradients[0].dtype(), gradients[0].device());
    g.copy_(gradients[0]);
    Tensor part[1] = {g.as_strided(part_.sizes, part_.strides, part_.offset).clone()};
    std::vector<Tensor> values(edges_.size());
    Gradients inner(inner_->edges(), values.data());
    inner_->apply(part, inner);
    for (std::size_t i = 1; i < edges_.size(); ++i)
      inputs.set(i, [&] { return std::move(values[i]); });
    inputs.set(0, [&] {
      Tensor hole = g.as_strided(part_.sizes, part_.strides, part_.offset);
      if (values[0].defined()) {
        hole.copy_(values[0]);
      } else {
        hole.zero_();
      }
      return g;
    });
  }
  void drop_saved() noexcept override {
    inner_->drop_saved();
    released_ = true;
  }

 private:
  IntrusivePtr<Node> inner_;
  Layout base_, part_;
};

}  // namespace

Edge edge_of(const Tensor& t) {
  if (!t.defined()) return {};
  TensorImpl& i = *t.impl();
  if (i.inference) {
    fail<AutogradError>(
        "record", "got a tensor of shape [{}] made in inference mode, expected one made outside it",
        fmt::join(i.sizes, ", "));
  }
  if (stale_view(i)) refresh_view(i);
  if (!i.requires_grad) return {};
  return {IntrusivePtr<Node>(node_of(i)), i.output};
}

void tape::attach(IntrusivePtr<Node> node, const Tensor& output, std::uint32_t index) {
  TensorImpl& t = *output.impl();
  node->number();
  describe(node->outputs()[index], t);
  t.node = std::move(node);
  t.output = index;
  t.requires_grad = true;
}

namespace {
void attach_changed(Node* node, const Tensor& t) {
  node->number();
  describe(node->outputs()[0], *t.impl());
  move_to(*t.impl(), IntrusivePtr<RefCounted>(node), 0);
}
}  // namespace

void tape::attach_inplace(const IntrusivePtr<Node>& node, Tensor& self) {
  if (!self.impl()->meta) return attach_changed(node.get(), self);
  const Tensor& base = view_of(*self.impl())->base;
  describe(node->outputs()[0], *self.impl());
  const std::size_t edges = node->edges().size();
  const IntrusivePtr<Node> whole(new (EdgeCount{edges}) ViewWriteNode(node, base, self.layout()));
  attach_changed(whole.get(), base);
  refresh_view(*self.impl());
}

void check_inplace(const char* op, const Tensor& self, bool recorded) {
  const TensorImpl& t = self.get(op);
  if (may_overlap(t.sizes, t.strides)) {
    fail<ShapeError>(
        op,
        "got a tensor of shape [{}] and strides [{}] some of whose elements share memory, expected "
        "one without (clone() it first)",
        fmt::join(t.sizes, ", "), fmt::join(t.strides, ", "));
  }
  if (!grad_enabled()) return;
  const TensorImpl& root = t.meta ? *view_of(t)->base.impl() : t;
  const auto is_leaf = [](const TensorImpl& i) {
    return i.requires_grad && (!i.node || node_of(i)->is_leaf());
  };
  const bool leaf = is_leaf(root) || is_leaf(t);
  if (leaf) {
    fail<AutogradError>(op,
                        "got {} leaf that requires grad, expected a tensor that may change in "
                        "place (use NoGradGuard "
                        "to update a parameter)",
                        t.meta ? "a view of a" : "a");
  }
  if (recorded && t.inference) edge_of(self);  // throws
}

Tensor make_view(const Tensor& x, const Layout& layout) {
  Tensor y = make_alias(x, layout);
  if (inference_enabled()) return y;
  const TensorImpl& t = *x.impl();
  TensorImpl& v = *y.impl();
  v.meta = t.meta ? t.meta : IntrusivePtr<RefCounted>(new ViewMeta(x));
  v.node_version = v.storage->version();
  return y;
}

}  // namespace autograd
}  // namespace weft
