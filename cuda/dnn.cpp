#include <cudnn.h>

#include <array>
#include <map>
#include <mutex>
#include <vector>

#include <weft/core/check.h>
#include <weft/cuda/handle.h>
#include <weft/cuda/libraries.h>
#include <weft/cuda/runtime.h>

// Convolutions through cuDNN's graph API: a small graph is described, its heuristics propose
// engines, and the first that is allowed and can be built becomes a plan, kept by plain numbers.
// Allowed is what gives the same bits each time and, for f32, what multiplies in f32 (unless TF32
// was asked for).
namespace weft::cuda {
namespace {

void check_dnn(cudnnStatus_t status, const char* call) {
  if (status != CUDNN_STATUS_SUCCESS)
    fail<DeviceError>("conv2d", "got \"{}\" from {}, expected success", cudnnGetErrorString(status),
                      call);
}
#define WEFT_DNN(call) check_dnn(call, #call)

// One for each thread and device: a handle carries a stream.
cudnnHandle_t handle() {
  thread_local std::array<cudnnHandle_t, 128> handles{};
  cudnnHandle_t& h = handles[static_cast<std::size_t>(device())];
  if (!h) WEFT_DNN(cudnnCreate(&h));
  WEFT_DNN(cudnnSetStream(h, static_cast<cudaStream_t>(stream())));
  return h;
}

// ---- Descriptors

class Descriptor {
 public:
  explicit Descriptor(cudnnBackendDescriptorType_t type) {
    WEFT_DNN(cudnnBackendCreateDescriptor(type, d_.out()));
  }
  cudnnBackendDescriptor_t get() const { return d_; }

  template <class T>
  void set(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type, const T* values,
           std::size_t count) {
    WEFT_DNN(cudnnBackendSetAttribute(d_, name, type, static_cast<std::int64_t>(count), values));
  }
  void set(cudnnBackendAttributeName_t name, std::int64_t v) { set(name, CUDNN_TYPE_INT64, &v, 1); }
  void set(cudnnBackendAttributeName_t name, const std::vector<std::int64_t>& v) {
    set(name, CUDNN_TYPE_INT64, v.data(), v.size());
  }
  void set(cudnnBackendAttributeName_t name, float v) { set(name, CUDNN_TYPE_FLOAT, &v, 1); }
  void set(cudnnBackendAttributeName_t name, double v) { set(name, CUDNN_TYPE_DOUBLE, &v, 1); }
  void set(cudnnBackendAttributeName_t name, bool v) { set(name, CUDNN_TYPE_BOOLEAN, &v, 1); }
  void set(cudnnBackendAttributeName_t name, cudnnDataType_t v) {
    set(name, CUDNN_TYPE_DATA_TYPE, &v, 1);
  }
  void set(cudnnBackendAttributeName_t name, cudnnConvolutionMode_t v) {
    set(name, CUDNN_TYPE_CONVOLUTION_MODE, &v, 1);
  }
  void set(cudnnBackendAttributeName_t name, cudnnPointwiseMode_t v) {
    set(name, CUDNN_TYPE_POINTWISE_MODE, &v, 1);
  }
  void set(cudnnBackendAttributeName_t name, cudnnBackendHeurMode_t v) {
    set(name, CUDNN_TYPE_HEUR_MODE, &v, 1);
  }
  void set(cudnnBackendAttributeName_t name, cudnnHandle_t v) {
    set(name, CUDNN_TYPE_HANDLE, &v, 1);
  }
  void set(cudnnBackendAttributeName_t name, const Descriptor& v) {
    const cudnnBackendDescriptor_t d = v.d_;
    set(name, CUDNN_TYPE_BACKEND_DESCRIPTOR, &d, 1);
  }
  bool try_finalize() { return cudnnBackendFinalize(d_) == CUDNN_STATUS_SUCCESS; }
  void finalize() { WEFT_DNN(cudnnBackendFinalize(d_)); }

