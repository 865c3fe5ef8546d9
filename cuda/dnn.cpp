#include <array>
#include <map>
#include <vector>

#include <weft/core/check.h>
#include <weft/cuda/dnn_graph.h>
#include <weft/cuda/epilogue.h>
#include <weft/cuda/libraries.h>
#include <weft/cuda/not_captured.h>
#include <weft/cuda/runtime.h>

// Convolutions through cuDNN's graph API: a small graph is described, its heuristics propose
// engines, and the first that is allowed and can be built becomes a plan, kept by plain numbers.
// Allowed is what gives the same bits each time and, for f32, what multiplies in f32 (unless TF32
// was asked for).
namespace weft::cuda {
namespace {

// One for each thread and device: a handle carries a stream.
cudnnHandle_t handle() {
  thread_local std::array<cudnnHandle_t, 128> handles{};
  cudnnHandle_t& h = handles[static_cast<std::size_t>(device())];
  if (!h) {
    const NotCaptured now;
    WEFT_DNN(cudnnCreate(&h));
  }
  WEFT_DNN(cudnnSetStream(h, static_cast<cudaStream_t>(stream())));
  return h;
}

Descriptor graph_of(const ConvProblem& p) {
  const std::vector<Descriptor> nodes = nodes_of(p);
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

bool allowed(const Descriptor& config, const ConvProblem& p) {
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

// All that the heuristics propose, best first: for f32, what is allowed may come late.
std::vector<Descriptor> configs_of(const Descriptor& graph, cudnnBackendHeurMode_t mode) {
  Descriptor heuristics(CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR);
  heuristics.set(CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH, graph);
  heuristics.set(CUDNN_ATTR_ENGINEHEUR_MODE, mode);
  if (!heuristics.try_finalize()) return {};
  const auto results = [&](std::int64_t most, cudnnBackendDescriptor_t* into) {
    std::int64_t count = 0;
    WEFT_DNN(cudnnBackendGetAttribute(heuristics.get(), CUDNN_ATTR_ENGINEHEUR_RESULTS,
                                      CUDNN_TYPE_BACKEND_DESCRIPTOR, most, &count, into));
    return count;
  };
  std::vector<Descriptor> configs;
  std::vector<cudnnBackendDescriptor_t> raw;
  for (std::int64_t left = results(0, nullptr); left > 0; --left) {
    configs.emplace_back(CUDNN_BACKEND_ENGINECFG_DESCRIPTOR);
    raw.push_back(configs.back().get());
  }
  if (raw.empty()) return configs;
  const auto count =
      static_cast<std::size_t>(results(static_cast<std::int64_t>(raw.size()), raw.data()));
  while (configs.size() > count) configs.pop_back();
  return configs;
}

// Plans that want more memory are taken only where there is no other.
constexpr std::int64_t kWorkspace = std::int64_t{1} << 30;

Plan build(const ConvProblem& p) {
  const NotCaptured now;
  const Descriptor graph = graph_of(p);
  Plan plan, large;
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
      if (plan.workspace <= kWorkspace) {
        plan.description.push_back(std::move(d));
        return plan;
      }
      if (!large.description.empty()) continue;
      large.workspace = plan.workspace;
      large.description.push_back(std::move(d));
    }
  }
  return large;
}

// Each thread has its own, for engines may not be run by two at once. They live as long as the
// process; a map's entries stay where they are.
const Plan& plan_for(const ConvProblem& p) {
  thread_local auto& plans = *new std::map<ConvProblem, Plan>;
  if (const auto at = plans.find(p); at != plans.end()) return at->second;
  return plans.emplace(p, build(p)).first->second;
}

bool run(const ConvProblem& p, void* x, void* w, void* y, void* bias) {
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

ConvProblem problem_of(ConvTask task, const View& x, const View& w, const View& y,
                       const Conv2dOptions& o, bool bias) {
  return conv_problem(task, x, w, y, o, bias, matmul_precision() != MatmulPrecision::Highest,
                      device());
}

}  // namespace

bool dnn_forward(const View& y, const View& x, const View& w, const View& bias,
                 const Conv2dOptions& o) {
  const bool reads =
      !bias || (bias.stride[0] == 1 && reinterpret_cast<std::uintptr_t>(bias.data) % 16 == 0);
  const ConvProblem fused = problem_of(ConvTask::Forward, x, w, y, o, static_cast<bool>(bias));
  if (reads && run(fused, x.data, w.data, y.data, bias.data)) return true;
  if (!bias && !o.relu) return false;
  // Few engines fuse, and for f32 hardly one.
  ConvProblem plain = fused;
  plain.bias = plain.relu = 0;
  if (!run(plain, x.data, w.data, y.data, nullptr)) return false;
  bias_relu(y, bias, 1, o.relu);
  return true;
}

bool dnn_backward_input(const View& gx, const View& gy, const View& w, const Conv2dOptions& o) {
  return run(problem_of(ConvTask::BackwardInput, gx, w, gy, o, false), gx.data, w.data, gy.data,
             nullptr);
}

bool dnn_backward_weight(const View& gw, const View& gy, const View& x, const Conv2dOptions& o) {
  return run(problem_of(ConvTask::BackwardWeight, x, gw, gy, o, false), x.data, gw.data, gy.data,
             nullptr);
}

}  // namespace weft::cuda
