#include <array>
#include <atomic>
#include <cstring>
#include <map>
#include <mutex>
#include <optional>

#include <weft/cuda/blas_problem.h>
#include <weft/cuda/epilogue.h>
#include <weft/cuda/libraries.h>
#include <weft/cuda/not_captured.h>
#include <weft/cuda/runtime.h>
#include <weft/cuda/tables.h>

// Products through cuBLASLt.
namespace weft::cuda {
namespace {

constexpr std::size_t kWorkspace = std::size_t{32} << 20;

// Made once a device and kept for the life of the process.
cublasLtHandle_t handle() {
  static std::mutex mutex;
  static std::array<cublasLtHandle_t, 128> handles{};
  const std::lock_guard lock(mutex);
  cublasLtHandle_t& h = handles[static_cast<std::size_t>(device())];
  if (!h) {
    const NotCaptured now;
    WEFT_BLAS(cublasLtCreate(&h));
  }
  return h;
}

// How the factors lie, and the algorithm that the library chose.
struct Plan {
  MatmulLayouts layouts;
  cublasLtMatmulAlgo_t algorithm;
  std::size_t workspace = 0;  // bytes
  std::atomic<bool> found{false};
};

void choose(Plan& plan, const MatmulProblem& p, const void* bias) {
  const Description product = product_of(p, bias);
  Preference preference;
  WEFT_BLAS(cublasLtMatmulPreferenceCreate(preference.out()));
  const auto say = [&](cublasLtMatmulPreferenceAttributes_t what, const auto& value) {
    WEFT_BLAS(cublasLtMatmulPreferenceSetAttribute(preference, what, &value, sizeof value));
  };
  say(CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, kWorkspace);
  const auto alignment = static_cast<std::uint32_t>(p.alignment);
  for (const auto what :
       {CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES,
        CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES}) {
    say(what, alignment);
  }
  cublasLtMatmulHeuristicResult_t result;
  int count = 0;
  const cublasStatus_t status = cublasLtMatmulAlgoGetHeuristic(
      handle(), product, plan.layouts.a, plan.layouts.b, plan.layouts.c, plan.layouts.c, preference,
      1, &result, &count);
  if (status != CUBLAS_STATUS_SUCCESS || count == 0) return;
  plan.algorithm = result.algo;
  plan.workspace = result.workspaceSize;
  plan.found = true;
}

// Plans live as long as the process; a map's entries stay where they are.
Plan& plan_for(const MatmulProblem& p, const void* bias) {
  static std::mutex mutex;
  static auto& plans = *new std::map<MatmulProblem, Plan>;
  const std::lock_guard lock(mutex);
  const NotCaptured now;
  const auto [at, fresh] = plans.try_emplace(p);
  if (fresh) {
    try {
      at->second.layouts = layouts_of(p);
      choose(at->second, p, bias);
    } catch (...) {
      plans.erase(at);
      throw;
    }
  }
  return at->second;
}

// A dense copy of a matrix that the library cannot read.
class Readable {
 public:
  explicit Readable(const View& v) : view_(v) {
    if (factor_of(v)) return;
    memory_.emplace(static_cast<std::size_t>(numel(v)) * size_of(v.dtype));
    stride_ = {v.size[1] * v.size[2], v.size[2], 1};
    view_ = {memory_->as<void>(), v.size, stride_.data(), 3, v.dtype};
    copy(make_loop(v.sizes(), {view_, v}));
  }
  const View& view() const { return view_; }

 private:
  View view_;
  std::optional<Scratch> memory_;
  std::array<Index, 3> stride_{};
};

// Whether the library could.
bool run(const MatmulProblem& p, const View& out, const View& a, const View& b, const View& bias,
         double alpha, double beta) {
  Plan& plan = plan_for(p, bias.data);
  if (!plan.found) return false;
  const Scratch workspace(plan.workspace);
  const float alpha32 = static_cast<float>(alpha), beta32 = static_cast<float>(beta);
  const bool wide = p.type == CUDA_R_64F;
  const Description product = product_of(p, bias.data);
  const cublasStatus_t status = cublasLtMatmul(
      handle(), product, wide ? static_cast<const void*>(&alpha) : &alpha32, b.data, plan.layouts.a,
      a.data, plan.layouts.b, wide ? static_cast<const void*>(&beta) : &beta32, out.data,
      plan.layouts.c, out.data, plan.layouts.c, &plan.algorithm, workspace.as<void>(),
      plan.workspace, static_cast<cudaStream_t>(stream()));
  plan.found = status != CUBLAS_STATUS_NOT_SUPPORTED;
  if (!plan.found) return false;
  check_blas(status, "cublasLtMatmul()");
  launched("matmul");
  return true;
}

}  // namespace

bool blas_matmul(const View& out, const View& a, const View& b, const View& bias, double alpha,
                 double beta, bool relu) {
  const Index k = a.size[2];
  const auto to = factor_of(out);
  const bool rows = to && !to->transposed;
  if (!is_floating(out.dtype) || k == 0 || !rows || (bias && bias.stride[0] != 1)) return false;
  const Readable first(a), second(b);
  const View &va = first.view(), &vb = second.view();
  const auto problem = [&](const View& added, bool clamped) {
    return matmul_problem(out, va, vb, added, beta, clamped,
                          matmul_precision() != MatmulPrecision::Highest, device());
  };
  if (run(problem(bias, relu), out, va, vb, bias, alpha, beta)) return true;
  if (!bias && !relu) return false;
  // Not every type can have it done with the product.
  if (!run(problem({}, false), out, va, vb, {}, alpha, beta)) return false;
  bias_relu(out, bias, 2, relu);
  return true;
}

}  // namespace weft::cuda
