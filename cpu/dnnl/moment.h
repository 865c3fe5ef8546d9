#pragma once

#include <algorithm>

#include <weft/core/shape.h>

// What takes longer than a moment is cut, since one call of oneDNN cannot be interrupted.
namespace weft::cpu::dnnl {

// Multiplications that take 55 ms or so on a slow processor with AVX2, half of that with AVX-512;
// of bf16 where it has AMX.
constexpr Index moment(Index threads, bool bf16) {
  return (bf16 ? Index{1} << 35 : Index{2} << 30) * threads;
}

// Elements of each part where parts have `most` or fewer and nearly one size: a multiple of step.
constexpr Index even_part(Index length, Index most, Index step) {
  const Index parts = (length - 1) / std::max(most, step) + 1;
  return ((length - 1) / parts / step + 1) * step;
}

}  // namespace weft::cpu::dnnl
