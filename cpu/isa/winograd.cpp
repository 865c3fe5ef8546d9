#include <weft/cpu/isa/winograd.h>

#include <weft/cpu/isa/microkernel.h>

namespace weft::cpu::WEFT_ISA {
namespace {

constexpr int kIn = kWinogradInput, kOut = kWinogradTile, kPoints = kWinogradPoints;
constexpr int kPanel = kColumns<float>;

// The matrices of F(4, 3), Toom-Cook at 0, p, -p, q, -q and infinity, one vector at a time. Points
// 2/3 and 3/2 halve the rounding error of the usual 1 and 2, and p * q = 1 saves products.
constexpr float kP = 2.f / 3, kQ = 3.f / 2;
constexpr float kP2 = kP * kP, kQ2 = kQ * kQ, kP3 = kP * kP2, kQ3 = kQ * kQ2;
constexpr float kAtP = 1 / (2 * kP2 * (kP2 - kQ2)), kAtQ = 1 / (2 * kQ2 * (kQ2 - kP2));

WEFT_INLINE VecF scaled(float a, VecF x, VecF y) {  // a * x + y
  return multiply_add(broadcast(a), x, y);
}

WEFT_INLINE void input_1d(VecF* y, int stride, const VecF* d) {  // B^T
  const VecF even_p = scaled(-kQ2, d[2], d[4]), odd_p = kP * scaled(-kQ2, d[1], d[3]);
  const VecF even_q = scaled(-kP2, d[2], d[4]), odd_q = kQ * scaled(-kP2, d[1], d[3]);
  y[0] = scaled(-(kP2 + kQ2), d[2], d[0] + d[4]);
  y[stride] = even_p + odd_p;
  y[2 * stride] = even_p - odd_p;
  y[3 * stride] = even_q + odd_q;
  y[4 * stride] = even_q - odd_q;
  y[5 * stride] = scaled(-(kP2 + kQ2), d[3], d[1] + d[5]);
}

WEFT_INLINE void output_1d(VecF* y, int stride, const VecF* m) {  // A^T
  const VecF even_p = m[1] + m[2], odd_p = m[1] - m[2];
  const VecF even_q = m[3] + m[4], odd_q = m[3] - m[4];
  y[0] = m[0] + (even_p + even_q);
  y[stride] = scaled(kP, odd_p, kQ * odd_q);
  y[2 * stride] = scaled(kP2, even_p, kQ2 * even_q);
  y[3 * stride] = scaled(kP3, odd_p, scaled(kQ3, odd_q, m[5]));
}

WEFT_INLINE void output_gradient_1d(VecF* y, int stride, const VecF* g) {  // A
  const VecF even_p = scaled(kP2, g[2], g[0]), odd_p = scaled(kP3, g[3], kP * g[1]);
  const VecF even_q = scaled(kQ2, g[2], g[0]), odd_q = scaled(kQ3, g[3], kQ * g[1]);
  y[0] = g[0];
  y[stride] = even_p + odd_p;
  y[2 * stride] = even_p - odd_p;
  y[3 * stride] = even_q + odd_q;
  y[4 * stride] = even_q - odd_q;
  y[5 * stride] = g[3];
}

WEFT_INLINE void filter_1d(VecF* y, int stride, const VecF* g) {  // G
  const VecF even_p = kAtP * scaled(kP2, g[2], g[0]), odd_p = (kAtP * kP) * g[1];
  const VecF even_q = kAtQ * scaled(kQ2, g[2], g[0]), odd_q = (kAtQ * kQ) * g[1];
  y[0] = g[0];
  y[stride] = even_p + odd_p;
  y[2 * stride] = even_p - odd_p;
  y[3 * stride] = even_q + odd_q;
  y[4 * stride] = even_q - odd_q;
  y[5 * stride] = g[2];
}

WEFT_INLINE void filter_gradient_1d(VecF* y, int stride, const VecF* m) {  // G^T
  const VecF even_p = kAtP * (m[1] + m[2]), odd_p = (kAtP * kP) * (m[1] - m[2]);
  const VecF even_q = kAtQ * (m[3] + m[4]), odd_q = (kAtQ * kQ) * (m[3] - m[4]);
  y[0] = m[0] + (even_p + even_q);
  y[stride] = odd_p + odd_q;
  y[2 * stride] = scaled(kP2, even_p, scaled(kQ2, even_q, m[5]));
}

// y [Out][Out] <- M x M^T for x [In][In], with M applied by `step`.
template <int In, int Out, class Step>
WEFT_INLINE void transform_2d(VecF* y, const VecF* x, Step step) {
  VecF half[In * Out];
#pragma GCC unroll 6
  for (int i = 0; i < In; ++i) step(half + i, In, x + i * In);  // [Out][In], transposed
#pragma GCC unroll 6
  for (int i = 0; i < Out; ++i) step(y + i, Out, half + i * In);
}

struct TileAt {
  Int picture, y, x;  // y and x: of the tile's first element, may lie outside
};

WEFT_INLINE TileAt tile_at(Int t, const WinogradPlane& p) {
  const Int per_picture = p.tiles_h * p.tiles_w, in_picture = t % per_picture;
  return {t / per_picture, in_picture / p.tiles_w * kOut + p.offset_h,
          in_picture % p.tiles_w * kOut + p.offset_w};
}

// The last vector of a row of channels may be short.
template <class T>
WEFT_INLINE VecF load_part(const T* p, Int count) {
  T lanes[kFloats] = {};
  for (Int i = 0; i < count; ++i) lanes[i] = p[i];
  return load(lanes);
}
template <class T>
WEFT_INLINE void store_part(T* p, VecF v, Int count) {
  T lanes[kFloats];
  store(lanes, v);
  for (Int i = 0; i < count; ++i) p[i] = lanes[i];
}

template <int Size>
struct Window {  // where each element of a tile lies, or null outside the picture
  Int at[Size * Size];
  bool inside;  // all of it
};

template <int Size>
WEFT_INLINE Window<Size> window(const TileAt& t, const WinogradPlane& p) {
  Window<Size> w;
  w.inside = t.y >= 0 && t.x >= 0 && t.y + Size <= p.height && t.x + Size <= p.width;
  for (int i = 0; i < Size; ++i) {
    for (int j = 0; j < Size; ++j) {
      const Int y = t.y + i, x = t.x + j;
      const bool in = y >= 0 && y < p.height && x >= 0 && x < p.width;
      w.at[i * Size + j] = in ? t.picture * p.picture + y * p.row + x * p.channels : -1;
    }
  }
  return w;
}

template <int Size, class T>
WEFT_INLINE void gather(VecF* d, const T* x, const Window<Size>& w, Int c, Int count) {
  if (w.inside && count >= kFloats) {
#pragma GCC unroll 36
    for (int i = 0; i < Size * Size; ++i) d[i] = load(x + w.at[i] + c);
    return;
  }
  for (int i = 0; i < Size * Size; ++i) {
    if (w.at[i] < 0)
      d[i] = VecF{};
    else
      d[i] = count >= kFloats ? load(x + w.at[i] + c) : load_part(x + w.at[i] + c, count);
  }
}

template <int Size, class T, class Step>
WEFT_INLINE void tiles_of(const WinogradTiles& out, const T* x, const WinogradPlane& p, Int first,
                          Int last, Step step) {
  for (Int t = first; t < last; ++t) {
    const Window<Size> w = window<Size>(tile_at(t, p), p);
    float* row = out.data + (t - first) * out.row;
    for (Int c = 0; c < p.channels; c += kFloats) {
      float* at = row + c / kPanel * out.panel + c % kPanel;
      VecF d[Size * Size], v[kPoints];
      gather<Size>(d, x, w, c, p.channels - c);
      transform_2d<Size, kIn>(v, d, step);
#pragma GCC unroll 36
      for (int i = 0; i < kPoints; ++i) store(at + i * out.point, v[i]);
    }
  }
}

void input(const WinogradTiles& out, const void* x, bool bf16, const WinogradPlane& p, Int first,
           Int last) {
  const auto step = [](VecF* y, int s, const VecF* d) WEFT_LAMBDA { input_1d(y, s, d); };
  if (bf16)
    tiles_of<kIn>(out, static_cast<const Bf16*>(x), p, first, last, step);
  else
    tiles_of<kIn>(out, static_cast<const float*>(x), p, first, last, step);
}

void output_gradient(const WinogradTiles& out, const void* gy, bool bf16, const WinogradPlane& p,
                     Int first, Int last) {
  const auto step = [](VecF* y, int s, const VecF* g) WEFT_LAMBDA { output_gradient_1d(y, s, g); };
  if (bf16)
    tiles_of<kOut>(out, static_cast<const Bf16*>(gy), p, first, last, step);
  else
    tiles_of<kOut>(out, static_cast<const float*>(gy), p, first, last, step);
}

template <class T>
WEFT_INLINE void scatter(T* y, const Window<kOut>& w, const VecF* v, Int c, Int count) {
  for (int i = 0; i < kOut * kOut; ++i) {
    if (w.at[i] < 0) continue;
    if (count >= kFloats)
      store(y + w.at[i] + c, v[i]);
    else
      store_part(y + w.at[i] + c, v[i], count);
  }
}

WEFT_INLINE void finish(VecF* v, VecF bias, bool relu) {
  for (int i = 0; i < kOut * kOut; ++i) {
    v[i] += bias;
    if (relu) v[i] = v[i] < 0.f ? VecF{} : v[i];
  }
}

template <class T>
WEFT_INLINE void outputs_of(T* y, const WinogradPlane& p, const WinogradTiles& in,
                            const float* bias, bool relu, Int first, Int last) {
  for (Int t = first; t < last; ++t) {
    const Window<kOut> w = window<kOut>(tile_at(t, p), p);
    const float* row = in.data + (t - first) * in.row;
    for (Int c = 0; c < p.channels; c += kFloats) {
      const Int count = p.channels - c;
      const float* at = row + c / kPanel * in.panel + c % kPanel;
      VecF m[kPoints], v[kOut * kOut], b = {};
      if (bias) b = count >= kFloats ? load(bias + c) : load_part(bias + c, count);
#pragma GCC unroll 36
      for (int i = 0; i < kPoints; ++i) m[i] = load(at + i * in.point);
      transform_2d<kIn, kOut>(
          v, m, [](VecF* o, int s, const VecF* d) WEFT_LAMBDA { output_1d(o, s, d); });
      if (bias || relu) finish(v, b, relu);
      scatter(y, w, v, c, count);
    }
  }
}

void output(void* y, bool bf16, const WinogradPlane& p, const WinogradTiles& in, const float* bias,
            bool relu, Int first, Int last) {
  if (bf16)
    outputs_of(static_cast<Bf16*>(y), p, in, bias, relu, first, last);
  else
    outputs_of(static_cast<float*>(y), p, in, bias, relu, first, last);
}

void multiply(const WinogradTiles& products, const WinogradTiles& tiles, const float* packed,
              Int count, Int inputs, Int outputs) {
  const Int panels = (outputs + kPanel - 1) / kPanel;
  for (int point = 0; point < kPoints; ++point) {
    for (Int panel = 0; panel < panels; ++panel) {
      const float* b = packed + (point * panels + panel) * inputs * kPanel;
      for (Int t = 0; t < count; t += kRows) {
        const float* a = tiles.data + point * tiles.point + t * tiles.row;
        float* c =
            products.data + point * products.point + t * products.row + panel * products.panel;
        micro_rows<float, true, Write::Set>(count - t, inputs, a, tiles.row, b, kPanel, c,
                                            products.row);
      }
    }
  }
}

void accumulate(float* sums, Int sums_row, const WinogradTiles& x, const WinogradTiles& gy,
                Int point, Int count, Int first, Int last, Int outputs, bool add) {
  const auto micro =
      add ? micro_rows<float, false, Write::Add> : micro_rows<float, false, Write::Set>;
  for (Int k = 0; k < outputs; k += kPanel) {
    const float* b = gy.data + point * gy.point + k / kPanel * gy.panel;
    for (Int c = first; c < last; c += kRows) {
      const float* a = x.data + point * x.point + c;
      micro(last - c, count, a, x.row, b, gy.row, sums + c * sums_row + k, sums_row);
    }
  }
}

WEFT_INLINE void load_filters(VecF* g, const float* w, const WinogradFilter& f, Int k, Int c) {
  float lanes[9][kFloats] = {};
  const Int count = f.outputs - k < kFloats ? f.outputs - k : kFloats;
  for (Int i = 0; i < count; ++i) {
    const float* at = w + (k + i) * f.stride_k + c * f.stride_c;
    for (int r = 0; r < 3; ++r)
      for (int s = 0; s < 3; ++s) lanes[r * 3 + s][i] = at[r * f.stride_r + s * f.stride_s];
  }
  for (int i = 0; i < 9; ++i) g[i] = load(lanes[i]);
}

void filter(float* packed, const float* w, const WinogradFilter& f, Int first, Int last) {
  const Int panels = (f.outputs + kPanel - 1) / kPanel;
  for (Int k = first; k < last; k += kFloats) {
    for (Int c = 0; c < f.inputs; ++c) {
      VecF g[9], u[kPoints];
      load_filters(g, w, f, k, c);
      transform_2d<3, kIn>(u, g,
                           [](VecF* y, int s, const VecF* d) WEFT_LAMBDA { filter_1d(y, s, d); });
      float* to = packed + (k / kPanel * f.inputs + c) * kPanel + k % kPanel;
      for (int i = 0; i < kPoints; ++i) store(to + i * panels * f.inputs * kPanel, u[i]);
    }
  }
}

WEFT_INLINE void store_filters(float* w, const WinogradFilter& f, const VecF* g, Int k, Int c) {
  float lanes[9][kFloats];
  const Int count = f.outputs - k < kFloats ? f.outputs - k : kFloats;
  for (int i = 0; i < 9; ++i) store(lanes[i], g[i]);
  for (Int i = 0; i < count; ++i) {
    float* at = w + (k + i) * f.stride_k + c * f.stride_c;
    for (int r = 0; r < 3; ++r)
      for (int s = 0; s < 3; ++s) at[r * f.stride_r + s * f.stride_s] = lanes[r * 3 + s][i];
  }
}

void filter_gradient(float* gw, const WinogradFilter& f, const float* sums, Int point, Int row,
                     Int first, Int last) {
  for (Int k = first; k < last; k += kFloats) {
    for (Int c = 0; c < f.inputs; ++c) {
      VecF m[kPoints], g[9];
      for (int i = 0; i < kPoints; ++i) m[i] = load(sums + i * point + c * row + k);
      transform_2d<kIn, 3>(
          g, m, [](VecF* y, int s, const VecF* d) WEFT_LAMBDA { filter_gradient_1d(y, s, d); });
      store_filters(gw, f, g, k, c);
    }
  }
}

}  // namespace

extern const WinogradKernels winograd_kernels;
const WinogradKernels winograd_kernels = {kPanel, filter,          input,      multiply,
                                          output, output_gradient, accumulate, filter_gradient};

}  // namespace weft::cpu::WEFT_ISA
