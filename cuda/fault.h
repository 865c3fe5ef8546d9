#pragma once

#include <weft/core/macros.h>
#include <weft/core/shape.h>
#include <weft/cuda/runtime.h>

namespace weft::cuda {

// Of several threads that find one, one notes it; op last, for the host looks at it.
WEFT_HD inline void note(IndexFault* fault, const char* op, Index index, Index low, Index high) {
#if defined(__CUDA_ARCH__)
  if (atomicCAS_system(&fault->taken, 0, 1) != 0) return;
#else
  if (fault->taken) return;
  fault->taken = 1;
#endif
  fault->index = index;
  fault->low = low;
  fault->high = high;
#if defined(__CUDA_ARCH__)
  __threadfence_system();
#endif
  *const_cast<const char* volatile*>(&fault->op) = op;
}

}  // namespace weft::cuda
