#pragma once

#include <cstdint>
#include <initializer_list>

#include <weft/core/dtype.h>
#include <weft/core/view.h>

namespace weft {

inline constexpr int kMaxOperands = 6;

// A nest of loops over operands that were broadcast against each other: plain data, dimension 0
// innermost, strides in bytes, adjacent dimensions merged where every operand allows it.
// Operand 0 is the output. In a reduction the output's stride is 0 along the reduced dimensions.
// Only the first `rank` and `operands` entries are set; rank is at least 1.
struct Loop {
  int rank;
  std::int16_t operands;
  // Bit k: operand k is one element in the host's memory, a number beside tensors of another
  // device, to be read when the kernel is called. For binary kernels and where.
  std::uint16_t host;
  Index numel;  // product of size
  Index size[kMaxRank];
  Index stride[kMaxOperands][kMaxRank];
  char* data[kMaxOperands];
  DType dtype[kMaxOperands];
};

// Operands of `sizes`, or that broadcast to them (size 1 or missing leading dimensions).
WEFT_API Loop make_loop(std::span<const Index> sizes, std::initializer_list<View> operands);

// The same for operands that all fill `numel` elements in one order of memory.
inline Loop make_flat_loop(Index numel, std::initializer_list<View> operands) {
  Loop loop;  // NOLINT: entries beyond rank stay unset by design
  loop.rank = 1;
  loop.operands = 0;
  loop.host = 0;
  loop.numel = loop.size[0] = numel;
  for (const View& v : operands) {
    const int i = loop.operands++;
    loop.data[i] = static_cast<char*>(v.data);
    loop.dtype[i] = v.dtype;
    loop.stride[i][0] = static_cast<Index>(size_of(v.dtype));
  }
  return loop;
}

}  // namespace weft
