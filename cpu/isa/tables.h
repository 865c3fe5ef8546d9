#pragma once

#include <weft/cpu/isa/gemm.h>
#include <weft/cpu/isa/pool.h>
#include <weft/cpu/isa/winograd.h>

namespace weft::cpu {

// The kernels of the instruction set in use (cpu/isa.h).
const GemmKernels& gemm_kernels();
const PoolKernels& pool_kernels();
const WinogradKernels& winograd_kernels();

}  // namespace weft::cpu
