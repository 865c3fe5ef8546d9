#pragma once

#include <cstdint>

namespace weft::cpu {

// c = relu(alpha * a @ b + beta * c + bias), one thread. a is m x k, b k x n, c m x n, with any
// strides; bias (over the columns) may be null; beta = 0 never reads c. Each element's sum has one
// order, that of k, whatever part of the product is asked for.
template <class T>
struct GemmTask {
  std::int64_t m, n, k;
  const T *a, *b;
  T* c;
  std::int64_t a_row, a_column, b_row, b_column, c_row, c_column;
  const T* bias;
  std::int64_t bias_stride;
  T alpha, beta;
  bool relu;
};

struct GemmKernels {
  void (*f32)(const GemmTask<float>&);
  void (*f64)(const GemmTask<double>&);

  // sum[c] = the sum over the rows of x[row][c]; dense
  void (*column_sum_f32)(double* sum, const void* x, std::int64_t rows, std::int64_t columns);
  void (*column_sum_bf16)(double* sum, const void* x, std::int64_t rows, std::int64_t columns);
  void (*column_sum_f64)(double* sum, const void* x, std::int64_t rows, std::int64_t columns);
};

}  // namespace weft::cpu
