#include <weft/cpu/dnnl/convolution.h>

#include <algorithm>

#include <weft/core/context.h>
#include <weft/core/interrupt.h>
#include <weft/core/threads.h>
#include <weft/cpu/dnnl/cache.h>
#include <weft/cpu/dnnl/moment.h>
#include <weft/cpu/scratch.h>

namespace weft::cpu::dnnl {
namespace {

enum class Pass : std::uint8_t { Forward = 2, Input = 3, Weight = 4 };

struct Problem {
  Pass pass;
  ConvShape shape;
  bool through_bf16;
  DType pictures, filters;  // filters: of the weights' gradient where that is asked for
  char *x, *w, *bias, *y;   // or the gradients in their places
};

struct Layouts {
  Desc x, w, bias, y;
};

Layouts outer_layouts(const Problem& p) {
  const ConvShape& s = p.shape;
  const Index x[] = {s.n, s.c, s.h, s.w}, y[] = {s.n, s.k, s.oh, s.ow}, one[] = {1};
  const Index w[] = {s.options.groups, s.outputs(), s.inputs(), s.r, s.s};
  const Index step[] = {s.outputs() * s.filter_size(), s.filter_size(), s.r * s.s, s.s, 1};
  const std::size_t skip = s.options.groups == 1 ? 1 : 0;
  return {channels_last(p.pictures, x),
          strided(p.filters, {w + skip, 5 - skip}, {step + skip, 5 - skip}),
          strided(p.filters, {&s.k, 1}, one), channels_last(p.pictures, y)};
}

// What the primitive is made for: it may choose the filters' layout.
Layouts inner_layouts(const Problem& p) {
  const ConvShape& s = p.shape;
  const Index x[] = {s.n, s.c, s.h, s.w}, y[] = {s.n, s.k, s.oh, s.ow}, one[] = {1};
  const Index w[] = {s.options.groups, s.outputs(), s.inputs(), s.r, s.s};
  const std::size_t skip = s.options.groups == 1 ? 1 : 0;
  const DType t = p.through_bf16 ? DType::BF16 : p.pictures;
  return {channels_last(p.pass == Pass::Input ? p.pictures : t, x),
          any_layout(p.pass == Pass::Weight ? p.filters : t, {w + skip, 5 - skip}),
          strided(p.filters, {&s.k, 1}, one),
          channels_last(p.pass == Pass::Forward ? p.pictures : t, y)};
}

Convolution convolution_of(const Problem& p) {
  Convolution c;
  const Conv2dOptions& o = p.shape.options;
  for (int d = 0; d < 2; ++d) {
    c.stride[d] = o.stride[d];
    c.dilation[d] = o.dilation[d] - 1;
    c.padding_low[d] = o.padding_low[d];
    c.padding_high[d] = o.padding_high[d];
  }
  return c;
}

Operation make_forward(const Problem& p) {
  const Layouts out = outer_layouts(p), in = inner_layouts(p);
  Attributes attributes;
  if (p.shape.options.relu) attributes.after(0, true);
  const PrimitiveDesc pd =
      dnnl::convolution_forward(convolution_of(p), ref(in.x), ref(in.w),
                                p.bias ? ref(in.bias) : nullptr, ref(in.y), attributes);
  const Operation::Port x{DNNL_ARG_SRC, ref(out.x), query(pd, dnnl_query_src_md)};
  const Operation::Port w{DNNL_ARG_WEIGHTS, ref(out.w), query(pd, dnnl_query_weights_md)};
  const Operation::Port y{DNNL_ARG_DST, ref(out.y), query(pd, dnnl_query_dst_md), true};
  if (!p.bias) return {pd, {x, w, y}};
  return {pd, {x, w, y, {DNNL_ARG_BIAS, ref(out.bias), ref(in.bias)}}};
}

Operation make_backward_input(const Problem& p) {
  Problem forward = p;
  forward.pass = Pass::Forward;
  const Layouts out = outer_layouts(p), in = inner_layouts(p), of_forward = inner_layouts(forward);
  const PrimitiveDesc pd = dnnl::convolution_backward_data(convolution_of(p), ref(in.x),
                                                           ref(of_forward.x), ref(in.w), ref(in.y));
  return {pd,
          {{DNNL_ARG_DIFF_SRC, ref(out.x), query(pd, dnnl_query_diff_src_md), true},
           {DNNL_ARG_WEIGHTS, ref(out.w), query(pd, dnnl_query_weights_md)},
           {DNNL_ARG_DIFF_DST, ref(out.y), query(pd, dnnl_query_diff_dst_md)}}};
}

Operation make_backward_weight(const Problem& p) {
  Problem forward = p;
  forward.filters = p.through_bf16 ? DType::BF16 : p.pictures;
  const Layouts out = outer_layouts(p), in = inner_layouts(p), of_forward = inner_layouts(forward);
  const PrimitiveDesc pd = dnnl::convolution_backward_weights(
      convolution_of(p), ref(in.x), ref(in.w), ref(of_forward.w), ref(in.y));
  const Operation::Port x{DNNL_ARG_SRC, ref(out.x), query(pd, dnnl_query_src_md)};
  const Operation::Port w{DNNL_ARG_DIFF_WEIGHTS, ref(out.w), query(pd, dnnl_query_diff_weights_md),
                          true};
  const Operation::Port y{DNNL_ARG_DIFF_DST, ref(out.y), query(pd, dnnl_query_diff_dst_md)};
  return {pd, {x, w, y}};
}

Operation make(const Problem& p) {
  switch (p.pass) {
    case Pass::Forward: return make_forward(p);
    case Pass::Input: return make_backward_input(p);
    case Pass::Weight: break;
  }
  return make_backward_weight(p);
}

Key key_of(const Problem& p, int threads) {
  const ConvShape& s = p.shape;
  const Conv2dOptions& o = s.options;
  Key key;
  key.add(static_cast<int>(p.pass) | static_cast<int>(p.pictures) << 8 |
          static_cast<int>(p.filters) << 12 | (p.bias != nullptr) << 16 | p.through_bf16 << 17 |
          (o.relu && p.pass == Pass::Forward) << 18);
  key.add(threads);
  for (Index v : {s.n, s.c, s.h, s.w, s.k, s.r, s.s, s.oh, s.ow, o.groups}) key.add(v);
  for (int d = 0; d < 2; ++d) {
    for (Index v : {o.stride[d], o.dilation[d], o.padding_low[d], o.padding_high[d]}) key.add(v);
  }
  return key;
}

Operation& operation(const Problem& p, const ThreadScope& scope) {
  return OperationCache::of_this_thread().find(key_of(p, scope.threads()), [&] { return make(p); });
}

void run(Operation::Series& series, const Problem& p) {
  if (p.bias)
    series.run({p.x, p.w, p.y, p.bias});
  else
    series.run({p.x, p.w, p.y});
}

void execute(const Problem& p, bool single) {
  const ThreadScope scope(single);
  Operation::Series once(operation(p, scope));
  run(once, p);
}

Problem slice(const Problem& whole, Index first, Index last) {
  Problem p = whole;
  const ConvShape& s = whole.shape;
  const auto size = static_cast<Index>(size_of(p.pictures));
  p.shape.n = last - first;
  p.x += first * s.c * s.h * s.w * size;
  p.y += first * s.k * s.oh * s.ow * size;
  return p;
}

// ---- Parts that take a moment: pictures, or bands of one; an interrupt waits for one part.

// Rows [x, x_end) of the input and [y, y_end) of the output: a convolution of their own.
Problem band(const Problem& whole, Index x, Index x_end, Index y, Index y_end) {
  Problem p = whole;
  const ConvShape& s = whole.shape;
  Conv2dOptions& o = p.shape.options;
  const auto size = static_cast<Index>(size_of(p.pictures));
  const Index reach = (s.r - 1) * o.dilation[0] + 1;
  p.shape.h = x_end - x;
  p.shape.oh = y_end - y;
  p.x += x * s.w * s.c * size;
  p.y += y * s.ow * s.k * size;
  o.padding_low[0] += x - y * o.stride[0];
  const Index end = (p.shape.oh - 1) * o.stride[0] + reach - o.padding_low[0];
  o.padding_high[0] = std::max<Index>(end - p.shape.h, 0);
  return p;
}

// Outputs [first, last) and the inputs that they read.
Problem output_band(const Problem& p, Index first, Index last) {
  const ConvShape& s = p.shape;
  const Conv2dOptions& o = s.options;
  const Index from = first * o.stride[0] - o.padding_low[0];
  const Index to = (last - 1) * o.stride[0] - o.padding_low[0] + (s.r - 1) * o.dilation[0] + 1;
  return band(p, std::max<Index>(from, 0), std::min(to, s.h), first, last);
}

// Inputs [first, last) and the outputs that read them.
Problem input_band(const Problem& p, Index first, Index last) {
  const ConvShape& s = p.shape;
  const Index stride = s.options.stride[0], low = s.options.padding_low[0];
  const Index before = first + low - (s.r - 1) * s.options.dilation[0];
  return band(p, first, last, before > 0 ? (before - 1) / stride + 1 : 0,
              std::min((last - 1 + low) / stride + 1, s.oh));
}

// Whether every band has both inputs and outputs: no output lies in the padding; no input, where
// bands are of inputs, between two outputs or behind the last.
bool has_bands(const Problem& p) {
  const ConvShape& s = p.shape;
  const Conv2dOptions& o = s.options;
  const Index stride = o.stride[0], reach = (s.r - 1) * o.dilation[0] + 1;
  const bool all_read =
      stride <= reach && (s.oh - 1) * stride + reach == o.padding_low[0] + s.h + o.padding_high[0];
  return std::max(o.padding_low[0], o.padding_high[0]) < reach &&
         (p.pass != Pass::Input || all_read);
}

Index height_of(const Problem& p) { return p.pass == Pass::Input ? p.shape.h : p.shape.oh; }

// A part: pictures, and rows of each.
struct Part {
  Index pictures, rows;

