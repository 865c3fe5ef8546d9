#pragma once

// WEFT_API marks what a program that links libweft may call; everything else stays hidden.
#if defined(WEFT_STATIC)
#define WEFT_API
#else
#define WEFT_API __attribute__((visibility("default")))
#endif

// Functions that a CUDA kernel and the host share.
#if defined(__CUDACC__)
#define WEFT_HD __host__ __device__
#else
#define WEFT_HD
#endif
