#include <weft/cpu/pool.h>

#include <algorithm>

#include <weft/core/check.h>
#include <weft/core/threads.h>
#include <weft/cpu/isa/tables.h>
#include <weft/cpu/staging.h>

namespace weft::cpu {
namespace {

constexpr Index kGrain = 16384;  // elements that make a parallel region worth it

DType working(const char* op, DType t) {
  if (!is_floating(t)) fail<DTypeError>(op, "got {}, expected a floating dtype", t);
  return t == DType::F16 ? DType::F32 : t;
}

PoolType pool_type(DType t) {
  return t == DType::F64 ? PoolType::F64 : t == DType::BF16 ? PoolType::BF16 : PoolType::F32;
}

// The first pixel of a picture's row (or of a picture), all channels.
char* at(const View& v, Index n, Index row = 0) {
  if (!v.data) return nullptr;
  return v.as<char>() +
         (n * v.stride[0] + row * v.stride[2]) * static_cast<Index>(size_of(v.dtype));
}

// f(picture, row) for all, in parallel; elements: what one row costs.
template <class F>
void each_row(const View& v, Index elements, F&& f) {
  const Index rows = v.size[2];
  parallel_for(0, v.size[0] * rows, kGrain / std::max<Index>(elements, 1) + 1,
               [&](Index begin, Index end) {
                 for (Index i = begin; i < end; ++i) f(i / rows, i % rows);
               });
}

PoolRow max_row(const View& y, const View& where, const View& x, const PoolOptions& o) {
  return {.channels = y.size[1],
          .outputs = y.size[3],
          .x_height = x.size[2],
          .x_width = x.size[3],
          .x_row = x.stride[2],
          .x_pixel = x.stride[3],
          .y_pixel = y.stride[3],
          .where_pixel = where.data ? where.stride[3] : 0,
          .kernel_h = o.kernel[0],
          .kernel_w = o.kernel[1],
          .stride_w = o.stride[1],
          .dilation_h = o.dilation[0],
          .dilation_w = o.dilation[1],
          .first_h = 0,
          .first_w = -o.padding[1]};
}

PoolGradientRow max_gradient_row(const View& gx, const View& gy, const View& where,
                                 const PoolOptions& o) {
  return {.channels = gx.size[1],
          .inputs = gx.size[3],
          .row = 0,
          .y_height = gy.size[2],
          .y_width = gy.size[3],
          .y_row = gy.stride[2],
          .y_pixel = gy.stride[3],
          .where_row = where.stride[2],
          .where_pixel = where.stride[3],
          .gx_pixel = gx.stride[3],
          .kernel_h = o.kernel[0],
          .kernel_w = o.kernel[1],
          .stride_h = o.stride[0],
          .stride_w = o.stride[1],
          .dilation_h = o.dilation[0],
          .dilation_w = o.dilation[1],
          .padding_h = o.padding[0],
          .padding_w = o.padding[1]};
}

struct Reach {
  Index begin, end;
  Index padded;  // length with padding counted
  Index length() const { return std::max<Index>(end - begin, 0); }
};

// One dimension of an average: which inputs an output reads, which outputs read an input.
struct Axis {
  Index in, out, kernel = 0, stride = 1, padding = 0;  // kernel 0: adaptive

  Reach window(Index o) const {
    if (kernel == 0) {
      const Index begin = o * in / out, end = ((o + 1) * in + out - 1) / out;
      return {begin, end, end - begin};
    }
    const Index begin = o * stride - padding, end = std::min(begin + kernel, in + padding);
    return {std::max<Index>(begin, 0), std::min(end, in), end - begin};
  }
  Reach readers(Index i) const {
    if (kernel == 0) return {i * out / in, ((i + 1) * out + in - 1) / in, 0};
    const Index p = i + padding;
    const Index first = p >= kernel ? (p - kernel) / stride + 1 : 0;
    return {first, std::min(p / stride + 1, out), 0};
  }
};

struct Average {
  Axis high, wide;
  bool padding_counts = false;
  Index divisor = 0;

