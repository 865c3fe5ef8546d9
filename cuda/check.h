#pragma once

#include <cuda_runtime_api.h>

namespace weft::cuda {

// Throws DeviceError with the call and what CUDA says of the result.
[[noreturn]] void throw_cuda(cudaError_t result, const char* call);

inline void check(cudaError_t result, const char* call) {
  if (result != cudaSuccess) [[unlikely]]
    throw_cuda(result, call);
}

}  // namespace weft::cuda

#define WEFT_CUDA(call) ::weft::cuda::check(call, #call)
