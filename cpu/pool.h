#pragma once

#include <weft/ops/kernels.h>

namespace weft::cpu {

// The entries of Kernels::Pool: f16, bf16, f32, f64. where is u8, or i32 where a window has more
// than 256 elements. A window without any element inside the input gives -infinity (max) or 0.
void max_pool_forward(const View& y, const View& where, const View& x, const PoolOptions& o);
void max_pool_backward(const View& gx, const View& gy, const View& where, const PoolOptions& o);
void average_pool_forward(const View& y, const View& x, const PoolOptions& o);
void average_pool_backward(const View& gx, const View& gy, const PoolOptions& o);
void adaptive_pool_forward(const View& y, const View& x);
void adaptive_pool_backward(const View& gx, const View& gy);

}  // namespace weft::cpu
