#include <weft/autograd/engine.h>

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include <weft/autograd/leaf_hook.h>
#include <weft/autograd/origin.h>
#include <weft/autograd/record.h>
#include <weft/core/check.h>
#include <weft/core/interrupt.h>

namespace weft::autograd {
namespace {

class Run;
thread_local constinit Node* running = nullptr;
thread_local constinit Run* running_run = nullptr;

struct Running {
  Running(Node* n, Run* r) : node(std::exchange(running, n)), run(std::exchange(running_run, r)) {}
  ~Running() {
    running = node;
    running_run = run;
  }
  Node* node;
  Run* run;
};

bool sole_owner(const Tensor& t) {
  return t.impl()->use_count() == 1 && t.impl()->storage->use_count() == 1 && !t.impl()->meta;
}

// Sums what broadcasting repeated, so that g gets the shape of the tensor it belongs to.
Tensor unbroadcast(const Tensor& g, const Shape& sizes, const char* from) {
  const int extra = g.dim() - sizes.size();
  Shape dims;
  bool fits = extra >= 0;
  for (int d = 0; fits && d < g.dim(); ++d) {
    const bool repeated = d < extra || (sizes[d - extra] == 1 && g.sizes()[d] != 1);
    if (repeated) dims.push_back(d);
    fits = repeated || g.sizes()[d] == sizes[d - extra];
  }
  if (!fits) {
    fail<AutogradError>(from, "got a gradient of shape [{}], expected [{}]",
                        fmt::join(g.sizes(), ", "), fmt::join(sizes, ", "));
  }
  Tensor s = dims.empty() ? g : g.sum(dims, true);
  return s.dim() == sizes.size() ? s : s.reshape(sizes);
}

// One backward run. Gradients of operations gather in their nodes; those of leaves here, until the
// run has succeeded: other threads may be busy with the same leaves, and an error must change none.
class Run {
 public:
  Run(bool retain_graph, bool create_graph)
      : retain_(retain_graph), create_(create_graph), mode_(create_graph) {}
  ~Run() {
    for (const auto& n : heap_) {
      n->queued = false;
      for (Output& o : n->outputs()) o.gradient = {};
    }
  }

  // Only nodes that lead to one of these matter; their gradients are kept.
  void aim(std::span<const Edge> roots, std::span<const Edge> targets);

  void add(const Edge& edge, Tensor g, const char* from) {
    if (aimed_ && !useful_.contains(edge.node.get())) return;
    check(edge, g, from);
    if (edge.node->is_leaf()) {
      accumulate(leaf_slot(edge), std::move(g));
      return;
    }
    accumulate(edge.node->outputs()[edge.output].gradient, std::move(g));
    if (edge.node->queued) return;
    edge.node->queued = true;
    heap_.push_back(edge.node);
    std::push_heap(heap_.begin(), heap_.end(), later);
  }

  void drain() {
    while (!heap_.empty()) {
      std::pop_heap(heap_.begin(), heap_.end(), later);
      const IntrusivePtr<Node> node = std::move(heap_.back());
      heap_.pop_back();
      node->queued = false;
      check_interrupt("backward");
      step(*node);
    }
    for (auto& [leaf, g] : leaves_) g = run_hooks(leaf->outputs()[0], std::move(g));
  }

  void commit();
  // Calls what waits for the gradients of leaves, which are there by now.
  void call_leaf_hooks();
  // Hands the leaves' gradients, but those of `inputs`, to another run.
  std::vector<Tensor> join(Run& outer, std::span<const Edge> inputs);
  Tensor captured(const Edge& edge);

 private:
  static bool later(const IntrusivePtr<Node>& a, const IntrusivePtr<Node>& b) {
    return a->sequence() < b->sequence();
  }

  void check(const Edge& edge, Tensor& g, const char* from) {
    const Output& o = edge.node->outputs()[edge.output];
    if (g.device() != o.device) {
      fail<AutogradError>(from, "got a gradient on {}, expected one on {}", g.device(), o.device);
    }
    if (g.sizes() != o.sizes) g = unbroadcast(g, o.sizes, from);
    if (g.dtype() != o.dtype) g = g.to(o.dtype);
  }

  void accumulate(Tensor& sum, Tensor g) {
    if (!sum.defined()) {
      sum = std::move(g);
    } else if (!create_ && sole_owner(sum)) {
      sum.add_(g);
    } else if (!create_ && sole_owner(g)) {
      sum = std::move(g.add_(sum));
    } else {
      sum = sum.add(g);
    }
  }

