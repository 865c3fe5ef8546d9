#include <cublasLt.h>

#include <array>
#include <cstring>
#include <map>
#include <mutex>
#include <optional>

#include <weft/core/check.h>
#include <weft/cuda/handle.h>
#include <weft/cuda/libraries.h>
#include <weft/cuda/runtime.h>
#include <weft/cuda/tables.h>

// Products through cuBLASLt. It reads matrices by columns: a row-major product is asked for as its
// transpose, columns of which are our rows: out^T = b^T a^T.
namespace weft::cuda {
namespace {

void check_blas(cublasStatus_t status, const char* call) {
  if (status != CUBLAS_STATUS_SUCCESS)
    fail<DeviceError>("matmul", "got \"{}\" from {}, expected success",
                      cublasLtGetStatusString(status), call);
}
#define WEFT_BLAS(call) check_blas(call, #call)

using Description = Handle<cublasLtMatmulDesc_t, cublasLtMatmulDescDestroy>;
using MatrixLayout = Handle<cublasLtMatrixLayout_t, cublasLtMatrixLayoutDestroy>;
using Preference = Handle<cublasLtMatmulPreference_t, cublasLtMatmulPreferenceDestroy>;

constexpr std::size_t kWorkspace = std::size_t{32} << 20;

// Made once a device and kept for the life of the process.
cublasLtHandle_t handle() {
  static std::mutex mutex;
  static std::array<cublasLtHandle_t, 128> handles{};
  const std::lock_guard lock(mutex);
  cublasLtHandle_t& h = handles[static_cast<std::size_t>(device())];
  if (!h) WEFT_BLAS(cublasLtCreate(&h));
  return h;
}

// One factor as the library sees it: `ld` elements from a column to the next.
struct Factor {
  bool transposed;
  Index ld;
};

// A matrix whose rows (stride[2] is 1) or columns (stride[1] is 1) are dense.
std::optional<Factor> factor_of(const View& v) {
  const Index rows = v.size[1], columns = v.size[2];
  if (v.stride[2] == 1 || columns == 1) {
    const Index ld = rows == 1 ? columns : v.stride[1];
    if (ld >= columns) return Factor{false, ld};
  }
  if (v.stride[1] == 1 || rows == 1) {
    const Index ld = columns == 1 ? rows : v.stride[2];
    if (ld >= rows) return Factor{true, ld};
  }
  return std::nullopt;
}

cudaDataType_t data_type(DType t) {
  switch (t) {
    case DType::F16: return CUDA_R_16F;
    case DType::BF16: return CUDA_R_16BF;
    case DType::F64: return CUDA_R_64F;
    default: return CUDA_R_32F;
  }
}

cublasComputeType_t compute_type(DType t) {
  if (t == DType::F64) return CUBLAS_COMPUTE_64F;
  const bool fast = t == DType::F32 && matmul_precision() != MatmulPrecision::Highest;
  return fast ? CUBLAS_COMPUTE_32F_FAST_TF32 : CUBLAS_COMPUTE_32F;
}

// What a product is but for its addresses: plain numbers, so that they can be a key.
struct Problem {
  Index m, n, k, batch, lda, ldb, ldc, step_a, step_b, step_c;
  Index type, compute, epilogue, flags, alignment, device;

