#pragma once

#include <weft/core/view.h>

namespace weft::cpu {

// out[b] = alpha * a[b] @ b[b] (+ bias) (+ beta * out), in the plainest way.
void matmul_naive(const View& out, const View& a, const View& b, const View& bias, double alpha,
                  double beta, bool relu);

}  // namespace weft::cpu
