#pragma once

#include <weft/cpu/isa/simd.h>

namespace weft::cpu::WEFT_ISA {

// The heart of every matrix product here: a block of kRows x (kVectors * lanes) results held in
// registers. 6 x 2 vectors fill the 16 registers of AVX2, 12 x 2 the 32 of AVX-512.
#if defined(__AVX512F__)
inline constexpr int kRows = 12;
#else
inline constexpr int kRows = 6;
#endif
inline constexpr int kVectors = 2;
template <class T>
inline constexpr int kColumns = kVectors* kLanes<T>;

enum class Write { Set, Add };

// c[Rows][Vectors * lanes] (+)= sum over k of a(i, k) * b[k][...]; the order of the sum is that of
// k. UnitK: a is contiguous in k and a_stride goes from row to row; else contiguous in rows, and
// a_stride goes from k to k.
template <class T, int Rows, bool UnitK, Write W, int Vectors = kVectors>
WEFT_INLINE void micro_block(Int depth, const T* a, Int a_stride, const T* b, Int b_stride, T* c,
                             Int c_stride) {
  Vec<T> acc[Rows][Vectors];
#pragma GCC unroll 16
  for (int i = 0; i < Rows; ++i) {
#pragma GCC unroll 4
    for (int v = 0; v < Vectors; ++v) {
      if constexpr (W == Write::Add)
        acc[i][v] = load(c + i * c_stride + v * kLanes<T>);
      else
        acc[i][v] = Vec<T>{};
    }
  }
  for (Int k = 0; k < depth; ++k) {
    Vec<T> row[Vectors];
#pragma GCC unroll 4
    for (int v = 0; v < Vectors; ++v) row[v] = load(b + k * b_stride + v * kLanes<T>);
#pragma GCC unroll 16
    for (int i = 0; i < Rows; ++i) {
      const Vec<T> x = broadcast(UnitK ? a[i * a_stride + k] : a[k * a_stride + i]);
#pragma GCC unroll 4
      for (int v = 0; v < Vectors; ++v) acc[i][v] = multiply_add(x, row[v], acc[i][v]);
    }
  }
#pragma GCC unroll 16
  for (int i = 0; i < Rows; ++i) {
#pragma GCC unroll 4
    for (int v = 0; v < Vectors; ++v) store(c + i * c_stride + v * kLanes<T>, acc[i][v]);
  }
}

// The same for 1 to kRows rows, known at run time.
template <class T, bool UnitK, Write W, int Vectors = kVectors, int Rows = kRows>
inline void micro_rows(Int rows, Int depth, const T* a, Int a_stride, const T* b, Int b_stride,
                       T* c, Int c_stride) {
  if constexpr (Rows > 1) {
    if (rows < Rows) {
      micro_rows<T, UnitK, W, Vectors, Rows - 1>(rows, depth, a, a_stride, b, b_stride, c,
                                                 c_stride);
      return;
    }
  }
  micro_block<T, Rows, UnitK, W, Vectors>(depth, a, a_stride, b, b_stride, c, c_stride);
}

}  // namespace weft::cpu::WEFT_ISA
