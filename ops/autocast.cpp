#include <weft/ops/autocast.h>

#include <unordered_map>

#include <weft/autograd/record.h>
#include <weft/core/check.h>
#include <weft/core/cuda_graph.h>
#include <weft/ops/kernels.h>

namespace weft {

using namespace autograd;

thread_local constinit detail::AutocastMode detail::autocast_mode;

namespace {

struct Converted {
  Tensor from, to;  // from is held so that nobody else gets its address
  Tensor memory;    // an alias of what was converted: from may get other data, of any version
  std::uint32_t version;
  DType dtype;
  bool recorded, inference;
};
using Cache = std::unordered_map<const TensorImpl*, Converted>;

Cache& cache() {
  thread_local Cache converted;
  return converted;
}

// A conversion keeps nothing, so several backward passes may run through the one of a scope.
class CastNode final : public EdgeNode {
 public:
  CastNode() : EdgeNode("autocast", sizeof(CastNode), 1, 1) {}
  void apply(std::span<Tensor> gradients, Gradients& inputs) override {
    inputs.set(0, [&] { return gradients[0]; });
  }
  void drop_saved() noexcept override {}
};

Tensor converted(const Tensor& x, DType dtype) {
  Tensor y;
  {
    NoGradGuard no_grad;
    y = x.to(dtype);
  }
  if (recording(x)) {
    IntrusivePtr<Node> node(new (EdgeCount{1}) CastNode);
    node->edges()[0] = edge_of(x);
    tape::attach(std::move(node), y, 0);
  }
  return y;
}

bool is_parameter(const Tensor& x) {
  const TensorImpl& t = *x.impl();
  return t.requires_grad && !t.meta && (!t.node || node_of(t)->is_leaf());
}

bool is_same_memory(const TensorImpl& a, const TensorImpl& b) {
  return a.storage.get() == b.storage.get() && a.data == b.data && a.sizes == b.sizes &&
         a.strides == b.strides;
}

bool serves(const Converted& c, const Tensor& x, DType dtype) {
  return c.version == x.version() && is_same_memory(*c.memory.impl(), *x.impl()) &&
         c.dtype == dtype && c.recorded == grad_enabled() && c.inference == inference_enabled();
}

Tensor cached(const Tensor& x, DType dtype) {
  const auto found = cache().find(x.impl());
  if (found != cache().end() && serves(found->second, x, dtype)) return found->second.to;
  const Tensor y = converted(x, dtype);
  cache().insert_or_assign(x.impl(), Converted{x, y, make_alias(x, x.layout()), x.version(), dtype,
                                               grad_enabled(), inference_enabled()});
  return y;
}

}  // namespace

AutocastGuard::AutocastGuard(DType dtype, bool enabled) : before_(detail::autocast_mode) {
  if (!is_half(dtype)) fail<DTypeError>("autocast", "got {}, expected bfloat16 or float16", dtype);
  detail::autocast_mode = {enabled, dtype, before_.depth + 1};
}

AutocastGuard::~AutocastGuard() {
  detail::autocast_mode = before_;
  if (before_.depth == 0) cache().clear();
}

Tensor lowered(const Tensor& x) {
  const DType dtype = detail::autocast_mode.dtype;
  if (!x.defined() || !is_floating(x.dtype())) return x;
  if (x.dtype() == DType::F64 || x.dtype() == dtype) return x;
  // A graph converts at each replay; what it converts is not there before the first.
  const bool lasts =
      is_parameter(x) && (x.device() == kCPU || !cuda::is_current_stream_capturing());
  return lasts ? cached(x, dtype) : converted(x, dtype);
}

Tensor widened(const Tensor& x) { return x.defined() && is_half(x.dtype()) ? x.to(DType::F32) : x; }

}  // namespace weft
