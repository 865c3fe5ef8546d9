#include <algorithm>
#include <array>
#include <limits>
#include <map>
#include <string_view>

#include <weft/core/check.h>
#include <weft/core/environment.h>
#include <weft/cuda/check.h>
#include <weft/cuda/dnn_legacy.h>
#include <weft/cuda/dnn_plan.h>
#include <weft/cuda/host.h>
#include <weft/cuda/lent.h>
#include <weft/cuda/libraries.h>
#include <weft/cuda/not_captured.h>
#include <weft/cuda/runtime.h>

// Convolutions through cuDNN's graph API: a small graph is described, its heuristics propose
// engines, and the first that is allowed and can be built, or where the program asks for it the
// fastest of them, becomes a plan, kept by plain numbers. Allowed is what gives the same bits each
// time and, for f32, what multiplies in f32 (unless TF32 was asked for). What it has no engine for
// goes to cuDNN's older functions.
namespace weft::cuda {
namespace {

struct LegacyPlan {
  std::optional<LegacyConv> conv;
  std::optional<LegacyAlgorithm> algorithm;
};

// What a thread computes convolutions with: a handle carries a stream, and an engine may not be run
// by two at once. A map's entries stay where they are.
struct Engines {
  std::array<cudnnHandle_t, 128> handles{};  // by device
  std::map<ConvProblem, ConvPlan> plans;
  std::map<ConvProblem, LegacyPlan> legacy;
};

cudnnHandle_t handle() {
  cudnnHandle_t& h = lent<Engines>().handles[static_cast<std::size_t>(device())];
  if (!h) {
    const NotCaptured now;
    WEFT_DNN(cudnnCreate(&h));
  }
  WEFT_DNN(cudnnSetStream(h, static_cast<cudaStream_t>(stream())));
  return h;
}

// This thread's handle says for which device graphs and plans are.
void for_handle(Descriptor& d, cudnnBackendDescriptorType_t type) {
  if (type == CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR)
    d.set(CUDNN_ATTR_OPERATIONGRAPH_HANDLE, handle());
  if (type == CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR)
    d.set(CUDNN_ATTR_EXECUTION_PLAN_HANDLE, handle());
}

struct Operands {
  void *x, *w, *y, *bias;
};

void execute(const ConvPlan& plan, const ConvProblem& p, const Operands& at) {
  const Scratch workspace(static_cast<std::size_t>(plan.workspace));
  std::vector<std::int64_t> ids = {kX, kW, kY};
  std::vector<void*> pointers = {at.x, at.w, at.y};
  if (p.bias) {
    ids.push_back(kBias);
    pointers.push_back(at.bias);
  }
  Descriptor pack(CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR);
  pack.set(CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, ids);
  pack.set(CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS, CUDNN_TYPE_VOID_PTR, pointers.data(),
           pointers.size());
  void* room = workspace.as<void>();
  pack.set(CUDNN_ATTR_VARIANT_PACK_WORKSPACE, CUDNN_TYPE_VOID_PTR, &room, 1);
  pack.finalize();
  WEFT_DNN(cudnnBackendExecute(handle(), plan.description.front().get(), pack.get()));
}

// ---- By the clock, where benchmark() says so

using Mark = Handle<cudaEvent_t, cudaEventDestroy>;

// Milliseconds of the quickest of a few runs, after one that loads and compiles.
float time_of(const ConvPlan& plan, const ConvProblem& p, const Operands& at) {
  std::array<Mark, 4> marks;
  for (Mark& m : marks) {
    WEFT_CUDA(cudaEventCreate(m.out()));
    execute(plan, p, at);
    WEFT_CUDA(cudaEventRecord(m, static_cast<cudaStream_t>(stream())));
  }
  WEFT_CUDA(cudaEventSynchronize(marks.back()));
  float least = std::numeric_limits<float>::infinity();
  for (std::size_t i = 1; i < marks.size(); ++i) {
    float time = 0;
    WEFT_CUDA(cudaEventElapsedTime(&time, marks[i - 1], marks[i]));
    least = std::min(least, time);
  }
  return least;
}

// Infinite where it cannot run now, for want of memory say.
float try_time_of(const ConvPlan& plan, const ConvProblem& p, const Operands& at) {
  try {
    return time_of(plan, p, at);
  } catch (const std::exception&) {
    cudaGetLastError();
    return std::numeric_limits<float>::infinity();
  }
}

// Of the first plans that the heuristics propose, on the tensors at hand: each writes the result.
ConvPlan fastest(const ConvProblem& p, const Operands& at) {
  constexpr std::size_t kTried = 8;
  std::vector<ConvPlan> plans = plans_of(p, for_handle, kTried);
  if (plans.empty()) return {};
  std::vector<float> times;
  if (plans.size() > 1) {
    for (const ConvPlan& plan : plans) times.push_back(try_time_of(plan, p, at));
  }
  const auto best = std::min_element(times.begin(), times.end()) - times.begin();
  return std::move(plans[static_cast<std::size_t>(best)]);
}

// ---- Plans, and running them

// No clock runs while a graph is captured.
ConvPlan& plan_for(ConvProblem p, const Operands& at) {
  auto& plans = lent<Engines>().plans;
  p.timed = benchmark();
  if (p.timed && host.capturing() && !plans.contains(p)) p.timed = 0;
  if (const auto found = plans.find(p); found != plans.end()) return found->second;
  const NotCaptured now;
  return plans.emplace(p, p.timed ? fastest(p, at) : plan_of(p, for_handle)).first->second;
}

// With a bias of NaN, or a filter where there is no bias, all is NaN before the ReLU; the result
// itself comes after. Looks at an element in the middle, which no padding reaches.
bool keeps_nan(ConvPlan& plan, const ConvProblem& p, const Operands& at) {
  if (plan.nan != Nan::Untried || host.capturing()) return plan.nan == Nan::Kept;
  const auto type = static_cast<DType>(p.dtype);
  std::int64_t room = 1, middle = 0;
  for (std::size_t d = 0; d < 4; ++d) {
    room += (p.w.size[d] - 1) * p.w.stride[d];
    middle += p.y.size[d] / 2 * p.y.stride[d];
  }
  if (p.bias) room = p.y.size[1];
  const std::size_t bytes = static_cast<std::size_t>(room) * size_of(type);
  const Scratch poison(bytes);
  // All bits set are NaN in every type.
  WEFT_CUDA(cudaMemsetAsync(poison.as<void>(), 0xFF, bytes, static_cast<cudaStream_t>(stream())));
  Operands poisoned = at;
  (p.bias ? poisoned.bias : poisoned.w) = poison.as<void>();
  execute(plan, p, poisoned);
  const char* const y = static_cast<const char*>(at.y);
  const bool kept = holds_nan(y + middle * static_cast<std::int64_t>(size_of(type)), type);
  plan.nan = kept ? Nan::Kept : Nan::Lost;
  return kept;
}

bool run_graph(const ConvProblem& p, const Operands& at) {
  ConvPlan& plan = plan_for(p, at);
  if (plan.description.empty() || (p.relu && !keeps_nan(plan, p, at))) return false;
  execute(plan, p, at);
  return true;
}

LegacyPlan legacy_plan_of(const ConvProblem& p) {
  LegacyPlan plan;
  plan.conv = legacy_of(p);
  if (plan.conv) plan.algorithm = algorithm_of(handle(), p, *plan.conv);
  return plan;
}

bool run_legacy(const ConvProblem& p, const Operands& at) {
  auto& plans = lent<Engines>().legacy;
  auto found = plans.find(p);
  if (found == plans.end()) {
    const NotCaptured now;
    found = plans.emplace(p, legacy_plan_of(p)).first;
  }
  LegacyPlan& plan = found->second;
  if (!plan.algorithm) return false;
  const Scratch workspace(plan.algorithm->workspace);
  const bool done =
      run(handle(), p, *plan.conv, *plan.algorithm, at.x, at.w, at.y, workspace.as<void>());
  if (!done) plan.algorithm.reset();
  return done;
}

// WEFT_CUDNN_GRAPH=0: the older functions alone, to try them, or around a bad engine.
bool uses_graphs() {
  static const bool on = detail::environment_switch("WEFT_CUDNN_GRAPH", true);
  return on;
}

bool run(const ConvProblem& p, const Operands& at) {
  for (const void* pointer : {at.x, at.w, at.y}) {
    if (reinterpret_cast<std::uintptr_t>(pointer) % 16 != 0) return false;
  }
  const bool plain = !p.bias && !p.relu;
  if (!(uses_graphs() && run_graph(p, at)) && !(plain && run_legacy(p, at))) return false;
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
      bias && bias.stride[0] == 1 && reinterpret_cast<std::uintptr_t>(bias.data) % 16 == 0;
  const auto attempt = [&](bool with_bias, bool with_relu) {
    ConvProblem p = problem_of(ConvTask::Forward, x, w, y, o, with_bias);
    p.relu = with_relu;
    return run(p, {x.data, w.data, y.data, with_bias ? bias.data : nullptr});
  };
  const Activation after = o.relu ? Activation::Relu : Activation::None;
  // Few engines fuse, and for f32 hardly one.
  if ((reads || !bias) && attempt(reads, o.relu)) return true;
  if (reads && o.relu && attempt(true, false)) {
    finish(y, {}, 1, after);
    return true;
  }
  if ((!bias && !o.relu) || !attempt(false, false)) return false;
  finish(y, bias, 1, after);
  return true;
}

bool dnn_backward_input(const View& gx, const View& gy, const View& w, const Conv2dOptions& o) {
  return run(problem_of(ConvTask::BackwardInput, gx, w, gy, o, false),
             {gx.data, w.data, gy.data, nullptr});
}

bool dnn_backward_weight(const View& gw, const View& gy, const View& x, const Conv2dOptions& o) {
  return run(problem_of(ConvTask::BackwardWeight, x, gw, gy, o, false),
             {x.data, gw.data, gy.data, nullptr});
}

}  // namespace weft::cuda