 private:
  Handle<cudnnBackendDescriptor_t, cudnnBackendDestroyDescriptor> d_;
};

// ---- The problem, as plain numbers

enum class Task : std::int64_t { Forward, BackwardInput, BackwardWeight };

// The tensors of a graph and their names in it.
enum Id : std::int64_t { kX = 1, kW, kY, kBias, kSum, kBiased };

struct Layout4 {
  std::array<std::int64_t, 4> size, stride;
  auto operator<=>(const Layout4&) const = default;
};
Layout4 layout_of(const View& v) {
  Layout4 l;
  for (int d = 0; d < 4; ++d) {
    l.size[static_cast<std::size_t>(d)] = v.size[d];
    l.stride[static_cast<std::size_t>(d)] = v.stride[d];
  }
  return l;
}

struct Problem {
  Task task;
  Layout4 x, w, y;
  std::array<std::int64_t, 2> stride, low, high, dilation;
  std::int64_t dtype, bias, relu, tf32, device;
  auto operator<=>(const Problem&) const = default;
};

Problem problem_of(Task task, const View& x, const View& w, const View& y, const Conv2dOptions& o,
                   bool bias) {
  const auto pair = [](const Index(&v)[2]) { return std::array<std::int64_t, 2>{v[0], v[1]}; };
  return {.task = task,
          .x = layout_of(x),
          .w = layout_of(w),
          .y = layout_of(y),
          .stride = pair(o.stride),
          .low = pair(o.padding_low),
          .high = pair(o.padding_high),
          .dilation = pair(o.dilation),
          .dtype = static_cast<std::int64_t>(x.dtype),
          .bias = bias,
          .relu = o.relu,
          .tf32 = matmul_precision() != MatmulPrecision::Highest,
          .device = device()};
}

cudnnDataType_t data_type(std::int64_t dtype) {
  switch (static_cast<DType>(dtype)) {
    case DType::F16: return CUDNN_DATA_HALF;
    case DType::BF16: return CUDNN_DATA_BFLOAT16;
    case DType::F64: return CUDNN_DATA_DOUBLE;
    default: return CUDNN_DATA_FLOAT;
  }
}
cudnnDataType_t compute_type(const Problem& p) {
  return static_cast<DType>(p.dtype) == DType::F64 ? CUDNN_DATA_DOUBLE : CUDNN_DATA_FLOAT;
}

// ---- The graph

Descriptor tensor(Id id, const Layout4& l, cudnnDataType_t type, bool inner = false) {
  Descriptor d(CUDNN_BACKEND_TENSOR_DESCRIPTOR);
  d.set(CUDNN_ATTR_TENSOR_DATA_TYPE, type);
  d.set(CUDNN_ATTR_TENSOR_DIMENSIONS, std::vector<std::int64_t>(l.size.begin(), l.size.end()));
  d.set(CUDNN_ATTR_TENSOR_STRIDES, std::vector<std::int64_t>(l.stride.begin(), l.stride.end()));
  d.set(CUDNN_ATTR_TENSOR_UNIQUE_ID, static_cast<std::int64_t>(id));
  d.set(CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, std::int64_t{16});
  d.set(CUDNN_ATTR_TENSOR_IS_VIRTUAL, inner);
  d.finalize();
  return d;
}

Descriptor convolution(const Problem& p) {
  const auto list = [](const std::array<std::int64_t, 2>& v) {
    return std::vector<std::int64_t>(v.begin(), v.end());
  };
  Descriptor d(CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR);
  d.set(CUDNN_ATTR_CONVOLUTION_SPATIAL_DIMS, std::int64_t{2});
  d.set(CUDNN_ATTR_CONVOLUTION_COMP_TYPE, compute_type(p));
  d.set(CUDNN_ATTR_CONVOLUTION_CONV_MODE, CUDNN_CROSS_CORRELATION);
  d.set(CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS, list(p.low));
  d.set(CUDNN_ATTR_CONVOLUTION_POST_PADDINGS, list(p.high));
  d.set(CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES, list(p.stride));
  d.set(CUDNN_ATTR_CONVOLUTION_DILATIONS, list(p.dilation));
  d.finalize();
  return d;
}

// A node of the graph: its attributes go by other names in each direction.
struct Names {
  cudnnBackendDescriptorType_t node;
  cudnnBackendAttributeName_t conv, x, w, y, alpha, beta;
};
constexpr Names kNames[] = {
    {CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR,
     CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X,
     CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y,
     CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_ALPHA, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_BETA},
    {CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR,
     CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_CONV_DESC,
     CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DX, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_W,
     CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DY, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_ALPHA,
     CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_BETA},
    {CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_FILTER_DESCRIPTOR,
     CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_CONV_DESC,
     CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_X, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DW,
     CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DY,
     CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_ALPHA,
     CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_BETA},
};

Descriptor pointwise(cudnnPointwiseMode_t mode, const Problem& p, const Descriptor& x,
                     const Descriptor* b, const Descriptor& y) {
  Descriptor what(CUDNN_BACKEND_POINTWISE_DESCRIPTOR);
  what.set(CUDNN_ATTR_POINTWISE_MODE, mode);
  what.set(CUDNN_ATTR_POINTWISE_MATH_PREC, compute_type(p));
  what.finalize();
  Descriptor node(CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR);
  node.set(CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR, what);
  node.set(CUDNN_ATTR_OPERATION_POINTWISE_XDESC, x);
  if (b) node.set(CUDNN_ATTR_OPERATION_POINTWISE_BDESC, *b);
  node.set(CUDNN_ATTR_OPERATION_POINTWISE_YDESC, y);
  node.finalize();
  return node;
}

// y = relu(conv(x, w) + bias), or what of it the problem has; or a gradient.
Descriptor graph_of(const Problem& p) {
  const cudnnDataType_t type = data_type(p.dtype);
  const Names& names = kNames[static_cast<int>(p.task)];
  const bool more = p.bias || p.relu;
  const Descriptor x = tensor(kX, p.x, type), w = tensor(kW, p.w, type), y = tensor(kY, p.y, type);
  const Descriptor sum = tensor(kSum, p.y, compute_type(p), true);
  Descriptor node(names.node);
  node.set(names.conv, convolution(p));
  node.set(names.x, x);
  node.set(names.w, w);
  node.set(names.y, more ? sum : y);
  if (compute_type(p) == CUDNN_DATA_DOUBLE) {
    node.set(names.alpha, 1.0);
    node.set(names.beta, 0.0);
  } else {
    node.set(names.alpha, 1.0f);
    node.set(names.beta, 0.0f);
  }
  node.finalize();
  std::vector<Descriptor> nodes;
  nodes.push_back(std::move(node));
  const Layout4 channels = {{1, p.y.size[1], 1, 1}, {p.y.size[1], 1, p.y.size[1], p.y.size[1]}};
  const Descriptor bias = tensor(kBias, channels, type);
  const Descriptor biased = tensor(kBiased, p.y, compute_type(p), true);
  if (p.bias) nodes.push_back(pointwise(CUDNN_POINTWISE_ADD, p, sum, &bias, p.relu ? biased : y));
  if (p.relu)
    nodes.push_back(pointwise(CUDNN_POINTWISE_RELU_FWD, p, p.bias ? biased : sum, nullptr, y));
  std::vector<cudnnBackendDescriptor_t> raw;
  for (const Descriptor& n : nodes) raw.push_back(n.get());
  Descriptor graph(CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR);
  graph.set(CUDNN_ATTR_OPERATIONGRAPH_OPS, CUDNN_TYPE_BACKEND_DESCRIPTOR, raw.data(), raw.size());
  graph.set(CUDNN_ATTR_OPERATIONGRAPH_HANDLE, handle());
  graph.finalize();
  return graph;
}

// ---- The plan

struct Plan {
  std::vector<Descriptor> description;  // empty: cuDNN has none for this problem
  std::int64_t workspace = 0;
};

bool allowed(const Descriptor& config, const Problem& p) {
  Descriptor engine(CUDNN_BACKEND_ENGINE_DESCRIPTOR);
  cudnnBackendDescriptor_t raw = engine.get();
  std::int64_t count = 0;
  WEFT_DNN(cudnnBackendGetAttribute(config.get(), CUDNN_ATTR_ENGINECFG_ENGINE,
                                    CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &count, &raw));
  std::array<cudnnBackendNumericalNote_t, CUDNN_NUMERICAL_NOTE_TYPE_COUNT> notes{};
  WEFT_DNN(cudnnBackendGetAttribute(engine.get(), CUDNN_ATTR_ENGINE_NUMERICAL_NOTE,
                                    CUDNN_TYPE_NUMERICAL_NOTE, notes.size(), &count, notes.data()));
  const bool single = static_cast<DType>(p.dtype) == DType::F32;
  for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) {
    const auto note = notes[i];
    if (note == CUDNN_NUMERICAL_NOTE_NONDETERMINISTIC) return false;
    if (note == CUDNN_NUMERICAL_NOTE_DOWN_CONVERT_INPUTS) return false;
    if (note == CUDNN_NUMERICAL_NOTE_TENSOR_CORE && single && !p.tf32) return false;
  }
  return true;
}

// What the heuristics propose, best first.
std::vector<Descriptor> configs_of(const Descriptor& graph, cudnnBackendHeurMode_t mode) {
  constexpr std::size_t kMost = 16;
  Descriptor heuristics(CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR);
  heuristics.set(CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH, graph);
  heuristics.set(CUDNN_ATTR_ENGINEHEUR_MODE, mode);
  if (!heuristics.try_finalize()) return {};
  std::vector<Descriptor> configs;
  std::vector<cudnnBackendDescriptor_t> raw;
  for (std::size_t i = 0; i < kMost; ++i) {
    configs.emplace_back(CUDNN_BACKEND_ENGINECFG_DESCRIPTOR);
    raw.push_back(configs.back().get());
  }
  std::int64_t count = 0;
  WEFT_DNN(cudnnBackendGetAttribute(heuristics.get(), CUDNN_ATTR_ENGINEHEUR_RESULTS,
                                    CUDNN_TYPE_BACKEND_DESCRIPTOR, kMost, &count, raw.data()));
  configs.erase(configs.begin() + static_cast<std::ptrdiff_t>(count), configs.end());
  return configs;
}

Plan build(const Problem& p) {
  const Descriptor graph = graph_of(p);
  Plan plan;
  for (const auto mode : {CUDNN_HEUR_MODE_A, CUDNN_HEUR_MODE_FALLBACK}) {
    for (Descriptor& config : configs_of(graph, mode)) {
      if (!allowed(config, p)) continue;
      Descriptor d(CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR);
      d.set(CUDNN_ATTR_EXECUTION_PLAN_HANDLE, handle());
      d.set(CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG, config);
      if (!d.try_finalize()) continue;
      std::int64_t count = 0;
      WEFT_DNN(cudnnBackendGetAttribute(d.get(), CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE,
                                        CUDNN_TYPE_INT64, 1, &count, &plan.workspace));
      plan.description.push_back(std::move(d));
      return plan;
    }
  }
  return plan;
}

// Plans live as long as the process; a map's entries stay where they are.
const Plan& plan_for(const Problem& p) {
  static std::mutex mutex;
  static auto& plans = *new std::map<Problem, Plan>;
  const std::lock_guard lock(mutex);
  if (const auto at = plans.find(p); at != plans.end()) return at->second;
  return plans.emplace(p, build(p)).first->second;
}

bool run(const Problem& p, void* x, void* w, void* y, void* bias) {
  for (const void* at : {x, w, y}) {
    if (reinterpret_cast<std::uintptr_t>(at) % 16 != 0) return false;
  }
  const Plan& plan = plan_for(p);
  if (plan.description.empty()) return false;
  const Scratch workspace(static_cast<std::size_t>(plan.workspace));
  std::vector<std::int64_t> ids = {kX, kW, kY};
  std::vector<void*> pointers = {x, w, y};
  if (p.bias) {
    ids.push_back(kBias);
    pointers.push_back(bias);
  }
  Descriptor pack(CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR);
  pack.set(CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, ids);
  pack.set(CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS, CUDNN_TYPE_VOID_PTR, pointers.data(),
           pointers.size());
  void* room = workspace.as<void>();
  pack.set(CUDNN_ATTR_VARIANT_PACK_WORKSPACE, CUDNN_TYPE_VOID_PTR, &room, 1);
  pack.finalize();
  WEFT_DNN(cudnnBackendExecute(handle(), plan.description.front().get(), pack.get()));
  launched("conv2d");
  return true;
}

}  // namespace

bool dnn_forward(const View& y, const View& x, const View& w, const View& bias,
                 const Conv2dOptions& o) {
  if (bias && (bias.stride[0] != 1 || reinterpret_cast<std::uintptr_t>(bias.data) % 16 != 0))
    return false;
  return run(problem_of(Task::Forward, x, w, y, o, static_cast<bool>(bias)), x.data, w.data, y.data,
             bias.data);
}

bool dnn_backward_input(const View& gx, const View& gy, const View& w, const Conv2dOptions& o) {
  return run(problem_of(Task::BackwardInput, gx, w, gy, o, false), gx.data, w.data, gy.data,
             nullptr);
}

bool dnn_backward_weight(const View& gw, const View& gy, const View& x, const Conv2dOptions& o) {
  return run(problem_of(Task::BackwardWeight, x, gw, gy, o, false), x.data, gw.data, gy.data,
             nullptr);
}

}  // namespace weft::cuda
