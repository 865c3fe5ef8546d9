#include <weft/cuda/blas_problem.h>

#include <weft/core/check.h>

namespace weft::cuda {

void check_blas(cublasStatus_t status, const char* call) {
  if (status != CUBLAS_STATUS_SUCCESS)
    fail<DeviceError>("matmul", "got \"{}\" from {}, expected success",
                      cublasLtGetStatusString(status), call);
}
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

namespace {

cudaDataType_t data_type(DType t) {
  switch (t) {
    case DType::F16: return CUDA_R_16F;
    case DType::BF16: return CUDA_R_16BF;
    case DType::F64: return CUDA_R_64F;
    default: return CUDA_R_32F;
  }
}

cublasComputeType_t compute_type(DType t, bool tf32) {
  if (t == DType::F64) return CUBLAS_COMPUTE_64F;
  return t == DType::F32 && tf32 ? CUBLAS_COMPUTE_32F_FAST_TF32 : CUBLAS_COMPUTE_32F;
}

// The largest power of two, up to 16, that divides all addresses.
Index alignment_of(std::initializer_list<const void*> addresses) {
  std::uintptr_t bits = 16;
  for (const void* p : addresses) bits |= reinterpret_cast<std::uintptr_t>(p);
  return static_cast<Index>(bits & (~bits + 1));
}

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

}  // namespace

bool goes_along(const View& vector) {
  return (vector.stride[0] == 1 || vector.size[0] == 1) &&
         reinterpret_cast<std::uintptr_t>(vector.data) % 16 == 0;
}

cublasLtEpilogue_t epilogue_of(bool bias, Activation activation) {
  switch (activation) {
    case Activation::Relu: return bias ? CUBLASLT_EPILOGUE_RELU_BIAS : CUBLASLT_EPILOGUE_RELU;
    case Activation::GeluTanh: return bias ? CUBLASLT_EPILOGUE_GELU_BIAS : CUBLASLT_EPILOGUE_GELU;
    default: return bias ? CUBLASLT_EPILOGUE_BIAS : CUBLASLT_EPILOGUE_DEFAULT;
  }
}
bool has_epilogue(Activation activation) { return activation != Activation::Gelu; }

MatmulProblem matmul_problem(const View& out, const View& a, const View& b, const View& vector,
                             double beta, cublasLtEpilogue_t epilogue, bool tf32, int device) {
  const Factor fa = *factor_of(a), fb = *factor_of(b), to = *factor_of(out);
  return {.m = out.size[1],
          .n = out.size[2],
          .k = a.size[2],
          .batch = out.size[0],
          .lda = fa.ld,
          .ldb = fb.ld,
          .ldc = to.ld,
          .step_a = a.stride[0],
          .step_b = b.stride[0],
          .step_c = out.stride[0],
          .type = data_type(out.dtype),
          .compute = compute_type(out.dtype, tf32),
          .epilogue = epilogue,
          .flags = fa.transposed | fb.transposed << 1 | (beta != 0) << 2,
          .alignment = alignment_of({out.data, a.data, b.data, vector.data}),
          .device = device};
}

Description product_of(const MatmulProblem& p, const void* vector) {
  const auto type = static_cast<cudaDataType_t>(p.type);
  Description d;
  WEFT_BLAS(cublasLtMatmulDescCreate(d.out(), static_cast<cublasComputeType_t>(p.compute),
                                     type == CUDA_R_64F ? CUDA_R_64F : CUDA_R_32F));
  // The library's first factor is our second; as it reads by columns, our rows are its columns.
  set(d, CUBLASLT_MATMUL_DESC_TRANSA, p.transposed_b() ? CUBLAS_OP_T : CUBLAS_OP_N);
  set(d, CUBLASLT_MATMUL_DESC_TRANSB, p.transposed_a() ? CUBLAS_OP_T : CUBLAS_OP_N);
  set(d, CUBLASLT_MATMUL_DESC_EPILOGUE, static_cast<cublasLtEpilogue_t>(p.epilogue));
  if (vector) {
    set(d, CUBLASLT_MATMUL_DESC_BIAS_POINTER, vector);
    set(d, CUBLASLT_MATMUL_DESC_BIAS_DATA_TYPE, type);
  }
  return d;
}

MatmulLayouts layouts_of(const MatmulProblem& p) {
  const auto type = static_cast<cudaDataType_t>(p.type);
  MatmulLayouts l;
  l.a = p.transposed_b() ? layout(type, p.k, p.n, p.ldb, p.batch, p.step_b)
                         : layout(type, p.n, p.k, p.ldb, p.batch, p.step_b);
  l.b = p.transposed_a() ? layout(type, p.m, p.k, p.lda, p.batch, p.step_a)
                         : layout(type, p.k, p.m, p.lda, p.batch, p.step_a);
  l.c = layout(type, p.n, p.m, p.ldc, p.batch, p.step_c);
  return l;
}

}  // namespace weft::cuda
