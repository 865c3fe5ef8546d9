#pragma once

#include <weft/ops/kernels.h>

namespace weft::cpu {

void max_pool_pick(const View& y, const View& where, const View& x, const PoolOptions& o);

}  // namespace weft::cpu
