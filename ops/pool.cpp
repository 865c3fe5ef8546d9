#include <weft/ops/pool.h>

#include <weft/autograd/record.h>
#include <weft/core/check.h>
#include <weft/ops/elementwise.h>
#include <weft/ops/kernels.h>
#include <weft/ops/make.h>

namespace weft {

using namespace autograd;

namespace {

using PoolKernels = decltype(Kernels::pool);

const PoolKernels& pool_kernels(const char* op, const Tensor& x) {
  const PoolKernels& k = kernels(x.device()).pool;
  if (!k.max_forward) throw_no_kernel(op, x.device());
  return k;
}

void check_input(const char* op, const Tensor& x) {
  const TensorImpl& t = x.get(op);
  if (t.sizes.size() != 3 && t.sizes.size() != 4) {
    fail<ShapeError>(op, "got input of shape [{}], expected [N, C, H, W] or [C, H, W]",
                     fmt::join(t.sizes, ", "));
  }
  if (!is_floating(t.dtype)) {
    fail<DTypeError>(op, "got input of {}, expected a floating dtype", t.dtype);
  }
}

void spread(const char* op, const char* what, const Shape& values, Index least, Index (&out)[2]) {
  if (values.size() != 1 && values.size() != 2) {
    fail<ValueError>(op, "got {} numbers as {}, expected 1 or 2", values.size(), what);
  }
  for (int d = 0; d < 2; ++d) {
    out[d] = values[values.size() == 1 ? 0 : d];
    if (out[d] < least) {
      fail<ValueError>(op, "got {} {}, expected at least {}", what, out[d], least);
    }
  }
}

PoolOptions make_options(const char* op, const Shape& kernel, const Shape& stride,
                         const Shape& padding, const Shape& dilation) {
  PoolOptions o;
  spread(op, "kernel", kernel, 1, o.kernel);
  spread(op, "stride", stride.empty() ? kernel : stride, 1, o.stride);
  spread(op, "padding", padding, 0, o.padding);
  spread(op, "dilation", dilation, 1, o.dilation);
  for (int d = 0; d < 2; ++d) {
    const Index reach = o.dilation[d] * (o.kernel[d] - 1) + 1;
    if (o.padding[d] > reach / 2) {
      fail<ValueError>(op, "got padding {}, expected at most half of the kernel's reach {}",
                       o.padding[d], reach);
    }
  }
  return o;
}

Index output_size(Index in, const PoolOptions& o, int d, bool ceil_mode) {
  const Index room = in + 2 * o.padding[d] - o.dilation[d] * (o.kernel[d] - 1) - 1;
  if (room < 0 && !(ceil_mode && room + o.stride[d] > 0)) return 0;
  const Index out = (room + (ceil_mode ? o.stride[d] - 1 : 0)) / o.stride[d] + 1;
  return ceil_mode && (out - 1) * o.stride[d] >= in + o.padding[d] ? out - 1 : out;
}

Shape output_sizes(const char* op, const Tensor& x, const PoolOptions& o, bool ceil_mode) {
  Shape sizes{x.sizes()[0], x.sizes()[1]};
  for (int d = 0; d < 2; ++d) {
    sizes.push_back(output_size(x.sizes()[d + 2], o, d, ceil_mode));
    if (sizes.back() < 1) {
      fail<ShapeError>(op, "got input of {} x {} for a kernel of {} x {}, expected a larger input",
                       x.sizes()[2], x.sizes()[3], o.kernel[0], o.kernel[1]);
    }
  }
  return sizes;
}

Tensor empty_last(const Shape& sizes, DType dtype, Device device) {
  return make_tensor(sizes, channels_last_strides(sizes), dtype, device);
}

// A position in a window fits into a byte where the window has at most 256 elements.
DType where_dtype(const PoolOptions& o) {
  return o.kernel[0] * o.kernel[1] <= 256 ? DType::U8 : DType::I32;
}

Tensor max_spread(const Shape& sizes, const Tensor& gy, const SavedTensor& where,
                  const PoolOptions& o);

// What x holds at the positions that a max pooling chose; linear in x.
Tensor max_pick(const Tensor& x, const SavedTensor& where, const PoolOptions& o) {
  const Tensor at = where.get();
  Tensor y = empty_last(at.sizes(), x.dtype(), x.device());
  if (y.numel() > 0) pool_kernels("max_pool2d", x).max_pick(y.view(), at.view(), x.view(), o);
  if (recording(x)) {
    record("max_pool2d_pick", y, {x}, [sizes = x.sizes(), where, o](Tensor& g, Gradients& in) {
      in.set(0, [&] { return max_spread(sizes, g, where, o); });
    });
  }
  return y;
}

Tensor max_spread(const Shape& sizes, const Tensor& gy, const SavedTensor& where,
                  const PoolOptions& o) {
  Tensor gx = empty_last(sizes, gy.dtype(), gy.device());
  if (gx.numel() > 0) {
    pool_kernels("max_pool2d", gy).max_backward(gx.view(), gy.view(), where.get().view(), o);
  }
  if (recording(gy)) {
    record("max_pool2d_grad", gx, {gy}, [where, o](Tensor& g, Gradients& in) {
      in.set(0, [&] { return max_pick(g, where, o); });
    });
  }
  return gx;
}

struct Pooled {
  Tensor y, where;
};

Pooled max_pool(const Tensor& x, const PoolOptions& o, bool ceil_mode, bool keep_where) {
  const Shape sizes = output_sizes("max_pool2d", x, o, ceil_mode);
  Pooled p{empty_last(sizes, x.dtype(), x.device()), {}};
  const bool recorded = recording(x);
  if (recorded || keep_where) p.where = empty_last(sizes, where_dtype(o), x.device());
  if (p.y.numel() > 0) {
    pool_kernels("max_pool2d", x)
        .max_forward(p.y.view(), p.where.defined() ? p.where.view() : View(), x.view(), o);
  }
  if (recorded) {
    record("max_pool2d", p.y, {x},
           [sizes = x.sizes(), where = saved(p.where), o](Tensor& g, Gradients& in) {
             in.set(0, [&] { return max_spread(sizes, g, where, o); });
           });
  }
  return p;
}

// Row or column of the input that each output's window begins at, shaped to broadcast.
Tensor begins(Index outputs, const PoolOptions& o, int d, const Tensor& like) {
  const Tensor at = arange(outputs, like.options().dtype(DType::I64)) * o.stride[d] - o.padding[d];
  return d == 0 ? at.unsqueeze(1) : at;
}

Tensor flat_indices(const Tensor& where, const Tensor& x, const PoolOptions& o) {
  NoGradGuard no_grad;
  const Tensor position = where.to(DType::I64), r = div(position, o.kernel[1], "floor"),
               s = position - r * o.kernel[1];
  const Tensor row = r * o.dilation[0] + begins(where.sizes()[2], o, 0, where),
               column = s * o.dilation[1] + begins(where.sizes()[3], o, 1, where);
  return row * x.sizes()[3] + column;
}

Tensor average_spread(const Shape& sizes, const Tensor& gy, const PoolOptions& o);

Tensor average(const Tensor& x, const Shape& out, const PoolOptions& o) {
  Tensor y = empty_last(out, x.dtype(), x.device());
  if (y.numel() > 0) pool_kernels("avg_pool2d", x).average_forward(y.view(), x.view(), o);
  if (recording(x)) {
    record("avg_pool2d", y, {x}, [sizes = x.sizes(), o](Tensor& g, Gradients& in) {
      in.set(0, [&] { return average_spread(sizes, g, o); });
    });
  }
  return y;
}

Tensor average_spread(const Shape& sizes, const Tensor& gy, const PoolOptions& o) {
  Tensor gx = empty_last(sizes, gy.dtype(), gy.device());
  if (gx.numel() > 0) pool_kernels("avg_pool2d", gy).average_backward(gx.view(), gy.view(), o);
  if (recording(gy)) {
    record("avg_pool2d_grad", gx, {gy}, [out = gy.sizes(), o](Tensor& g, Gradients& in) {
      in.set(0, [&] { return average(g, out, o); });
    });
  }
  return gx;
}

Tensor adaptive_spread(const Shape& sizes, const Tensor& gy);

Tensor adaptive(const Tensor& x, const Shape& out) {
  Tensor y = empty_last(out, x.dtype(), x.device());
  if (y.numel() > 0) pool_kernels("adaptive_avg_pool2d", x).adaptive_forward(y.view(), x.view());
  if (recording(x)) {
    record("adaptive_avg_pool2d", y, {x}, [sizes = x.sizes()](Tensor& g, Gradients& in) {
      in.set(0, [&] { return adaptive_spread(sizes, g); });
    });
  }
  return y;
}

Tensor adaptive_spread(const Shape& sizes, const Tensor& gy) {
  Tensor gx = empty_last(sizes, gy.dtype(), gy.device());
  if (gy.numel() == 0) {
    NoGradGuard no_grad;
    gx.zero_();
  } else if (gx.numel() > 0) {
    pool_kernels("adaptive_avg_pool2d", gy).adaptive_backward(gx.view(), gy.view());
  }
  if (recording(gy)) {
    record("adaptive_avg_pool2d_grad", gx, {gy}, [out = gy.sizes()](Tensor& g, Gradients& in) {
      in.set(0, [&] { return adaptive(g, out); });
    });
  }
  return gx;
}

// One picture or several.
Tensor batched(const Tensor& x) { return x.dim() == 4 ? x : x.unsqueeze(0); }
Tensor like_input(const Tensor& y, const Tensor& x) { return x.dim() == 4 ? y : y.squeeze(0); }

}  // namespace

Tensor max_pool2d(const Tensor& x, const Shape& kernel, const Shape& stride, const Shape& padding,
                  const Shape& dilation, bool ceil_mode) {
  check_input("max_pool2d", x);
  const PoolOptions o = make_options("max_pool2d", kernel, stride, padding, dilation);
  return like_input(max_pool(batched(x), o, ceil_mode, false).y, x);
}

std::tuple<Tensor, Tensor> max_pool2d_with_indices(const Tensor& x, const Shape& kernel,
                                                   const Shape& stride, const Shape& padding,
                                                   const Shape& dilation, bool ceil_mode) {
  check_input("max_pool2d", x);
  const PoolOptions o = make_options("max_pool2d", kernel, stride, padding, dilation);
  const Tensor in = batched(x);
  const Pooled p = max_pool(in, o, ceil_mode, true);
  return {like_input(p.y, x), like_input(flat_indices(p.where, in, o), x)};
}

Tensor avg_pool2d(const Tensor& x, const Shape& kernel, const Shape& stride, const Shape& padding,
                  bool ceil_mode, bool count_include_pad, std::optional<Index> divisor_override) {
  check_input("avg_pool2d", x);
  PoolOptions o = make_options("avg_pool2d", kernel, stride, padding, 1);
  o.count_include_pad = count_include_pad;
  o.divisor = divisor_override.value_or(0);
  if (divisor_override && o.divisor == 0) {
    fail<ValueError>("avg_pool2d", "got divisor_override 0, expected another number");
  }
  const Tensor in = batched(x);
  return like_input(average(in, output_sizes("avg_pool2d", in, o, ceil_mode), o), x);
}

Tensor adaptive_avg_pool2d(const Tensor& x, const Shape& output_size) {
  check_input("adaptive_avg_pool2d", x);
  Index out[2];
  spread("adaptive_avg_pool2d", "output_size", output_size, -1, out);
  const Tensor in = batched(x);
  Shape sizes = in.sizes();
  for (int d = 0; d < 2; ++d) {
    if (in.sizes()[d + 2] < 1) {
      fail<ShapeError>("adaptive_avg_pool2d",
                       "got input of shape [{}], expected pictures of one "
                       "element or more",
                       fmt::join(x.sizes(), ", "));
    }
    if (out[d] >= 0) sizes[d + 2] = out[d];
  }
  return like_input(adaptive(in, sizes), x);
}

}  // namespace weft
