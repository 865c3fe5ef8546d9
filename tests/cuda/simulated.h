#pragma once

#include <cstdlib>

#include <weft/core/cuda.h>

// Tests of cuda/ see the simulated devices, unless the environment names another back end: with
// WEFT_CUDA_LIBRARY=libweft_cuda.so they run on real ones.
inline const int simulated = setenv("WEFT_CUDA_LIBRARY", SIMULATED, 0);
inline const weft::Device kDevice(weft::DeviceType::CUDA, 0);
