#pragma once

#include <weft/cpu/isa/reduce.h>
#include <weft/ops/kernels.h>

namespace weft::cpu {

// Of the instruction set in use.
const ReduceLoops& reduce_loops();
const SoftmaxLoops& softmax_loops();

void reduce(ReduceId id, const Loop& out_x_second, const ReduceOptions& options);

}  // namespace weft::cpu
