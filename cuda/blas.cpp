#include <array>
#include <atomic>
#include <cmath>
#include <map>
#include <mutex>
#include <optional>

#include <weft/cuda/blas_problem.h>
#include <weft/cuda/epilogue.h>
#include <weft/cuda/host.h>
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
  std::atomic<Nan> nan{Nan::Untried};
};

void choose(Plan& plan, const MatmulProblem& p, const void* vector) {
  const Description product = product_of(p, vector);
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
Plan& plan_for(const MatmulProblem& p, const void* vector) {
  static std::mutex mutex;
  static auto& plans = *new std::map<MatmulProblem, Plan>;
  const std::lock_guard lock(mutex);
  const NotCaptured now;
  const auto [at, fresh] = plans.try_emplace(p);
  if (fresh) {
    try {
      at->second.layouts = layouts_of(p);
      choose(at->second, p, vector);
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

struct Operands {
  const View &out, &a, &b, &vector;
  double alpha, beta;
};

// Whether the library could.
bool launch(Plan& plan, const MatmulProblem& p, const Operands& o) {
  const Scratch workspace(plan.workspace);
  const float alpha = static_cast<float>(o.alpha), beta = static_cast<float>(o.beta);
  const bool wide = p.type == CUDA_R_64F;
  const Description product = product_of(p, o.vector.data);
  const cublasStatus_t status = cublasLtMatmul(
      handle(), product, wide ? static_cast<const void*>(&o.alpha) : &alpha, o.b.data,
      plan.layouts.a, o.a.data, plan.layouts.b, wide ? static_cast<const void*>(&o.beta) : &beta,
      o.out.data, plan.layouts.c, o.out.data, plan.layouts.c, &plan.algorithm, workspace.as<void>(),
      plan.workspace, static_cast<cudaStream_t>(stream()));
  plan.found = status != CUBLAS_STATUS_NOT_SUPPORTED;
  if (!plan.found) return false;
  check_blas(status, "cublasLtMatmul()");
  launched("matmul");
  return true;
}

// An alpha of NaN makes every element NaN before the activation; the result itself comes after.
bool keeps_nan(Plan& plan, const MatmulProblem& p, const Operands& o) {
  if (plan.nan == Nan::Untried && !host.capturing()) {
    const Operands poisoned = {o.out, o.a, o.b, o.vector, std::nan(""), 0};
    if (!launch(plan, p, poisoned)) return false;
    plan.nan = holds_nan(o.out.data, o.out.dtype) ? Nan::Kept : Nan::Lost;
  }
  return plan.nan == Nan::Kept;
}

bool run(const MatmulProblem& p, const Operands& o) {
  Plan& plan = plan_for(p, o.vector.data);
  if (!plan.found || (p.activates() && !keeps_nan(plan, p, o))) return false;
  return launch(plan, p, o);
}

// Of floats, into dense rows.
bool takes(const View& out, const View& a) {
  const auto to = factor_of(out);
  const bool rows = to && !to->transposed;
  return is_floating(out.dtype) && a.size[2] != 0 && rows;
}

MatmulProblem problem_of(const Operands& o, cublasLtEpilogue_t epilogue) {
  return matmul_problem(o.out, o.a, o.b, o.vector, o.beta, epilogue,
                        matmul_precision() != MatmulPrecision::Highest, device());
}

}  // namespace

bool blas_matmul(const View& out, const View& a, const View& b, const View& bias, double alpha,
                 double beta, Activation activation) {
  if (!takes(out, a)) return false;
  const Readable first(a), second(b);
  const auto attempt = [&](const View& added, Activation fused) {
    const Operands o = {out, first.view(), second.view(), added, alpha, beta};
    return run(problem_of(o, epilogue_of(static_cast<bool>(added), fused)), o);
  };
  const bool plain = activation == Activation::None, reads = bias && goes_along(bias);
  // Not every type can have all of it done with the product; and keeps_nan() writes the result.
  if ((reads || !bias) && (plain || (has_epilogue(activation) && beta == 0)) &&
      attempt(bias, activation))
    return true;
  if (reads && !plain && attempt(bias, Activation::None)) {
    finish(out, {}, 2, activation);
    return true;
  }
  if ((!bias && plain) || !attempt({}, Activation::None)) return false;
  finish(out, bias, 2, activation);
  return true;
}

bool blas_matmul_sums(const View& out, const View& sums, const View& a, const View& b) {
  if (!takes(out, a) || !goes_along(sums)) return false;
  const Readable first(a), second(b);
  const Operands o = {out, first.view(), second.view(), sums, 1, 0};
  return run(problem_of(o, kRowSums), o);
}

}  // namespace weft::cuda
