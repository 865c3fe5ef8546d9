#pragma once

#include <cstdint>

#include <weft/core/dtype.h>

// The inner loops of cpu/random.cpp, compiled for each instruction set. w and v are the words of a
// run of elements in planes 0 and 1 (core/random.h); n is a multiple of 4.
namespace weft::cpu {

struct RandomLoops {
  // The words of `blocks` consecutive blocks of a plane, in order: 4 * blocks of them.
  void (*words)(std::uint32_t* out, std::uint64_t seed, std::uint64_t block, std::uint32_t plane,
                std::int64_t blocks);
  void (*uniform_f32)(float* out, const std::uint32_t* w, std::int64_t n, float low, float high);
  void (*uniform_f64)(double* out, const std::uint32_t* w, const std::uint32_t* v, std::int64_t n,
                      double low, double high);
  void (*normal_f32)(float* out, const std::uint32_t* w, std::int64_t n, float mean, float std);
  void (*normal_f64)(double* out, const std::uint32_t* w, const std::uint32_t* v, std::int64_t n,
                     double mean, double std);
  // y = w >= threshold ? x * scale : 0; any n
  void (*dropout_f32)(float* y, std::uint8_t* mask, const float* x, const std::uint32_t* w,
                      std::int64_t n, std::uint32_t threshold, float scale);
  void (*dropout_bf16)(BFloat16* y, std::uint8_t* mask, const BFloat16* x, const std::uint32_t* w,
                       std::int64_t n, std::uint32_t threshold, float scale);
};

namespace v2 {
extern const RandomLoops random_loops;
}
namespace avx2 {
extern const RandomLoops random_loops;
}
namespace avx512 {
extern const RandomLoops random_loops;
}

}  // namespace weft::cpu