  auto operator<=>(const Problem&) const = default;
  bool transposed_a() const { return flags & 1; }
  bool transposed_b() const { return flags & 2; }
  bool beta() const { return flags & 4; }
};

cublasLtEpilogue_t epilogue(bool bias, bool relu) {
  if (bias) return relu ? CUBLASLT_EPILOGUE_RELU_BIAS : CUBLASLT_EPILOGUE_BIAS;
  return relu ? CUBLASLT_EPILOGUE_RELU : CUBLASLT_EPILOGUE_DEFAULT;
}

// The largest power of two, up to 16, that divides all addresses.
Index alignment_of(std::initializer_list<const void*> addresses) {
  std::uintptr_t bits = 16;
  for (const void* p : addresses) bits |= reinterpret_cast<std::uintptr_t>(p);
  return static_cast<Index>(bits & (~bits + 1));
}

// What the library needs to be told, and the algorithm that it chose.
struct Plan {
  MatrixLayout a, b, c;
  cublasLtMatmulAlgo_t algorithm;
  bool found = false;
};

template <class T>
void set(const Description& d, cublasLtMatmulDescAttributes_t what, const T& value) {
  WEFT_BLAS(cublasLtMatmulDescSetAttribute(d, what, &value, sizeof value));
}

MatrixLayout layout(cudaDataType_t type, Index rows, Index columns, Index ld, Index batch,
                    Index step) {
  MatrixLayout l;
  WEFT_BLAS(cublasLtMatrixLayoutCreate(l.out(), type, static_cast<std::uint64_t>(rows),
                                       static_cast<std::uint64_t>(columns), ld));
  const auto count = static_cast<std::int32_t>(batch);
  const auto stride = static_cast<std::int64_t>(step);
  WEFT_BLAS(cublasLtMatrixLayoutSetAttribute(l, CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT, &count,
                                             sizeof count));
  WEFT_BLAS(cublasLtMatrixLayoutSetAttribute(l, CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET,
                                             &stride, sizeof stride));
  return l;
}

// The bias is an address, and so no part of a plan.
Description product_of(const Problem& p, const void* bias) {
  const auto type = static_cast<cudaDataType_t>(p.type);
  Description d;
  WEFT_BLAS(cublasLtMatmulDescCreate(d.out(), static_cast<cublasComputeType_t>(p.compute),
                                     type == CUDA_R_64F ? CUDA_R_64F : CUDA_R_32F));
  // The library's first factor is our second; as it reads by columns, our rows are its columns.
  set(d, CUBLASLT_MATMUL_DESC_TRANSA, p.transposed_b() ? CUBLAS_OP_T : CUBLAS_OP_N);
  set(d, CUBLASLT_MATMUL_DESC_TRANSB, p.transposed_a() ? CUBLAS_OP_T : CUBLAS_OP_N);
  set(d, CUBLASLT_MATMUL_DESC_EPILOGUE, static_cast<cublasLtEpilogue_t>(p.epilogue));
  if (bias) {
    set(d, CUBLASLT_MATMUL_DESC_BIAS_POINTER, bias);
    set(d, CUBLASLT_MATMUL_DESC_BIAS_DATA_TYPE, type);
  }
  return d;
}

void describe(Plan& plan, const Problem& p) {
  const auto type = static_cast<cudaDataType_t>(p.type);
  plan.a = p.transposed_b() ? layout(type, p.k, p.n, p.ldb, p.batch, p.step_b)
                            : layout(type, p.n, p.k, p.ldb, p.batch, p.step_b);
  plan.b = p.transposed_a() ? layout(type, p.m, p.k, p.lda, p.batch, p.step_a)
                            : layout(type, p.k, p.m, p.lda, p.batch, p.step_a);
  plan.c = layout(type, p.n, p.m, p.ldc, p.batch, p.step_c);
}

void choose(Plan& plan, const Problem& p, const void* bias) {
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
      handle(), product, plan.a, plan.b, plan.c, plan.c, preference, 1, &result, &count);
  plan.found = status == CUBLAS_STATUS_SUCCESS && count > 0;
  plan.algorithm = result.algo;
}

// Plans live as long as the process; a map's entries stay where they are.
const Plan& plan_for(const Problem& p, const void* bias) {
  static std::mutex mutex;
  static auto& plans = *new std::map<Problem, Plan>;
  const std::lock_guard lock(mutex);
  const auto [at, fresh] = plans.try_emplace(p);
  if (fresh) {
    try {
      describe(at->second, p);
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
  explicit Readable(const View& v) : view_(v), factor_(factor_of(v)) {
    if (factor_) return;
    memory_.emplace(static_cast<std::size_t>(numel(v)) * size_of(v.dtype));
    stride_ = {v.size[1] * v.size[2], v.size[2], 1};
    view_ = {memory_->as<void>(), v.size, stride_.data(), 3, v.dtype};
    copy(make_loop(v.sizes(), {view_, v}));
    factor_ = factor_of(view_);
  }
  const View& view() const { return view_; }
  Factor factor() const { return *factor_; }

 private:
  View view_;
  std::optional<Factor> factor_;
  std::optional<Scratch> memory_;
  std::array<Index, 3> stride_{};
};

void run(const Problem& p, const Plan& plan, const View& out, const View& a, const View& b,
         const View& bias, double alpha, double beta) {
  const Scratch workspace(kWorkspace);
  const float alpha32 = static_cast<float>(alpha), beta32 = static_cast<float>(beta);
  const bool wide = p.type == CUDA_R_64F;
  const Description product = product_of(p, bias.data);
  WEFT_BLAS(cublasLtMatmul(
      handle(), product, wide ? static_cast<const void*>(&alpha) : &alpha32, b.data, plan.a, a.data,
      plan.b, wide ? static_cast<const void*>(&beta) : &beta32, out.data, plan.c, out.data, plan.c,
      &plan.algorithm, workspace.as<void>(), kWorkspace, static_cast<cudaStream_t>(stream())));
}

}  // namespace

bool blas_matmul(const View& out, const View& a, const View& b, const View& bias, double alpha,
                 double beta, bool relu) {
  const Index k = a.size[2];
  const auto to = factor_of(out);
  const bool rows = to && !to->transposed;
  if (!is_floating(out.dtype) || k == 0 || !rows || (bias && bias.stride[0] != 1)) return false;
  const Readable first(a), second(b);
  const Factor fa = first.factor(), fb = second.factor();
  const View &va = first.view(), &vb = second.view();
  const Problem p = {.m = out.size[1],
                     .n = out.size[2],
                     .k = k,
                     .batch = out.size[0],
                     .lda = fa.ld,
                     .ldb = fb.ld,
                     .ldc = to->ld,
                     .step_a = va.stride[0],
                     .step_b = vb.stride[0],
                     .step_c = out.stride[0],
                     .type = data_type(out.dtype),
                     .compute = compute_type(out.dtype),
                     .epilogue = epilogue(static_cast<bool>(bias), relu),
                     .flags = fa.transposed | fb.transposed << 1 | (beta != 0) << 2,
                     .alignment = alignment_of({out.data, va.data, vb.data}),
                     .device = device()};
  const Plan& plan = plan_for(p, bias.data);
  if (!plan.found) return false;
  run(p, plan, out, va, vb, bias, alpha, beta);
  launched("matmul");
  return true;
}

}  // namespace weft::cuda
