#include <weft/cpu/isa/gemm.h>

#include <weft/cpu/isa/microkernel.h>

namespace weft::cpu::WEFT_ISA {
namespace {

constexpr Int kDepth = 256;  // of a panel: it stays in the first-level cache

constexpr Int least(Int a, Int b) { return a < b ? a : b; }

template <class T>
struct alignas(64) Block {  // kRows x kColumns results
  T at[kRows * kColumns<T>];
};

WEFT_INLINE void transpose4(float* to, Int to_row, const float* from, Int from_row) {
  __m128 r0 = _mm_loadu_ps(from), r1 = _mm_loadu_ps(from + from_row);
  __m128 r2 = _mm_loadu_ps(from + 2 * from_row), r3 = _mm_loadu_ps(from + 3 * from_row);
  _MM_TRANSPOSE4_PS(r0, r1, r2, r3);
  _mm_storeu_ps(to, r0);
  _mm_storeu_ps(to + to_row, r1);
  _mm_storeu_ps(to + 2 * to_row, r2);
  _mm_storeu_ps(to + 3 * to_row, r3);
}

// panel[k][width] <- b[k][columns], zero beyond the last column.
template <class T>
WEFT_INLINE void pack_strided(T* panel, Int width, const T* b, Int row, Int column, Int depth,
                              Int first, Int columns) {
  for (Int k = 0; k < depth; ++k)
    for (Int j = first; j < columns; ++j) panel[k * width + j] = b[k * row + j * column];
}

template <class T>
WEFT_INLINE void pack(T* panel, Int width, const T* b, Int row, Int column, Int depth,
                      Int columns) {
  Int done_k = 0, done_j = 0;
  if constexpr (sizeof(T) == 4) {
    if (row == 1) {
      done_j = columns / 4 * 4;
      for (; done_k + 4 <= depth; done_k += 4)
        for (Int j = 0; j < done_j; j += 4)
          transpose4(panel + done_k * width + j, width, b + done_k + j * column, column);
    }
  }
  pack_strided(panel, width, b, row, column, done_k, done_j, columns);
  pack_strided(panel + done_k * width, width, b + done_k * row, row, column, depth - done_k, 0,
               columns);
  for (Int k = 0; k < depth; ++k)
    for (Int j = columns; j < width; ++j) panel[k * width + j] = 0;
}

// What is left to do with a block of sums of a part of k.
template <class T>
struct Finish {
  T beta;
  const T* bias;  // null but in the last part
  bool relu;
};

template <class T>
WEFT_INLINE T finished(T sum, T old, const Finish<T>& f, T alpha, T bias) {
  T x = alpha * sum;
  if (f.beta != 0) x += f.beta * old;
  x += bias;
  return f.relu && x < 0 ? T{0} : x;  // NaN stays
}

template <class T>
WEFT_INLINE Vec<T> finished(Vec<T> sum, const T* c, const Finish<T>& f, T alpha, const T* bias) {
  Vec<T> x = broadcast(alpha) * sum;
  if (f.beta != 0) x += broadcast(f.beta) * load(c);
  if (bias) x += load(bias);
  return f.relu ? (x < Vec<T>{} ? Vec<T>{} : x) : x;
}

template <class T>
WEFT_INLINE void write(const GemmTask<T>& t, const Block<T>& block, Int i, Int j, Int rows,
                       Int width, Int columns, const Finish<T>& f) {
  const bool vectors = t.c_column == 1 && (!f.bias || t.bias_stride == 1);
  const Int whole = vectors ? columns / kLanes<T> * kLanes<T> : 0;
  for (Int r = 0; r < rows; ++r) {
    const T* sums = block.at + r * width;
    T* row = t.c + (i + r) * t.c_row + j * t.c_column;
    for (Int s = 0; s < whole; s += kLanes<T>)
      store(row + s,
            finished(load(sums + s), row + s, f, t.alpha, f.bias ? f.bias + j + s : nullptr));
    for (Int s = whole; s < columns; ++s) {
      T* c = row + s * t.c_column;
      const T bias = f.bias ? f.bias[(j + s) * t.bias_stride] : T{0};
      *c = finished(sums[s], f.beta != 0 ? *c : T{0}, f, t.alpha, bias);
    }
  }
}

template <class T, int Vectors>
WEFT_INLINE void multiply_block(const GemmTask<T>& t, Int i, Int k, Int rows, Int depth,
                                const T* panel, Int panel_row, Block<T>& out) {
  constexpr Int kWidth = Vectors * kLanes<T>;
  const T* a = t.a + i * t.a_row + k * t.a_column;
  if (t.a_column == 1) {
    micro_rows<T, true, Write::Set, Vectors>(rows, depth, a, t.a_row, panel, panel_row, out.at,
                                             kWidth);
  } else if (t.a_row == 1) {
    micro_rows<T, false, Write::Set, Vectors>(rows, depth, a, t.a_column, panel, panel_row, out.at,
                                              kWidth);
  } else {
    T packed[kRows * kDepth];
    for (Int r = 0; r < rows; ++r)
      for (Int l = 0; l < depth; ++l) packed[r * kDepth + l] = a[r * t.a_row + l * t.a_column];
    micro_rows<T, true, Write::Set, Vectors>(rows, depth, packed, kDepth, panel, panel_row, out.at,
                                             kWidth);
  }
}

// The columns [j, j + columns), at most Vectors * lanes, of a part of k.
template <class T, int Vectors>
void gemm_panel(const GemmTask<T>& t, Int j, Int columns, Int k, Int depth, const Finish<T>& f) {
  constexpr Int kWidth = Vectors * kLanes<T>;
  alignas(64) T packed[kDepth * kWidth];
  Block<T> block;
  const T* panel = t.b + k * t.b_row + j * t.b_column;
  Int row = t.b_row;
  if (t.b_column != 1 || columns != kWidth) {
    pack(packed, kWidth, panel, t.b_row, t.b_column, depth, columns);
    panel = packed;
    row = kWidth;
  }
  for (Int i = 0; i < t.m; i += kRows) {
    const Int rows = least(kRows, t.m - i);
    multiply_block<T, Vectors>(t, i, k, rows, depth, panel, row, block);
    write(t, block, i, j, rows, kWidth, columns, f);
  }
}

template <class T>
void gemm(const GemmTask<T>& t) {
  Int k = 0;
  do {  // once where k is 0
    const Int depth = least(kDepth, t.k - k);
    const bool last = k + depth == t.k;
    const Finish<T> finish{k ? T{1} : t.beta, last ? t.bias : nullptr, last && t.relu};
    for (Int j = 0; j < t.n; j += kColumns<T>) {
      const Int columns = least(kColumns<T>, t.n - j);
      if (columns <= kLanes<T>)
        gemm_panel<T, 1>(t, j, columns, k, depth, finish);
      else
        gemm_panel<T, kVectors>(t, j, columns, k, depth, finish);
    }
    k += depth;
  } while (k < t.k);
}

WEFT_INLINE double widen(double x) { return x; }
WEFT_INLINE double widen(float x) { return x; }
WEFT_INLINE double widen(Bf16 x) {
  return __builtin_bit_cast(float, static_cast<std::uint32_t>(x.bits) << 16);
}

template <class T>
void column_sum(double* sum, const void* data, Int rows, Int columns) {
  const T* x = static_cast<const T*>(data);
  for (Int c = 0; c < columns; ++c) sum[c] = 0;
  for (Int r = 0; r < rows; ++r)
    for (Int c = 0; c < columns; ++c) sum[c] += widen(x[r * columns + c]);
}

}  // namespace

extern const GemmKernels gemm_kernels;
const GemmKernels gemm_kernels = {gemm<float>, gemm<double>, column_sum<float>, column_sum<Bf16>,
                                  column_sum<double>};

}  // namespace weft::cpu::WEFT_ISA