  Index divide_by(const Reach& h, const Reach& w) const {
    if (divisor) return divisor;
    const Index n = padding_counts ? h.padded * w.padded : h.length() * w.length();
    return std::max<Index>(n, 1);
  }
};

Average average(const View& y, const View& x, const PoolOptions& o) {
  return {{x.size[2], y.size[2], o.kernel[0], o.stride[0], o.padding[0]},
          {x.size[3], y.size[3], o.kernel[1], o.stride[1], o.padding[1]},
          o.count_include_pad,
          o.divisor};
}
Average adaptive(const View& y, const View& x) {
  return {{x.size[2], y.size[2]}, {x.size[3], y.size[3]}};
}

template <class T>
using Sum = std::conditional_t<std::is_same_v<T, double>, double, float>;

constexpr Index kChannels = 64;  // summed at once

template <class T>
void sum_window(Sum<T>* sum, const T* x, const View& v, const Reach& h, const Reach& w, Index c) {
  for (Index i = h.begin; i < h.end; ++i) {
    for (Index j = w.begin; j < w.end; ++j) {
      const T* pixel = x + i * v.stride[2] + j * v.stride[3];
      for (Index k = 0; k < c; ++k) sum[k] += static_cast<Sum<T>>(pixel[k]);
    }
  }
}

template <class T>
void average_row(const View& y, const View& x, const Average& a, Index n, Index row) {
  const Reach h = a.high.window(row);
  const T* from = reinterpret_cast<const T*>(at(x, n));
  T* to = reinterpret_cast<T*>(at(y, n, row));
  for (Index o = 0; o < y.size[3]; ++o) {
    const Reach w = a.wide.window(o);
    const auto divisor = static_cast<Sum<T>>(a.divide_by(h, w));
    for (Index c = 0; c < y.size[1]; c += kChannels) {
      const Index count = std::min(kChannels, y.size[1] - c);
      Sum<T> sum[kChannels] = {};
      sum_window(sum, from + c, x, h, w, count);
      for (Index k = 0; k < count; ++k) to[o * y.stride[3] + c + k] = T(sum[k] / divisor);
    }
  }
}

template <class T>
void add_scaled(Sum<T>* sum, const T* gy, Sum<T> divisor, Index count) {
  for (Index k = 0; k < count; ++k) sum[k] += static_cast<Sum<T>>(gy[k]) / divisor;
}

template <class T>
void average_gradient_row(const View& gx, const View& gy, const Average& a, Index n, Index row) {
  const Reach rows = a.high.readers(row);
  const T* from = reinterpret_cast<const T*>(at(gy, n));
  T* to = reinterpret_cast<T*>(at(gx, n, row));
  for (Index i = 0; i < gx.size[3]; ++i) {
    const Reach columns = a.wide.readers(i);
    for (Index c = 0; c < gx.size[1]; c += kChannels) {
      const Index count = std::min(kChannels, gx.size[1] - c);
      Sum<T> sum[kChannels] = {};
      for (Index p = rows.begin; p < rows.end; ++p) {
        const Reach h = a.high.window(p);
        for (Index q = columns.begin; q < columns.end; ++q) {
          const auto divisor = static_cast<Sum<T>>(a.divide_by(h, a.wide.window(q)));
          add_scaled(sum, from + p * gy.stride[2] + q * gy.stride[3] + c, divisor, count);
        }
      }
      for (Index k = 0; k < count; ++k) to[i * gx.stride[3] + c + k] = T(sum[k]);
    }
  }
}

template <class F>
void by_type(DType t, F&& f) {
  if (t == DType::F64) return f(double{});
  if (t == DType::BF16) return f(BFloat16{});
  f(float{});
}

void run_average(const View& y_any, const View& x_any, const Average& a) {
  if (numel(y_any) == 0) return;
  const DType t = working("avg_pool2d", x_any.dtype);
  const StagedInput x(x_any, t, Order::ChannelsTogether);
  const StagedOutput y(y_any, t, Order::ChannelsTogether);
  by_type(t, [&](auto tag) {
    const Index elements = numel(x_any) / (x_any.size[0] * y_any.size[2]);
    each_row(y.view(), elements, [&](Index n, Index row) {
      average_row<decltype(tag)>(y.view(), x.view(), a, n, row);
    });
  });
  y.finish();
}

void run_average_gradient(const View& gx_any, const View& gy_any, const Average& a) {
  if (numel(gx_any) == 0) return;
  const DType t = working("avg_pool2d backward", gx_any.dtype);
  const StagedInput gy(gy_any, t, Order::ChannelsTogether);
  const StagedOutput gx(gx_any, t, Order::ChannelsTogether);
  by_type(t, [&](auto tag) {
    each_row(gx.view(), gx_any.size[1] * gx_any.size[3] * 2, [&](Index n, Index row) {
      average_gradient_row<decltype(tag)>(gx.view(), gy.view(), a, n, row);
    });
  });
  gx.finish();
}

}  // namespace

void max_pool_forward(const View& y_any, const View& where_any, const View& x_any,
                      const PoolOptions& o) {
  if (numel(y_any) == 0) return;
  const DType t = working("max_pool2d", x_any.dtype);
  const StagedInput x(x_any, t, Order::ChannelsTogether);
  const StagedOutput y(y_any, t, Order::ChannelsTogether);
  const StagedOutput where(where_any ? where_any : View{nullptr, y_any.size, y_any.stride, 4},
                           where_any.dtype, Order::ChannelsTogether);
  const auto kernel = pool_kernels().max_row[static_cast<int>(pool_type(t))];
  const bool wide = where_any.dtype == DType::I32;
  const PoolRow shape = max_row(y.view(), where.view(), x.view(), o);
  const Index elements = shape.channels * shape.outputs * o.kernel[0] * o.kernel[1];
  each_row(y.view(), elements, [&](Index n, Index row) {
    PoolRow r = shape;
    r.first_h = row * o.stride[0] - o.padding[0];
    kernel(at(y.view(), n, row), at(where.view(), n, row), wide, at(x.view(), n), r);
  });
  y.finish();
  where.finish();
}

void max_pool_backward(const View& gx_any, const View& gy_any, const View& where_any,
                       const PoolOptions& o) {
  if (numel(gx_any) == 0) return;
  const DType t = working("max_pool2d backward", gx_any.dtype);
  const StagedInput gy(gy_any, t, Order::ChannelsTogether);
  const StagedInput where(where_any, where_any.dtype, Order::ChannelsTogether);
  const StagedOutput gx(gx_any, t, Order::ChannelsTogether);
  const auto kernel = pool_kernels().max_gradient_row[static_cast<int>(pool_type(t))];
  const bool wide = where_any.dtype == DType::I32;
  const PoolGradientRow shape = max_gradient_row(gx.view(), gy.view(), where.view(), o);
  each_row(gx.view(), shape.channels * shape.inputs * 2, [&](Index n, Index row) {
    PoolGradientRow r = shape;
    r.row = row;
    kernel(at(gx.view(), n, row), at(gy.view(), n), at(where.view(), n), wide, r);
  });
  gx.finish();
}

void average_pool_forward(const View& y, const View& x, const PoolOptions& o) {
  run_average(y, x, average(y, x, o));
}
void average_pool_backward(const View& gx, const View& gy, const PoolOptions& o) {
  run_average_gradient(gx, gy, average(gy, gx, o));
}
void adaptive_pool_forward(const View& y, const View& x) { run_average(y, x, adaptive(y, x)); }
void adaptive_pool_backward(const View& gx, const View& gy) {
  run_average_gradient(gx, gy, adaptive(gy, gx));
}

}  // namespace weft::cpu