  Part(const Problem& p, bool alone) {
    const ConvShape& s = p.shape;
    const bool bf16 = p.through_bf16 || p.pictures == DType::BF16;
    const Index most = moment(alone ? 1 : get_num_threads(), bf16), height = height_of(p);
    const Index picture = std::max<Index>(s.oh * s.ow * s.k * s.filter_size(), 1);
    pictures = even_part(s.n, most / picture, 1);
    const bool bands = picture > most && has_bands(p);
    rows = bands ? even_part(height, height * most / picture, 1) : height;
  }
  bool is_whole(const Problem& p) const { return pictures >= p.shape.n && rows >= height_of(p); }
};

template <class F>
void each_part(const Problem& p, const Part& part, F&& f) {
  const Index height = height_of(p);
  for (Index i = 0; i < p.shape.n; i += part.pictures) {
    const Problem few = slice(p, i, std::min(i + part.pictures, p.shape.n));
    for (Index j = 0; j < height; j += part.rows) {
      check_interrupt("conv2d");
      const Index end = std::min(j + part.rows, height);
      f(part.rows >= height     ? few
        : p.pass == Pass::Input ? input_band(few, j, end)
                                : output_band(few, j, end));
    }
  }
}

void store(char* to, DType t, Index i, float x) {
  if (t == DType::BF16)
    reinterpret_cast<BFloat16*>(to)[i] = BFloat16(x);
  else
    reinterpret_cast<float*>(to)[i] = x;
}

Index weights(const Problem& p) { return p.shape.k * p.shape.filter_size(); }

// The filters' gradient, f(i) of f32 each.
template <class F>
void store_gradient(const Problem& p, F&& f) {
  parallel_for(0, weights(p), 16384, [&](Index begin, Index end) {
    for (Index i = begin; i < end; ++i) store(p.w, p.filters, i, f(i));
  });
}

Problem with_gradient_at(Problem p, float* to) {
  p.filters = DType::F32;
  p.w = reinterpret_cast<char*>(to);
  return p;
}

// The parts' gradients, and their sum in f32.
void sum_parts(const Problem& p, const Part& part, bool alone) {
  const Scratch memory(static_cast<std::size_t>(2 * weights(p)) * sizeof(float));
  float *const sum = memory.as<float>(), *const more = sum + weights(p);
  const Problem total = with_gradient_at(p, sum);
  bool first = true;
  each_part(p, part, [&](const Problem& one) {
    execute(with_gradient_at(one, first ? sum : more), alone);
    if (!first) store_gradient(total, [&](Index k) { return sum[k] + more[k]; });
    first = false;
  });
  store_gradient(p, [&](Index k) { return sum[k]; });
}

void run_long(const Problem& p, bool alone) {
  const Part part(p, alone);
  if (part.is_whole(p)) return execute(p, alone);
  if (p.pass == Pass::Weight) return sum_parts(p, part, alone);
  each_part(p, part, [&](const Problem& one) { execute(one, alone); });
}

// Deterministic mode: slices of the batch that depend on its size alone, each on one thread.
constexpr Index kSlices = 16;

Index slices_of(const Problem& p) { return std::min(p.shape.n, kSlices); }
Problem slice(const Problem& p, Index i) {
  const Index n = p.shape.n, slices = slices_of(p);
  return slice(p, i * n / slices, (i + 1) * n / slices);
}

// Slices of one size, whose filters are reordered once for each thread.
void run_slices(const Problem& p) {
  parallel_for(0, slices_of(p), 1, [&](Index begin, Index end) {
    const ThreadScope scope(true);
    Operation::Series series(operation(slice(p, begin), scope));
    for (Index i = begin; i < end; ++i) run(series, slice(p, i));
  });
}

void run(const Problem& p) {
  if (!deterministic_algorithms()) return run_long(p, false);
  const Problem first = slice(p, 0);
  if (p.shape.n % slices_of(p) == 0 && Part(first, true).is_whole(first)) return run_slices(p);
  parallel_for(0, slices_of(p), 1, [&](Index begin, Index end) {
    for (Index i = begin; i < end; ++i) run_long(slice(p, i), true);
  });
}

// Parts in f32, then their sum in order.
void run_in_order(const Problem& p) {
  const Index count = weights(p);
  const Scratch parts(static_cast<std::size_t>(count * kSlices) * sizeof(float));
  const Index slices = slices_of(p);
  parallel_for(0, slices, 1, [&](Index begin, Index end) {
    for (Index i = begin; i < end; ++i)
      run_long(with_gradient_at(slice(p, i), parts.as<float>() + i * count), true);
  });
  store_gradient(p, [&](Index i) {
    float sum = 0;
    for (Index k = 0; k < slices; ++k) sum += parts.as<float>()[k * count + i];
    return sum;
  });
}

}  // namespace

void convolution_forward(const View& y, const View& x, const View& w, void* bias,
                         const ConvShape& shape, bool through_bf16) {
  run({Pass::Forward, shape, through_bf16, x.dtype, w.dtype, x.as<char>(), w.as<char>(),
       static_cast<char*>(bias), y.as<char>()});
}

void convolution_backward_input(const View& gx, const View& gy, const View& w,
                                const ConvShape& shape, bool through_bf16) {
  run({Pass::Input, shape, through_bf16, gx.dtype, w.dtype, gx.as<char>(), w.as<char>(), nullptr,
       gy.as<char>()});
}

void convolution_backward_weight(const View& gw, const View& gy, const View& x,
                                 const ConvShape& shape, bool through_bf16) {
  const Problem p{Pass::Weight, shape,         through_bf16, x.dtype,      gw.dtype,
                  x.as<char>(), gw.as<char>(), nullptr,      gy.as<char>()};
  deterministic_algorithms() ? run_in_order(p) : run_long(p, false);
}

}  // namespace weft::cpu::dnnl
