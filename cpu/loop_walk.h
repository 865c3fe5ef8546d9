#pragma once

#include <algorithm>

#include <weft/core/loop.h>
#include <weft/core/threads.h>

namespace weft::cpu {

// Below this many elements a parallel region costs more than it saves.
inline constexpr Index kGrain = 32768;

// Walks elements [begin, end) of a loop in pieces of its innermost dimension:
// piece(pointers of all operands at the piece's first element, elements).
template <class Piece>
void walk(const Loop& loop, Index begin, Index end, Index longest, Piece&& piece) {
  const Index inner = loop.size[0];
  Index index[kMaxRank] = {}, row = begin / inner, column = begin % inner;
  for (int d = 1; d < loop.rank; ++d) {
    index[d] = row % loop.size[d];
    row /= loop.size[d];
  }
  while (begin < end) {
    const Index n = std::min({inner - column, end - begin, longest});
    char* at[kMaxOperands];
    for (int k = 0; k < loop.operands; ++k) {
      at[k] = loop.data[k] + column * loop.stride[k][0];
      for (int d = 1; d < loop.rank; ++d) at[k] += index[d] * loop.stride[k][d];
    }
    piece(at, n);
    begin += n;
    column += n;
    if (column < inner) continue;
    column = 0;
    for (int d = 1; d < loop.rank && ++index[d] == loop.size[d]; ++d) index[d] = 0;
  }
}

template <class Piece>
void parallel_walk(const Loop& loop, Index longest, Piece&& piece) {
  parallel_for(0, loop.numel, kGrain, [&](Index b, Index e) { walk(loop, b, e, longest, piece); });
}

}  // namespace weft::cpu
