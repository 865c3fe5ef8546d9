#include <array>
#include <map>
#include <vector>

#include <weft/core/check.h>
#include <weft/cuda/dnn_plan.h>
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

// This thread's handle says for which device graphs and plans are.
void for_handle(Descriptor& d, cudnnBackendDescriptorType_t type) {
  if (type == CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR)
    d.set(CUDNN_ATTR_OPERATIONGRAPH_HANDLE, handle());
  if (type == CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR)
    d.set(CUDNN_ATTR_EXECUTION_PLAN_HANDLE, handle());
}

// Each thread has its own, for engines may not be run by two at once. They live as long as the
// process; a map's entries stay where they are.
const ConvPlan& plan_for(const ConvProblem& p) {
  thread_local auto& plans = *new std::map<ConvProblem, ConvPlan>;
  if (const auto at = plans.find(p); at != plans.end()) return at->second;
  const NotCaptured now;
  return plans.emplace(p, plan_of(p, for_handle)).first->second;
}

bool run(const ConvProblem& p, void* x, void* w, void* y, void* bias) {
  for (const void* at : {x, w, y}) {
    if (reinterpret_cast<std::uintptr_t>(at) % 16 != 0) return false;
  }
  const ConvPlan& plan = plan_for(p);
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
