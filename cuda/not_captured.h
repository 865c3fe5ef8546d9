#pragma once

#include <cuda_runtime_api.h>

namespace weft::cuda {

// While a thread captures, CUDA refuses calls such as cudaMalloc, which libraries make when they
// are used for the first time, unless it is told that they are meant for now.
class NotCaptured {
 public:
  NotCaptured() { cudaThreadExchangeStreamCaptureMode(&mode_); }
  ~NotCaptured() { cudaThreadExchangeStreamCaptureMode(&mode_); }
  NotCaptured(const NotCaptured&) = delete;
  NotCaptured& operator=(const NotCaptured&) = delete;

 private:
  cudaStreamCaptureMode mode_ = cudaStreamCaptureModeRelaxed;
};

}  // namespace weft::cuda
