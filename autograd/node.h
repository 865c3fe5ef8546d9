#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <span>

#include <weft/autograd/mode.h>
#include <weft/core/tensor.h>

// The tape's parts. A recorded operation is a Node; its edges lead to the nodes that made its
// inputs, or to the Leaf that gathers an input's gradient. See docs/design.md for the way of one
// gradient.
namespace weft::autograd {

class Node;

// Called with the gradient of a tensor; a defined result replaces it.
using Hook = std::function<Tensor(const Tensor&)>;

struct Edge {
  IntrusivePtr<Node> node;
  std::uint32_t output = 0;
};

// What is rarely there: hooks and a kept gradient.
struct OutputExtras {
  std::vector<std::pair<int, Hook>> hooks;
  bool retain = false;
  Tensor retained;
};

// One output of a node: what its gradient must look like, and where it gathers during backward().
struct Output {
  Shape sizes;
  DType dtype = DType::F32;
  Device device;
  Tensor gradient;
  std::unique_ptr<OutputExtras> extras;
};

// The gradients that a backward function hands to the inputs of its operation.
class Gradients {
 public:
  Gradients(std::span<const Edge> edges, Tensor* values) : edges_(edges), values_(values) {}
  bool needed(std::size_t input) const { return static_cast<bool>(edges_[input].node); }
  std::size_t size() const { return edges_.size(); }
  // Calls f() for the gradient only where the input needs one.
  template <class F>
  void set(std::size_t input, F&& f) {
    if (needed(input)) values_[input] = f();
  }

 private:
  std::span<const Edge> edges_;
  Tensor* values_;
};

class WEFT_API Node : public RefCounted {
 public:
  const char* name() const { return name_; }
  // Increases with every operation: larger than that of all nodes this one leads to. 0 for a leaf.
  std::uint64_t sequence() const { return sequence_; }
  bool is_leaf() const { return sequence_ == 0; }
  // When its edges are known: finding them may make nodes (of views that were written into).
  void number();
  std::span<Edge> edges() const { return edges_; }
  std::span<Output> outputs() const { return outputs_; }

  // Gradients of the outputs (undefined: zero) to those of the inputs. A backward function may move
  // from `gradients` to reuse their memory.
  virtual void apply(std::span<Tensor> gradients, Gradients& inputs) = 0;
  // Drops what apply() needs; released() from then on.
  virtual void drop_saved() noexcept { released_ = true; }
  bool released() const { return released_; }

  bool queued = false;  // the engine's: waiting in its heap

 protected:
  explicit Node(const char* name) : name_(name) {}
  ~Node() override = default;
  // Deletes without recursion, however long the chain behind this node is.
  void destroy() noexcept override;

  std::span<Edge> edges_;
  std::span<Output> outputs_;
  bool released_ = false;

 private:
  const char* name_;
  std::uint64_t sequence_ = 0;
  Node* next_dead_ = nullptr;
};

// The end of the tape: gathers the gradient of a tensor that was made by no operation.
class WEFT_API Leaf final : public Node {
 public:
  explicit Leaf(const Tensor& tensor);
  void apply(std::span<Tensor>, Gradients&) override {}

  Tensor grad;
  std::atomic_flag lock;  // held while grad is read or changed
  Shape strides;          // the tensor's: grad gets its memory order, where that has no gaps

 private:
  Output output_;
};

// Holds a leaf's grad for a scope.
struct LeafLock {
  explicit LeafLock(Leaf& leaf) : leaf(leaf) {
    while (leaf.lock.test_and_set(std::memory_order_acquire)) leaf.lock.wait(true);
  }
  ~LeafLock() {
    leaf.lock.clear(std::memory_order_release);
    leaf.lock.notify_one();
  }
  Leaf& leaf;
};

struct EdgeCount {
  std::size_t n;
};

// A node with its edges behind it in the same block.
class WEFT_API EdgeNode : public Node {
 public:
  static void* operator new(std::size_t bytes, EdgeCount edges);
  static void operator delete(void* p, EdgeCount edges);
  static void operator delete(EdgeNode* p, std::destroying_delete_t);

 protected:
  EdgeNode(const char* name, std::size_t own_bytes, std::size_t edges, std::size_t outputs);
  ~EdgeNode() override;

 private:
  std::size_t bytes_;
  Output first_;
  std::unique_ptr<Output[]> more_;
};

inline Node* node_of(const TensorImpl& t) { return static_cast<Node*>(t.node.get()); }

// A view remembers the tensor that owns the storage, so that in-place changes reach its history.
struct ViewMeta final : RefCounted {
  explicit ViewMeta(Tensor base) : base(std::move(base)) {}
  Tensor base;
  void destroy() noexcept override { delete this; }
  void* operator new(std::size_t bytes) { return small_alloc(bytes); }
  void operator delete(void* p, std::size_t bytes) { small_free(p, bytes); }
};
inline ViewMeta* view_of(const TensorImpl& t) { return static_cast<ViewMeta*>(t.meta.get()); }

}  // namespace weft::autograd