  Tensor& leaf_slot(const Edge& edge) {
    auto* leaf = static_cast<Leaf*>(edge.node.get());
    if (leaves_.size() < 16) {  // few leaves: a look beats a hash
      for (auto& [l, g] : leaves_) {
        if (l.get() == leaf) return g;
      }
    } else {
      for (; indexed_ < leaves_.size(); ++indexed_)
        index_[leaves_[indexed_].first.get()] = indexed_;
      if (const auto found = index_.find(leaf); found != index_.end())
        return leaves_[found->second].second;
    }
    leaves_.emplace_back(IntrusivePtr<Leaf>(leaf), Tensor());
    return leaves_.back().second;
  }

  static void check_replaced(const Tensor& g, const Tensor& by) {
    if (by.sizes() == g.sizes() && by.dtype() == g.dtype() && by.device() == g.device()) return;
    fail<AutogradError>("backward",
                        "got a gradient of shape {}, {} on {} from a hook, expected {}, {} on {}",
                        by.sizes(), by.dtype(), by.device(), g.sizes(), g.dtype(), g.device());
  }

  Tensor run_hooks(Output& o, Tensor g) {
    if (!o.extras || !g.defined()) return g;
    const auto hooks = o.extras->hooks;  // a hook may remove itself
    for (const auto& [id, hook] : hooks) {
      Tensor replaced = hook(g);
      if (!replaced.defined()) continue;
      check_replaced(g, replaced);
      g = std::move(replaced);
    }
    if (o.extras->retain) retained_.emplace_back(o.extras.get(), g);
    return g;
  }

  void step(Node& node);
  void check_anomaly(const Node& node, std::span<const Tensor> values);

