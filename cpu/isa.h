#pragma once

#include <weft/ops/binary.h>
#include <weft/ops/unary.h>

// The kernels of cpu/isa/, which are compiled once for each instruction set. See docs/design.md.
namespace weft::cpu {

// Types that kernels compute in; the others are converted block by block.
enum class Compute : std::uint8_t { F32, F64, Int };
inline constexpr int kComputeCount = 3;
constexpr Compute compute_type(DType t) {
  return t == DType::F64 ? Compute::F64 : is_floating(t) ? Compute::F32 : Compute::Int;
}
constexpr std::size_t compute_size(Compute c) { return c == Compute::F32 ? 4 : 8; }
constexpr DType compute_dtype(Compute c) {
  return c == Compute::F32 ? DType::F32 : c == Compute::F64 ? DType::F64 : DType::I64;
}

// n elements, contiguous, of the compute type; a bool result is written as bytes.
using Inner = void (*)(const void* op, Index n, void* out, const void* const* in);
// n elements `stride` bytes apart to or from contiguous elements of the compute type.
using Load = void (*)(void* out, const void* x, Index stride, Index n);
using Store = void (*)(void* out, Index stride, const void* x, Index n);

struct IsaKernels {
  Inner unary[UnaryOps::size][kComputeCount];
  Inner unary_grad[UnaryOps::size][kComputeCount];  // in: g, x, y
  Inner binary[BinaryOps::size][kComputeCount];
  Inner binary_grad[2][BinaryOps::size][kComputeCount];  // in: g, a, b, y
  Load load[kComputeCount][kDTypeCount];
  Store store[kComputeCount][kDTypeCount];
  Store store_bool;  // from bytes
};

namespace v2 {
const IsaKernels& kernels();
}
namespace avx2 {
const IsaKernels& kernels();
}
namespace avx512 {
const IsaKernels& kernels();
}

enum class Isa : std::uint8_t { V2, AVX2, AVX512 };
// Chosen at start: the best the processor has, or WEFT_CPU=v2|avx2|avx512.
Isa isa_in_use();
const IsaKernels& isa();
// Tests: nullptr where the processor lacks it.
const IsaKernels* isa_kernels(Isa which);

}  // namespace weft::cpu
