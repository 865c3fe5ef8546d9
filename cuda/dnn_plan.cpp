#include <weft/cuda/dnn_plan.h>

namespace weft::cuda {
namespace {

Descriptor graph_of(const ConvProblem& p, const Target& target) {
  const std::vector<Descriptor> nodes = nodes_of(p);
  std::vector<cudnnBackendDescriptor_t> raw;
  for (const Descriptor& n : nodes) raw.push_back(n.get());
  Descriptor graph(CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR);
  graph.set(CUDNN_ATTR_OPERATIONGRAPH_OPS, CUDNN_TYPE_BACKEND_DESCRIPTOR, raw.data(), raw.size());
  target(graph, CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR);
  graph.finalize();
  return graph;
}

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
std::vector<Descriptor> configs_of(const Descriptor& graph, cudnnBackendHeurMode_t mode,
                                   const Target& target) {
  Descriptor heuristics(CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR);
  heuristics.set(CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH, graph);
  heuristics.set(CUDNN_ATTR_ENGINEHEUR_MODE, mode);
  target(heuristics, CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR);
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

// Empty where the engine cannot be built.
ConvPlan built(const Descriptor& config, const Target& target) {
  ConvPlan plan;
  Descriptor d(CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR);
  target(d, CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR);
  d.set(CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG, config);
  if (!d.try_finalize()) return plan;
  std::int64_t count = 0;
  WEFT_DNN(cudnnBackendGetAttribute(d.get(), CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE,
                                    CUDNN_TYPE_INT64, 1, &count, &plan.workspace));
  plan.description.push_back(std::move(d));
  return plan;
}

}  // namespace

std::vector<ConvPlan> plans_of(const ConvProblem& p, const Target& target, std::size_t most) {
  const Descriptor graph = graph_of(p, target);
  std::vector<ConvPlan> plans;
  ConvPlan large;
  for (const auto mode : {CUDNN_HEUR_MODE_A, CUDNN_HEUR_MODE_FALLBACK}) {
    for (const Descriptor& config : configs_of(graph, mode, target)) {
      if (plans.size() == most || !allowed(config, p)) continue;
      ConvPlan plan = built(config, target);
      if (plan.description.empty()) continue;
      plan.fallback = mode == CUDNN_HEUR_MODE_FALLBACK;
      if (plan.workspace <= kWorkspace) {
        plans.push_back(std::move(plan));
      } else if (large.description.empty()) {
        large = std::move(plan);
      }
    }
    if (!plans.empty()) return plans;
  }
  if (!large.description.empty()) plans.push_back(std::move(large));
  return plans;
}

ConvPlan plan_of(const ConvProblem& p, const Target& target) {
  std::vector<ConvPlan> plans = plans_of(p, target, 1);
  return plans.empty() ? ConvPlan() : std::move(plans.front());
}

}  // namespace weft::cuda