  bool retain_, create_, aimed_ = false;
  weft::detail::ModeGuard<&weft::detail::Modes::grad, true> mode_;
  std::vector<IntrusivePtr<Node>> heap_;
  std::vector<std::pair<IntrusivePtr<Leaf>, Tensor>> leaves_;
  std::unordered_map<const Leaf*, std::size_t> index_;
  std::size_t indexed_ = 0;
  std::unordered_set<const Node*> useful_;
  std::vector<std::pair<Edge, Tensor>> captures_;
  std::vector<std::pair<OutputExtras*, Tensor>> retained_;
};

void Run::step(Node& node) {
  constexpr std::size_t kInline = 4;
  const std::size_t inputs = node.edges().size(), outputs = node.outputs().size();
  Tensor small_values[kInline], small_gradients[1];
  std::vector<Tensor> many_values(inputs > kInline ? inputs : 0),
      many_gradients(outputs > 1 ? outputs : 0);
  const std::span<Tensor> values{inputs > kInline ? many_values.data() : small_values, inputs};
  const std::span<Tensor> gradients{outputs > 1 ? many_gradients.data() : small_gradients, outputs};
  for (std::size_t i = 0; i < outputs; ++i) {
    gradients[i] = run_hooks(node.outputs()[i], std::move(node.outputs()[i].gradient));
  }
  for (auto& [edge, g] : captures_) {
    if (edge.node.get() == &node) g = gradients[edge.output];
  }
  if (aimed_ && std::none_of(node.edges().begin(), node.edges().end(),
                             [&](const Edge& e) { return useful_.contains(e.node.get()); })) {
    return;
  }
  if (node.released()) {
    fail<AutogradError>(
        "backward",
        "got a graph whose saved tensors were freed at {}, expected one that was kept; pass "
        "retain_graph=true to the first backward()",
        node.name());
  }
  Gradients slots(node.edges(), values.data());
  {
    Running scope(&node, this);
    node.apply(gradients, slots);
  }
  for (Tensor& g : gradients) g = {};
  if (weft::detail::modes.anomaly) check_anomaly(node, values);
  if (!retain_) node.drop_saved();
  for (std::size_t i = 0; i < inputs; ++i) {
    if (values[i].defined() && slots.needed(i))
      add(node.edges()[i], std::move(values[i]), node.name());
  }
}

void Run::check_anomaly(const Node& node, std::span<const Tensor> values) {
  NoGradGuard no_grad;
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (values[i].defined() && values[i].is_floating_point() &&
        values[i].isnan().any().item().to_bool()) {
      const std::string origin = origin_of(node);
      fail<AutogradError>(
          node.name(), "got a NaN in the gradient of input {}, expected none (anomaly detection){}",
          i, origin.empty() ? "" : "; the operation was called here:\n" + origin);
    }
  }
}

void Run::aim(std::span<const Edge> roots, std::span<const Edge> targets) {
  aimed_ = true;
  for (const Edge& t : targets) {
    useful_.insert(t.node.get());
    if (!t.node->is_leaf()) captures_.emplace_back(t, Tensor());
  }
  // Depth first without recursion; a node is judged when it is met the second time.
  std::unordered_set<const Node*> seen;
  std::vector<std::pair<Node*, bool>> stack;
  for (const Edge& r : roots) stack.emplace_back(r.node.get(), false);
  while (!stack.empty()) {
    const auto [node, done] = stack.back();
    stack.pop_back();
    if (done) {
      for (const Edge& e : node->edges()) {
        if (e.node && useful_.contains(e.node.get())) useful_.insert(node);
      }
    } else if (seen.insert(node).second) {
      stack.emplace_back(node, true);
      for (const Edge& e : node->edges()) {
        if (e.node) stack.emplace_back(e.node.get(), false);
      }
    }
  }
}

Tensor Run::captured(const Edge& edge) {
  if (edge.node->is_leaf()) {
    for (const auto& [leaf, g] : leaves_) {
      if (leaf.get() == edge.node.get()) return g;
    }
    return {};
  }
  for (const auto& [e, g] : captures_) {
    if (e.node == edge.node && e.output == edge.output) return g;
  }
  return {};
}

// A first gradient as a leaf keeps it: its own, without gaps, in the order of the leaf's memory.
Tensor kept(const Leaf& leaf, Tensor g) {
  if (!same_strides(g.sizes(), g.strides(), leaf.strides) && is_dense(g.sizes(), leaf.strides)) {
    Tensor ordered = make_tensor(g.sizes(), leaf.strides, g.dtype(), g.device());
    return ordered.copy_(g);
  }
  return sole_owner(g) && g.is_contiguous(MemoryFormat::Preserve) ? std::move(g) : g.clone();
}

// What may fail comes first, what changes grads last and cannot fail.
void Run::commit() {
  for (auto& [edge, g] : captures_) {
    auto& extras = edge.node->outputs()[edge.output].extras;
    if (!extras) extras = std::make_unique<OutputExtras>();
    if (g.defined() && !extras->retain) retained_.emplace_back(extras.get(), g);
  }
  for (auto& [extras, g] : retained_) {
    if (extras->retained.defined()) g = extras->retained.add(g);
  }
  for (auto& [leaf, g] : leaves_) {
    if (!g.defined()) continue;
    LeafLock lock(*leaf);
    if (leaf->grad.defined() && (create_ || leaf->grad.requires_grad())) {
      g = leaf->grad.add(g);
    } else if (!leaf->grad.defined() && !create_) {
      g = kept(*leaf, std::move(g));
    }
  }
  for (auto& [leaf, g] : leaves_) {
    if (!g.defined()) continue;
    LeafLock lock(*leaf);
    if (leaf->grad.defined() && !create_ && !leaf->grad.requires_grad()) {
      leaf->grad.add_(g);
    } else {
      leaf->grad = std::move(g);
    }
  }
  for (auto& [extras, g] : retained_) extras->retained = std::move(g);
}

void Run::call_leaf_hooks() {
  for (const auto& [leaf, g] : leaves_) {
    const auto& extras = leaf->outputs()[0].extras;
    if (!extras) continue;
    const auto hooks = extras->hooks;  // a hook may remove itself
    for (const auto& [id, hook] : hooks) {
      if (const auto* after = hook.target<AfterAccumulation>()) after->call(*leaf);
    }
  }
}

std::vector<Tensor> Run::join(Run& outer, std::span<const Edge> inputs) {
  std::vector<Tensor> result(inputs.size());
  for (auto& [leaf, g] : leaves_) {
    const auto own = std::find_if(inputs.begin(), inputs.end(),
                                  [&](const Edge& e) { return e.node.get() == leaf.get(); });
    if (own != inputs.end()) {
      result[static_cast<std::size_t>(own - inputs.begin())] = std::move(g);
    } else if (g.defined()) {
      outer.add({IntrusivePtr<Node>(leaf.get()), 0}, std::move(g), "backward");
    }
  }
  return result;
}

Tensor root_gradient(const Tensor& output, std::span<const Tensor> given, std::size_t i,
                     bool create_graph) {
  if (i < given.size() && given[i].defined()) {
    if (given[i].sizes() != output.sizes()) {
      fail<ShapeError>(
          "backward",
          "got a gradient of shape [{}] for an output of shape [{}], expected the same shape",
          fmt::join(given[i].sizes(), ", "), fmt::join(output.sizes(), ", "));
    }
    return create_graph ? given[i] : given[i].detach();
  }
  if (output.numel() != 1) {
    fail<ShapeError>(
        "backward",
        "got an output of shape [{}] without a gradient, expected one element, or pass the "
        "gradient",
        fmt::join(output.sizes(), ", "));
  }
  NoGradGuard no_grad;
  return make_tensor(output.sizes(), contiguous_strides(output.sizes()), output.dtype(),
                     output.device())
      .fill_(1);
}

std::vector<Edge> edges_of(const char* op, std::span<const Tensor> tensors, const char* what) {
  std::vector<Edge> edges;
  edges.reserve(tensors.size());
  for (const Tensor& t : tensors) {
    t.get(op);
    edges.push_back(edge_of(t));
    if (!edges.back().node) {
      fail<AutogradError>(op,
                          "got {} of shape [{}] that does not require grad, expected one that does",
                          what, fmt::join(t.sizes(), ", "));
    }
  }
  return edges;
}

void start(Run& run, std::span<const Tensor> outputs, std::span<const Edge> roots,
           std::span<const Tensor> grad_outputs, bool create_graph) {
  if (!grad_outputs.empty() && grad_outputs.size() != outputs.size()) {
    fail<ValueError>("backward", "got {} gradients for {} outputs, expected one for each",
                     grad_outputs.size(), outputs.size());
  }
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    run.add(roots[i], root_gradient(outputs[i], grad_outputs, i, create_graph), "backward");
  }
  run.drain();
}

}  // namespace

