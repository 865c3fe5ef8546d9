#pragma once

#include <weft/core/view.h>

namespace weft::cpu::dnnl {

// out[b] = a[b] @ b[b] + bias + beta * out[b] by oneDNN: f32 or bf16, rank 3, any strides.
// through_bf16: f32 factors are rounded to bf16. No size may be 0.
void matmul(const View& out, const View& a, const View& b, const View& bias, float beta,
            bool through_bf16);

}  // namespace weft::cpu::dnnl
