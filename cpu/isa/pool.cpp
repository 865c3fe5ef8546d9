#include <weft/cpu/isa/pool.h>

#include <weft/cpu/isa/simd.h>

namespace weft::cpu::WEFT_ISA {
namespace {

// f32 and bf16 are compared as f32, f64 as f64; positions are integers of the same width.
template <class T>
struct Lane {
  using value = float;
  using index = std::int32_t;
};
template <>
struct Lane<double> {
  using value = double;
  using index = std::int64_t;
};
template <class T>
using Value = typename Lane<T>::value;
template <class T>
using Position = typename Lane<T>::index;
template <class T>
inline constexpr int kStep = kLanes<Value<T>>;

WEFT_INLINE float widen(float x) { return x; }
WEFT_INLINE double widen(double x) { return x; }
WEFT_INLINE float widen(Bf16 x) {
  return __builtin_bit_cast(float, static_cast<std::uint32_t>(x.bits) << 16);
}
WEFT_INLINE void narrow(float* p, float x) { *p = x; }
WEFT_INLINE void narrow(double* p, double x) { *p = x; }
WEFT_INLINE void narrow(Bf16* p, float x) {
  const auto b = __builtin_bit_cast(std::uint32_t, x);
  const std::uint32_t even = (b + 0x7fffu + ((b >> 16) & 1u)) >> 16;
  p->bits = static_cast<std::uint16_t>(x != x ? (b >> 16) | 0x40u : even);
}

struct Range {
  Int begin, end;
};

// The window elements k of [0, kernel) whose position first + k * dilation lies in [0, size).
WEFT_INLINE Range inside(Int first, Int dilation, Int kernel, Int size) {
  const Int begin = first < 0 ? (-first + dilation - 1) / dilation : 0;
  Int end = first >= size ? 0 : (size - first + dilation - 1) / dilation;
  end = end < kernel ? end : kernel;
  return {begin, end > begin ? end : begin};
}

// The outputs o of [0, size) whose windows hold the position at, which is the padded one, and the
// first one's element of it; each next output's element is `stride` before.
WEFT_INLINE Range covering(Int at, Int stride, Int dilation, Int kernel, Int size) {
  const Int reach = (kernel - 1) * dilation;
  const Int begin = at > reach ? (at - reach + stride - 1) / stride : 0;
  const Int end = at / stride + 1;
  return {begin, end < size ? end : size};
}

// The first of the largest wins; a NaN wins over all numbers, and of several the last.
template <class T, class I>
void max_vectors(T* y, I* where, const T* x, const PoolRow& p, Range rows, Range columns, Int w0,
                 Int count) {
  using V = Vec<Value<T>>;
  using P = Vec<Position<T>>;
  const Int first = rows.begin * p.kernel_w + columns.begin;
  for (Int c = 0; c < count; c += kStep<T>) {
    V best = V{} - __builtin_huge_valf();
    P at = P{} + static_cast<Position<T>>(first);
    for (Int i = rows.begin; i < rows.end; ++i) {
      const T* row = x + (p.first_h + i * p.dilation_h) * p.x_row + w0 * p.x_pixel + c;
      for (Int j = columns.begin; j < columns.end; ++j) {
        const V v = load(row + j * p.dilation_w * p.x_pixel);
        const auto wins = (v > best) | (v != v);
        best = wins ? v : best;
        at = wins ? P{} + static_cast<Position<T>>(i * p.kernel_w + j) : at;
      }
    }
    store(y + c, best);
    if (where) {
      typedef I Narrow __attribute__((vector_size(kStep<T> * sizeof(I))));
      const Narrow narrowed = __builtin_convertvector(at, Narrow);
      __builtin_memcpy(where + c, &narrowed, sizeof narrowed);
    }
  }
}

template <class T, class I>
void max_single(T* y, I* where, const T* x, const PoolRow& p, Range rows, Range columns, Int w0,
                Int begin) {
  for (Int c = begin; c < p.channels; ++c) {
    Value<T> best = -__builtin_huge_valf();
    Int at = rows.begin * p.kernel_w + columns.begin;
    for (Int i = rows.begin; i < rows.end; ++i) {
      for (Int j = columns.begin; j < columns.end; ++j) {
        const Value<T> v = widen(
            x[(p.first_h + i * p.dilation_h) * p.x_row + (w0 + j * p.dilation_w) * p.x_pixel + c]);
        if (!(v > best) && v == v) continue;
        best = v;
        at = i * p.kernel_w + j;
      }
    }
    narrow(y + c, best);
    if (where) where[c] = static_cast<I>(at);
  }
}

template <class T, class I>
void max_outputs(T* y, I* where, const T* x, const PoolRow& p) {
  const Range rows = inside(p.first_h, p.dilation_h, p.kernel_h, p.x_height);
  const Int whole = p.channels / kStep<T> * kStep<T>;
  for (Int o = 0; o < p.outputs; ++o) {
    const Int w0 = p.first_w + o * p.stride_w;
    const Range columns = inside(w0, p.dilation_w, p.kernel_w, p.x_width);
    T* to = y + o * p.y_pixel;
    I* mark = where ? where + o * p.where_pixel : nullptr;
    max_vectors(to, mark, x, p, rows, columns, w0, whole);
    max_single(to, mark, x, p, rows, columns, w0, whole);
  }
}

template <class T>
void max_row(void* y, void* where, bool wide, const void* x, const PoolRow& p) {
  if (wide)
    max_outputs(static_cast<T*>(y), static_cast<std::int32_t*>(where), static_cast<const T*>(x), p);
  else
    max_outputs(static_cast<T*>(y), static_cast<std::uint8_t*>(where), static_cast<const T*>(x), p);
}

// Gathers: each input pixel sums the gradients of the windows that it won. Channels [c, c + step).
template <class T, class I, bool Whole, bool Dense>
WEFT_INLINE void gather(T* gx, const T* gy, const I* where, const PoolGradientRow& p, Range rows,
                        Range columns, Int at_h, Int at_w, Int c) {
  using V = Vec<Value<T>>;
  using P = Vec<Position<T>>;
  typedef I Narrow __attribute__((vector_size(kStep<T> * sizeof(I))));
  V sum = {};
  Value<T> one = 0;
  for (Int i = rows.begin; i < rows.end; ++i) {
    const Int h = at_h - i * p.stride_h;
    if (!Dense && h % p.dilation_h) continue;
    for (Int j = columns.begin; j < columns.end; ++j) {
      const Int w = at_w - j * p.stride_w;
      if (!Dense && w % p.dilation_w) continue;
      const Int element =
          Dense ? h * p.kernel_w + w : h / p.dilation_h * p.kernel_w + w / p.dilation_w;
      const T* g = gy + i * p.y_row + j * p.y_pixel + c;
      const I* mark = where + i * p.where_row + j * p.where_pixel + c;
      if constexpr (Whole) {
        const P won = __builtin_convertvector(load_as<Narrow>(mark), P);
        sum += won == static_cast<Position<T>>(element) ? load(g) : V{};
      } else if (*mark == static_cast<I>(element)) {
        one += widen(*g);
      }
    }
  }
  if constexpr (Whole)
    store(gx + c, sum);
  else
    narrow(gx + c, one);
}

// One window alone holds the pixel, as its `element`: the common case of windows side by side.
template <class T, class I>
WEFT_INLINE void gather_one(T* gx, const T* gy, const I* where, Int element, Int count) {
  using P = Vec<Position<T>>;
  typedef I Narrow __attribute__((vector_size(kStep<T> * sizeof(I))));
  const auto wanted = static_cast<Position<T>>(element);
  for (Int c = 0; c < count; c += kStep<T>) {
    const P won = __builtin_convertvector(load_as<Narrow>(where + c), P);
    store(gx + c, won == wanted ? load(gy + c) : Vec<Value<T>>{});
  }
}

// Dense: without dilation, and so without divisions.
template <class T, class I, bool Dense>
void gradient_inputs(T* gx, const T* gy, const I* where, const PoolGradientRow& p) {
  const Int at_h = p.row + p.padding_h, whole = p.channels / kStep<T> * kStep<T>;
  const Range rows = covering(at_h, p.stride_h, p.dilation_h, p.kernel_h, p.y_height);
  for (Int x = 0; x < p.inputs; ++x) {
    const Int at_w = x + p.padding_w;
    const Range columns = covering(at_w, p.stride_w, p.dilation_w, p.kernel_w, p.y_width);
    T* to = gx + x * p.gx_pixel;
    Int c = 0;
    if (Dense && rows.end - rows.begin == 1 && columns.end - columns.begin == 1) {
      const Int i = rows.begin, j = columns.begin;
      gather_one(to, gy + i * p.y_row + j * p.y_pixel, where + i * p.where_row + j * p.where_pixel,
                 (at_h - i * p.stride_h) * p.kernel_w + at_w - j * p.stride_w, whole);
      c = whole;
    }
    for (; c < whole; c += kStep<T>)
      gather<T, I, true, Dense>(to, gy, where, p, rows, columns, at_h, at_w, c);
    for (; c < p.channels; ++c)
      gather<T, I, false, Dense>(to, gy, where, p, rows, columns, at_h, at_w, c);
  }
}

template <class T, class I>
void gradient_row(void* gx, const void* gy, const void* where, const PoolGradientRow& p) {
  const auto to = static_cast<T*>(gx);
  const auto from = static_cast<const T*>(gy);
  const auto marks = static_cast<const I*>(where);
  if (p.dilation_h == 1 && p.dilation_w == 1)
    gradient_inputs<T, I, true>(to, from, marks, p);
  else
    gradient_inputs<T, I, false>(to, from, marks, p);
}

template <class T>
void max_gradient_row(void* gx, const void* gy, const void* where, bool wide,
                      const PoolGradientRow& p) {
  const auto row = wide ? gradient_row<T, std::int32_t> : gradient_row<T, std::uint8_t>;
  row(gx, gy, where, p);
}

}  // namespace

extern const PoolKernels pool_kernels;
const PoolKernels pool_kernels = {
    {max_row<float>, max_row<Bf16>, max_row<double>},
    {max_gradient_row<float>, max_gradient_row<Bf16>, max_gradient_row<double>}};

}  // namespace weft::cpu::WEFT_ISA