Node* current_node() { return running; }

void backward(std::span<const Tensor> outputs, std::span<const Tensor> grad_outputs,
              bool retain_graph, bool create_graph, std::span<const Tensor> inputs) {
  const auto roots = edges_of("backward", outputs, "an output");
  const auto targets = edges_of("backward", inputs, "an input");
  Run run(retain_graph || create_graph, create_graph);
  if (!targets.empty()) run.aim(roots, targets);
  start(run, outputs, roots, grad_outputs, create_graph);
  run.commit();
  run.call_leaf_hooks();
}

std::vector<Tensor> backward_within(std::span<const Tensor> outputs,
                                    std::span<const Tensor> grad_outputs,
                                    std::span<const Tensor> inputs) {
  const auto roots = edges_of("backward", outputs, "an output");
  std::vector<Edge> targets;
  for (const Tensor& t : inputs) targets.push_back(edge_of(t));
  Run run(false, false);
  start(run, outputs, roots, grad_outputs, false);
  if (!running_run)
    fail<AutogradError>("backward",
                        "got a call outside of a backward function, expected one inside");
  return run.join(*running_run, targets);
}

std::vector<Tensor> grad(std::span<const Tensor> outputs, std::span<const Tensor> inputs,
                         std::span<const Tensor> grad_outputs, bool retain_graph, bool create_graph,
                         bool allow_unused) {
  const auto roots = edges_of("grad", outputs, "an output");
  const auto targets = edges_of("grad", inputs, "an input");
  Run run(retain_graph || create_graph, create_graph);
  run.aim(roots, targets);
  start(run, outputs, roots, grad_outputs, create_graph);
  std::vector<Tensor> result;
  for (std::size_t i = 0; i < targets.size(); ++i) {
    result.push_back(run.captured(targets[i]));
    if (!result.back().defined() && !allow_unused) {
      fail<AutogradError>(
          "grad",
          "got input {} that the outputs do not depend on, expected all to be used (or "
          "allow_unused=true)",
          i);
    }
  }
  return result;
}

std::vector<Tensor> grad(const Tensor& output, std::initializer_list<Tensor> inputs,
                         const Tensor& grad_output, bool retain_graph, bool create_graph,
                         bool allow_unused) {
  return grad(std::span(&output, 1), std::span(inputs.begin(), inputs.size()),
              std::span(&grad_output, 1), retain_graph, create_graph, allow_unused);
}

}  // namespace weft::autograd
