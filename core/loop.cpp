#include <weft/core/loop.h>

#include <cmath>
#include <cstdlib>

#include <weft/core/layout.h>

namespace weft {
namespace {

// Dimensions from the fastest to the slowest: by the first operand that tells two of them apart.
bool faster(const Loop& loop, int a, int b) {
  for (int i = 0; i < loop.operands; ++i) {
    const Index x = std::abs(loop.stride[i][a]), y = std::abs(loop.stride[i][b]);
    if (x != 0 && y != 0 && x != y) return x < y;
  }
  return false;
}

void swap_dims(Loop& loop, int a, int b) {
  std::swap(loop.size[a], loop.size[b]);
  for (int i = 0; i < loop.operands; ++i) std::swap(loop.stride[i][a], loop.stride[i][b]);
}

bool merges(const Loop& loop, int inner, int outer) {
  for (int i = 0; i < loop.operands; ++i) {
    if (loop.stride[i][outer] != loop.stride[i][inner] * loop.size[inner]) return false;
  }
  return true;
}

void merge_dims(Loop& loop) {
  int kept = 0;
  for (int d = 1; d < loop.rank; ++d) {
    if (merges(loop, kept, d)) {
      loop.size[kept] *= loop.size[d];
    } else if (++kept != d) {
      swap_dims(loop, kept, d);
    }
  }
  loop.rank = kept + 1;
}

}  // namespace

Loop make_loop(std::span<const Index> sizes, std::initializer_list<View> operands) {
  Loop loop;  // NOLINT
  loop.operands = static_cast<std::int16_t>(operands.size());
  loop.host = 0;
  loop.numel = numel(sizes);
  const int full = static_cast<int>(sizes.size());
  loop.rank = 0;
  for (int d = full - 1; d >= 0; --d) {
    const Index size = sizes[static_cast<std::size_t>(d)];
    if (size == 1) continue;
    int i = 0;
    for (const View& v : operands) {
      const int own = d - (full - v.rank);
      const bool steps = own >= 0 && v.size[own] != 1;
      loop.stride[i++][loop.rank] =
          steps ? v.stride[own] * static_cast<Index>(size_of(v.dtype)) : 0;
    }
    loop.size[loop.rank++] = size;
  }
  int i = 0;
  for (const View& v : operands) {
    loop.data[i] = static_cast<char*>(v.data);
    loop.dtype[i] = v.dtype;
    if (loop.rank == 0) loop.stride[i][0] = 0;
    ++i;
  }
  if (loop.rank == 0) {
    loop.rank = 1;
    loop.size[0] = 1;
    for (int k = 0; k < loop.operands; ++k)
      loop.stride[k][0] = static_cast<Index>(size_of(loop.dtype[k]));
    return loop;
  }
  for (int d = 1; d < loop.rank; ++d) {  // insertion sort: stable, and short
    for (int j = d; j > 0 && faster(loop, j, j - 1); --j) swap_dims(loop, j, j - 1);
  }
  merge_dims(loop);
  return loop;
}

}  // namespace weft
