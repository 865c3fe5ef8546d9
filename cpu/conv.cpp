#include <weft/cpu/conv.h>

#include <algorithm>
#include <atomic>
#include <bit>
#include <limits>
#include <optional>

#include <weft/core/check.h>
#include <weft/core/context.h>
#include <weft/core/threads.h>
#include <weft/cpu/dnnl/api.h>
#include <weft/cpu/dnnl/convolution.h>
#include <weft/cpu/elementwise.h>
#include <weft/cpu/isa/tables.h>
#include <weft/cpu/matmul.h>
#include <weft/cpu/staging.h>
#include <weft/cpu/winograd.h>

// Three ways: our Winograd, oneDNN's direct algorithms (with AMX weight gradients of many channels
// go through its products instead), and im2col for f64. Which one is a matter of shape, dtype,
// instruction set and switches, never of timing.
namespace weft::cpu {
namespace {

enum class Way : std::uint8_t { Winograd, Direct, F64 };

constexpr Index kUnfoldFrom = 128;  // channels, measured

// Winograd pays where there are channels enough for its products, tiles enough to share the
// transformed filters, and not too many tiles that hang over the edge.
bool winograd_pays(const ConvShape& s, Index height, Index width) {
  const Conv2dOptions& o = s.options;
  const bool plain = s.r == 3 && s.s == 3 && o.groups == 1 && o.stride[0] == 1 &&
                     o.stride[1] == 1 && o.dilation[0] == 1 && o.dilation[1] == 1;
  if (!plain || s.c < 32 || s.k < 32 || !float32_conv_winograd()) return false;
  const Index tiles = ((height + 3) / 4) * ((width + 3) / 4);
  return height * width >= 8 * tiles && s.n * tiles >= 16;
}

bool medium() {
  return float32_matmul_precision() == MatmulPrecision::Medium && dnnl::has_fast_bf16();
}

bool through_bf16(DType t) { return t == DType::F32 && medium(); }

// A 1x1 filter without padding.
bool is_one(const ConvShape& s) {
  const Conv2dOptions& o = s.options;
  return s.r == 1 && s.s == 1 && o.padding_low[0] == 0 && o.padding_low[1] == 0 &&
         o.padding_high[0] == 0 && o.padding_high[1] == 0;
}

enum class Pass : std::uint8_t { Forward, Input, Weight };

// oneDNN 2.6's kernels for bf16 give wrong values, without an error, for some shapes; found by
// random ones (tests/cpu/conv_random_test.cpp). With AMX: filters smaller than their stride, and
// weight gradients of dilated rows. Without: gradients of 1x1 filters in odd numbers.
bool bf16_is_right(const ConvShape& s, Pass pass) {
  const Conv2dOptions& o = s.options;
  const bool even = s.inputs() % 16 == 0 && s.outputs() % 16 == 0;
  if (!dnnl::has_amx()) return pass == Pass::Forward || s.r * s.s > 1 || even;
  if (pass == Pass::Weight) return o.dilation[0] == 1;
  return (s.r >= o.stride[0] && s.s >= o.stride[1]) || is_one(s);
}

// height, width: of what is computed, the output or the input's gradient.
Way choose(DType t, const ConvShape& s, Index height, Index width) {
  if (t == DType::F64) return Way::F64;
  const bool bf16 = t == DType::BF16 || (t == DType::F32 && medium());
  return winograd_pays(s, height, width) && !(bf16 && dnnl::has_amx()) ? Way::Winograd
                                                                       : Way::Direct;
}

// The dtype that pictures are held in inside.
DType picture_dtype(DType t, Way way, bool bf16_is_right) {
  if (way == Way::F64) return DType::F64;
  const bool keeps = way != Way::Direct || (dnnl::has_fast_bf16() && bf16_is_right);
  return t == DType::BF16 && keeps ? DType::BF16 : DType::F32;
}
DType filter_dtype(DType pictures, Way way) { return way == Way::Winograd ? DType::F32 : pictures; }

Image image(const View& v) {
  return {v.data, v.dtype == DType::BF16, v.size[0], v.size[2], v.size[3], v.size[1]};
}

WinogradFilter filter(const ConvShape& s) { return {s.k, s.c, s.c * 9, 9, 3, 1}; }
// Inputs and outputs change places, and the filter is turned by half a circle.
WinogradFilter turned_filter(const ConvShape& s) { return {s.c, s.k, 9, s.c * 9, -3, -1}; }

void check_dtype(const char* op, const View& v) {
  if (!is_floating(v.dtype)) fail<DTypeError>(op, "got {}, expected a floating dtype", v.dtype);
}

View absent(DType t) { return {nullptr, nullptr, nullptr, 0, t}; }

// The largest |x|; of any infinity or NaN, one of them. Floats are ordered by their bits, above
// which stand infinity's and, above those, NaN's.
template <class Bits>
Bits largest_bits(const View& x) {
  std::atomic<Bits> largest{0};
  parallel_for(0, numel(x), 1 << 16, [&](Index begin, Index end) {
    Bits most = 0;
#pragma omp simd reduction(max : most)
    for (Index i = begin; i < end; ++i)
      most = std::max<Bits>(most, x.as<Bits>()[i] & std::numeric_limits<Bits>::max() >> 1);
    Bits before = largest;
    while (before < most && !largest.compare_exchange_weak(before, most)) {
    }
  });
  return largest;
}

double largest(const View& x) {
  return x.dtype == DType::BF16
             ? std::bit_cast<float>(std::uint32_t{largest_bits<std::uint16_t>(x)} << 16)
             : std::bit_cast<float>(largest_bits<std::uint32_t>(x));
}

// oneDNN's ReLU makes 0 of NaN, where ours keeps it: it may be asked for its own where no sum can
// leave the numbers.
bool sums_stay_finite(const View& x, const View& w, const View& bias, const ConvShape& s) {
  const double sum = largest(x) * largest(w) * static_cast<double>(s.filter_size());
  return sum + (bias ? largest(bias) : 0) < 1e30;
}

// Without inputs: the bias alone.
void forward_of_nothing(const View& y_any, const View& bias, bool relu) {
  const StagedOutput y(y_any, y_any.dtype, Order::ChannelsLast);
  const Index k = y_any.size[1], rows = numel(y_any) / k;
  const Index size[] = {1, rows, k}, stride[] = {rows * k, k, 1}, none[] = {1, rows, 0},
              none_b[] = {1, 0, k};
  const View flat{y.view().data, size, stride, 3, y_any.dtype};
  matmul(flat, {nullptr, none, stride, 3, y_any.dtype}, {nullptr, none_b, stride, 3, y_any.dtype},
         bias, 1, 0, relu ? Activation::Relu : Activation::None);
  y.finish();
}

auto column_sum(DType t) {
  const GemmKernels& kernels = gemm_kernels();
  return t == DType::F64    ? kernels.column_sum_f64
         : t == DType::BF16 ? kernels.column_sum_bf16
                            : kernels.column_sum_f32;
}

// gb = the sums of gy, dense and channels-last, in blocks of rows that are added in order.
void bias_gradient(const View& gb, const View& gy) {
  constexpr Index kRows = 256;
  const Index k = gy.size[1], rows = numel(gy) / std::max<Index>(k, 1);
  const Index blocks = (rows + kRows - 1) / kRows;
  const Scratch parts(static_cast<std::size_t>(blocks * k) * sizeof(double));
  const auto element = static_cast<Index>(size_of(gy.dtype));
  parallel_for(0, blocks, 4, [&](Index begin, Index end) {
    for (Index i = begin; i < end; ++i) {
      const Index count = std::min(kRows, rows - i * kRows);
      column_sum(gy.dtype)(parts.as<double>() + i * k, gy.as<char>() + i * kRows * k * element,
                           count, k);
    }
  });
  double* sum = parts.as<double>();
  for (Index i = 1; i < blocks; ++i)
    for (Index c = 0; c < k; ++c) sum[c] += sum[i * k + c];
  const Index one = 1;
  copy_view(gb, {sum, &k, &one, 1, DType::F64});
}

}  // namespace

void conv2d_forward(const View& y_any, const View& x_any, const View& w_any, const View& bias_any,
                    const Conv2dOptions& o) {
  check_dtype("conv2d", x_any);
  if (numel(y_any) == 0) return;
  if (numel(w_any) == 0 || numel(x_any) == 0) return forward_of_nothing(y_any, bias_any, o.relu);
  ConvShape shape(x_any, w_any, y_any, o);
  const Way way = choose(x_any.dtype, shape, shape.oh, shape.ow);
  const bool right = bf16_is_right(shape, Pass::Forward);
  const DType t = picture_dtype(x_any.dtype, way, right), wt = filter_dtype(t, way);
  const StagedInput x(x_any, t, Order::ChannelsLast), w(w_any, wt, Order::Rows);
  const StagedInput bias(bias_any ? bias_any : absent(wt), wt, Order::Rows);
  const StagedOutput y(y_any, t, Order::ChannelsLast);
  if (way == Way::Winograd) {
    winograd_convolve(image(y.view()), image(x.view()), w.as<float>(), filter(shape),
                      o.padding_low[0], o.padding_low[1], bias.as<float>(), o.relu);
  } else if (way == Way::F64) {
    conv2d_forward_f64(y.view(), x.view(), w.view(), bias.view(), shape);
  } else {
    const bool apart = o.relu && !sums_stay_finite(x.view(), w.view(), bias.view(), shape);
    if (apart) shape.options.relu = false;
    dnnl::convolution_forward(y.view(), x.view(), w.view(), bias.as<void>(), shape,
                              right && through_bf16(x_any.dtype));
    if (apart) activate(y.view(), Activation::Relu);
  }
  y.finish();
}

void conv2d_backward_input(const View& gx_any, const View& gy_any, const View& w_any,
                           const Conv2dOptions& o) {
  check_dtype("conv2d backward", gx_any);
  if (numel(gx_any) == 0) return;
  if (numel(gy_any) == 0 || numel(w_any) == 0) return fill_zero(gx_any);
  const ConvShape shape(gx_any, w_any, gy_any, o);
  const Way way = choose(gx_any.dtype, shape, shape.h, shape.w);
  const bool right = bf16_is_right(shape, Pass::Input);
  const DType t = picture_dtype(gx_any.dtype, way, right), wt = filter_dtype(t, way);
  const StagedInput gy(gy_any, t, Order::ChannelsLast), w(w_any, wt, Order::Rows);
  const StagedOutput gx(gx_any, t, Order::ChannelsLast);
  if (way == Way::Winograd) {
    winograd_convolve(image(gx.view()), image(gy.view()), w.as<float>() + 8, turned_filter(shape),
                      2 - o.padding_low[0], 2 - o.padding_low[1], nullptr, false);
  } else if (way == Way::F64) {
    fill_zero(gx.view());
    conv2d_backward_input_f64(gx.view(), gy.view(), w.view(), shape);
  } else {
    dnnl::convolution_backward_input(gx.view(), gy.view(), w.view(), shape,
                                     right && through_bf16(gx_any.dtype));
  }
  gx.finish();
}

void conv2d_backward_weight(const View& gw_any, const View& gb_any, const View& gy_any,
                            const View& x_any, const Conv2dOptions& o) {
  check_dtype("conv2d backward", x_any);
  if (numel(gy_any) == 0 || numel(x_any) == 0) {
    if (gb_any) fill_zero(gb_any);
    if (gw_any && numel(gw_any)) fill_zero(gw_any);
    return;
  }
  const ConvShape shape(x_any, gw_any, gy_any, o);
  if (is_one(shape) && (o.stride[0] > 1 || o.stride[1] > 1)) {
    // oneDNN 2.6 reads pixels here that it never wrote: it is given those that the filter reads.
    const Index size[] = {shape.n, shape.c, shape.oh, shape.ow};
    const Index stride[] = {x_any.stride[0], x_any.stride[1], x_any.stride[2] * o.stride[0],
                            x_any.stride[3] * o.stride[1]};
    Conv2dOptions dense = o;
    dense.stride[0] = dense.stride[1] = 1;
    return conv2d_backward_weight(gw_any, gb_any, gy_any,
                                  {x_any.data, size, stride, 4, x_any.dtype}, dense);
  }
  const Way way = choose(x_any.dtype, shape, shape.oh, shape.ow);
  const bool right = bf16_is_right(shape, Pass::Weight);
  const bool unfolds = dnnl::has_amx() && (shape.inputs() >= kUnfoldFrom || !right);
  const DType t = picture_dtype(x_any.dtype, way, right || unfolds), wt = filter_dtype(t, way);
  const StagedInput gy(gy_any, t, Order::ChannelsLast), x(x_any, t, Order::ChannelsLast);
  const StagedOutput gw(gw_any, wt, Order::Rows);
  if (way == Way::Winograd) {
    winograd_filter_gradient(gw.as<float>(), filter(shape), image(gy.view()), image(x.view()),
                             o.padding_low[0], o.padding_low[1]);
  } else if (way == Way::F64) {
    conv2d_backward_weight_f64(gw.view(), gy.view(), x.view(), shape);
  } else if (t == DType::BF16 && way == Way::Direct && unfolds) {
    conv2d_backward_weight_unfolded(gw.view(), gy.view(), x.view(), shape);
  } else {
    dnnl::convolution_backward_weight(gw.view(), gy.view(), x.view(), shape,
                                      right && through_bf16(x_any.dtype));
  }
  gw.finish();
  if (gb_any) bias_gradient(gb_any, gy.view());
}

}  // namespace weft::cpu
