#pragma once

#include <weft/cpu/isa/reduce.h>
#include <weft/ops/kernels.h>

namespace weft::cpu {

const ReduceLoops& reduce_loops();  // of the instruction set in use

void reduce(ReduceId id, const Loop& out_x_second, const ReduceOptions& options);

}  // namespace weft::cpu
