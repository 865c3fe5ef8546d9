#pragma once

#include <cublasLt.h>

#include <optional>

#include <weft/cuda/handle.h>
#include <weft/ops/kernels.h>

// A product as plain numbers, the key of its plan, and as descriptors of cuBLASLt. What is here
// needs no device (tests/cuda/libraries_test.cpp). For cuda/ only.
//
// The library reads matrices by columns: a row-major product is asked for as its transpose, columns
// of which are our rows: out^T = b^T a^T.
namespace weft::cuda {

void check_blas(cublasStatus_t status, const char* call);
#define WEFT_BLAS(call) ::weft::cuda::check_blas(call, #call)

using Description = Handle<cublasLtMatmulDesc_t, cublasLtMatmulDescDestroy>;
using MatrixLayout = Handle<cublasLtMatrixLayout_t, cublasLtMatrixLayoutDestroy>;
using Preference = Handle<cublasLtMatmulPreference_t, cublasLtMatmulPreferenceDestroy>;

// One factor as the library sees it: `ld` elements from a column to the next.
struct Factor {
  bool transposed;
  Index ld;
};

// Of a matrix whose rows (stride[2] is 1) or columns (stride[1] is 1) are dense.
std::optional<Factor> factor_of(const View& v);
// Whether a bias or sums can go with a product: dense, on 16 bytes.
bool goes_along(const View& vector);

// What a product is but for its addresses: plain numbers, so that they can be a key.
struct MatmulProblem {
  Index m, n, k, batch, lda, ldb, ldc, step_a, step_b, step_c;
  Index type, compute, epilogue, flags, alignment, device;

  auto operator<=>(const MatmulProblem&) const = default;
  bool transposed_a() const { return flags & 1; }
  bool transposed_b() const { return flags & 2; }
  bool beta() const { return flags & 4; }
  bool activates() const { return epilogue & (CUBLASLT_EPILOGUE_RELU | CUBLASLT_EPILOGUE_GELU); }
};

// What the library does with a product before it writes it; default: nothing.
cublasLtEpilogue_t epilogue_of(bool bias, Activation activation);
// Whether it knows the activation: of the two forms of GELU its own is that with tanh.
bool has_epilogue(Activation activation);
// Of a: the sum of each row, which comes out beside the product. The library's second factor.
inline constexpr cublasLtEpilogue_t kRowSums = CUBLASLT_EPILOGUE_BGRADB;

// Of factors that have a Factor, and a result of dense rows. vector: the bias or the sums of rows.
MatmulProblem matmul_problem(const View& out, const View& a, const View& b, const View& vector,
                             double beta, cublasLtEpilogue_t epilogue, bool tf32, int device);

struct MatmulLayouts {
  MatrixLayout a, b, c;
};
MatmulLayouts layouts_of(const MatmulProblem& p);
// The vector is an address, and so no part of a problem.
Description product_of(const MatmulProblem& p, const void* vector);

}  // namespace weft::cuda
