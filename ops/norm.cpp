#include <weft/ops/norm.h>

#include <algorithm>

#include <weft/autograd/record.h>
#include <weft/core/check.h>
#include <weft/core/interrupt.h>
#include <weft/ops/elementwise.h>
#include <weft/ops/kernels.h>
#include <weft/ops/make.h>
#include <weft/ops/matmul.h>

namespace weft {

using namespace autograd;

namespace {

using NormKernels = decltype(Kernels::norm);
const NormKernels& norm_kernels(const char* op, const Tensor& x) {
  const NormKernels& k = kernels(x.device()).norm;
  if (!k.batch_forward) throw_no_kernel(op, x.device());
  return k;
}

View view_of(const Tensor& t) { return t.defined() ? t.view() : View(); }

DType stats_dtype(const Tensor& x) { return x.dtype() == DType::F64 ? DType::F64 : DType::F32; }

void check_term(const char* op, const char* what, const Tensor& t, const Tensor& x,
                const Shape& sizes) {
  if (!t.defined()) return;
  if (t.sizes() != sizes) {
    fail<ShapeError>(op, "got {} of shape [{}] for input of shape [{}], expected [{}]", what,
                     fmt::join(t.sizes(), ", "), fmt::join(x.sizes(), ", "),
                     fmt::join(sizes, ", "));
  }
  if (t.dtype() != x.dtype() && !(is_half(x.dtype()) && t.dtype() == DType::F32)) {
    fail<DTypeError>(op, "got {} of {} for input of {}, expected {}", what, t.dtype(), x.dtype(),
                     is_half(x.dtype()) ? "that dtype or float32" : "that dtype");
  }
  if (t.device() != x.device()) {
    fail<DeviceError>(op, "got {} on {} for input on {}, expected one device", what, t.device(),
                      x.device());
  }
}

void check_floating(const char* op, const Tensor& x) {
  if (!is_floating(x.get(op).dtype)) {
    fail<DTypeError>(op, "got input of {}, expected a floating dtype", x.dtype());
  }
}

// Whether the channels (dimension 1) lie innermost and nothing else is reordered.
bool channels_innermost(const Tensor& x) {
  Shape sizes = x.sizes(), strides = x.strides();
  sizes.erase(1), strides.erase(1);
  sizes.push_back(x.sizes()[1]), strides.push_back(x.strides()[1]);
  return is_contiguous(sizes, strides);
}

// x, or a copy that a kernel takes.
Tensor in_order(const Tensor& x) {
  return x.is_contiguous() || channels_innermost(x) ? x : x.contiguous();
}
Tensor laid_out_like(const Tensor& t, const Tensor& x) {
  if (t.strides() == x.strides()) return t;
  Tensor copy = make_tensor(x.sizes(), x.strides(), t.dtype(), t.device());
  copy.copy_(t);
  return copy;
}

// ---- Batch normalisation

struct BatchNorm {
  bool training, relu;
  double eps;
};

Shape all_but_channels(const Tensor& x) {
  Shape dims = 0;
  for (Index d = 2; d < x.dim(); ++d) dims.push_back(d);
  return dims;
}
// [C] to the shape that broadcasts against x.
Tensor along_channels(const Tensor& t, const Tensor& x) {
  Shape sizes = Shape::filled(x.dim(), 1);
  sizes[1] = -1;
  return t.reshape(sizes);
}

struct BatchNormBackward {
  SavedTensor x, weight, bias, mean, rstd;
  BatchNorm o;

  // With recorded operations, so that it can be differentiated again.
  void recorded(const Tensor& gy, const Tensor& input, Gradients& in) {
    const Shape dims = all_but_channels(input);
    const Tensor wide = input.to(stats_dtype(input));
    Tensor centred = wide - along_channels(mean.get(), input),
           scale = along_channels(rstd.get(), input);
    if (o.training) {
      centred = wide - wide.mean(dims, true);
      scale = rsqrt(centred.square().mean(dims, true) + o.eps);
    }
    const Tensor h = centred * scale;
    Tensor g = gy.to(h.dtype());
    if (o.relu) {
      const Tensor w = weight.get(), b = bias.get();
      Tensor y = h.detach();
      if (w.defined()) y = y * along_channels(w.detach(), input);
      if (b.defined()) y = y + along_channels(b.detach(), input);
      g = where(y > 0, g, 0);
    }
    in.set(1, [&] { return (g * h).sum(dims); });
    in.set(2, [&] { return g.sum(dims); });
    in.set(0, [&] {
      const Tensor w = weight.get();
      const Tensor factor = w.defined() ? scale * along_channels(w, input) : scale;
      if (!o.training) return g * factor;
      return (g - g.mean(dims, true) - h * (g * h).mean(dims, true)) * factor;
    });
  }

  void fused(const Tensor& gy, const Tensor& input, Gradients& in) {
    const Tensor xs = in_order(input), g = laid_out_like(gy, xs);
    const Tensor w = weight.get(), b = bias.get(), m = mean.get(), r = rstd.get();
    const auto terms = [&](std::size_t i) {
      return in.needed(i) ? empty(m.sizes(), m.options()) : Tensor();
    };
    const Tensor gx = in.needed(0) ? empty_like(xs) : Tensor(), gw = terms(1), gb = terms(2);
    norm_kernels("batch_norm", xs)
        .batch_backward(view_of(gx), view_of(gw), view_of(gb), g.view(), xs.view(), m.view(),
                        r.view(), view_of(w), view_of(b), o.training, o.relu);
    in.set(0, [&] { return gx; });
    in.set(1, [&] { return gw; });
    in.set(2, [&] { return gb; });
  }

  void operator()(Tensor& gy, Gradients& in) {
    const Tensor input = x.get();
    if (grad_enabled() || input.numel() == 0) return recorded(gy, input, in);
    fused(gy, input, in);
  }
};

void check_batch(const Tensor& x, const Tensor& running_mean, const Tensor& running_var,
                 const Tensor& weight, const Tensor& bias, bool training) {
  check_floating("batch_norm", x);
  if (x.dim() < 2 || x.dim() > 5) {
    fail<ShapeError>("batch_norm", "got input of shape [{}], expected 2 to 5 dimensions",
                     fmt::join(x.sizes(), ", "));
  }
  const Shape channels = x.sizes()[1];
  check_term("batch_norm", "running_mean", running_mean, x, channels);
  check_term("batch_norm", "running_var", running_var, x, channels);
  check_term("batch_norm", "weight", weight, x, channels);
  check_term("batch_norm", "bias", bias, x, channels);
  if (running_mean.defined() != running_var.defined()) {
    fail<ValueError>("batch_norm",
                     "got one of running_mean and running_var, expected both or none");
  }
  if (!training && !running_mean.defined()) {
    fail<ValueError>("batch_norm",
                     "got no running statistics, expected them where training is false");
  }
  if (training && x.numel() == x.sizes()[1]) {
    fail<ShapeError>("batch_norm",
                     "got input of shape [{}], expected more than one value a channel in training",
                     fmt::join(x.sizes(), ", "));
  }
}

struct Statistics {
  Tensor mean, variance;
};

Statistics batch_statistics(const Tensor& x) {
  const Options like = x.options().dtype(stats_dtype(x));
  Statistics s{zeros(x.sizes()[1], like), zeros(x.sizes()[1], like)};
  if (x.numel() > 0) {
    norm_kernels("batch_norm", x).batch_stats(s.mean.view(), s.variance.view(), x.view());
  }
  return s;
}
Statistics running_statistics(const Tensor& x, const Tensor& mean, const Tensor& variance) {
  const DType dtype = stats_dtype(x);
  return {mean.detach().to(dtype).contiguous(), variance.detach().to(dtype).contiguous()};
}

// The last thing that a call does: it cannot fail, so statistics never move without a result.
void move_running(const Tensor& x, const Statistics& s, Tensor mean, Tensor variance,
                  double momentum) {
  const double n = static_cast<double>(x.numel() / x.sizes()[1]);
  const Whole whole;
  norm_kernels("batch_norm", x)
      .update_running(mean.view(), variance.view(), s.mean.view(), s.variance.view(), momentum,
                      n / (n - 1));
  bump_version("batch_norm", mean);
  bump_version("batch_norm", variance);
}

Tensor batch(const Tensor& x, const Tensor& running_mean, const Tensor& running_var,
             const Tensor& weight, const Tensor& bias, const BatchNorm& o, double momentum) {
  check_batch(x, running_mean, running_var, weight, bias, o.training);
  const bool moves = o.training && running_mean.defined() && x.numel() > 0;
  if (moves) check_inplace("batch_norm", running_mean, false);
  if (moves) check_inplace("batch_norm", running_var, false);
  Statistics s;
  Tensor rstd, y;
  {
    NoGradGuard no_grad;
    const Tensor in = in_order(x);
    s = o.training ? batch_statistics(in) : running_statistics(in, running_mean, running_var);
    rstd = rsqrt(s.variance + o.eps);
    y = empty_like(in);
    if (y.numel() > 0) {
      norm_kernels("batch_norm", x)
          .batch_forward(y.view(), in.view(), s.mean.view(), rstd.view(), view_of(weight),
                         view_of(bias), o.relu);
    }
  }
  if (recording(x, weight, bias)) {
    record(o.relu ? "batch_norm_relu" : "batch_norm", y, {x, weight, bias},
           BatchNormBackward{saved(x), saved(weight), saved(bias), saved(s.mean), saved(rstd), o});
  }
  if (moves) move_running(x, s, running_mean, running_var, momentum);
  return y;
}

// ---- Layer normalisation

struct LayerNormBackward {
  SavedTensor x, weight, mean, rstd;  // x: rows of elements
  double eps;

  void recorded(const Tensor& gy, const Tensor& input, Gradients& in) {
    const Tensor wide = input.to(stats_dtype(input)), g = gy.to(wide.dtype());
    const Tensor centred = wide - wide.mean(1, true);
    const Tensor scale = rsqrt(centred.square().mean(1, true) + eps), h = centred * scale;
    in.set(0, [&] {
      const Tensor w = weight.get();
      const Tensor gh = w.defined() ? g * w : g;
      return (gh - gh.mean(1, true) - h * (gh * h).mean(1, true)) * scale;
    });
    in.set(1, [&] { return (g * h).sum(0); });
    in.set(2, [&] { return g.sum(0); });
  }

  void operator()(Tensor& gy, Gradients& in) {
    const Tensor input = x.get(), m = mean.get(), r = rstd.get();
    if (grad_enabled() || input.numel() == 0) return recorded(gy, input, in);
    const Tensor g = gy.contiguous();
    const auto terms = [&](std::size_t i) {
      return in.needed(i) ? empty(input.sizes()[1], m.options()) : Tensor();
    };
    const Tensor gx = in.needed(0) ? empty_like(input) : Tensor(), gw = terms(1), gb = terms(2);
    norm_kernels("layer_norm", input)
        .layer_backward(view_of(gx), view_of(gw), view_of(gb), g.view(), input.view(), m.view(),
                        r.view(), view_of(weight.get()));
    in.set(0, [&] { return gx; });
    in.set(1, [&] { return gw; });
    in.set(2, [&] { return gb; });
  }
};

// x [rows, n], weight and bias [n].
Tensor layer(const Tensor& x, const Tensor& weight, const Tensor& bias, double eps) {
  const Options like = x.options().dtype(stats_dtype(x));
  Tensor y = empty_like(x), mean = empty(x.sizes()[0], like), rstd = empty(x.sizes()[0], like);
  if (y.numel() > 0) {
    norm_kernels("layer_norm", x)
        .layer_forward(y.view(), mean.view(), rstd.view(), x.view(), view_of(weight), view_of(bias),
                       eps);
  }
  if (recording(x, weight, bias)) {
    record("layer_norm", y, {x, weight, bias},
           LayerNormBackward{saved(x), saved(weight), saved(mean), saved(rstd), eps});
  }
  return y;
}

// ---- Local response normalisation

struct LocalResponse {
  Index size;
  double alpha, beta, k;
};

// out[:, c] = sum of x[:, c - before] to x[:, c - before + size - 1]; x [rows, C].
Tensor neighbours(const Tensor& x, Index size, Index before) {
  const Index n = x.sizes()[1];
  std::vector<double> band(static_cast<std::size_t>(n * n));
  for (Index c = 0; c < n; ++c) {
    for (Index i = std::max<Index>(0, c - before); i < std::min(n, c - before + size); ++i) {
      band[static_cast<std::size_t>(i * n + c)] = 1;
    }
  }
  return matmul(x, tensor(band, x.options()).reshape({n, n}));
}

struct LocalResponseBackward {
  SavedTensor x;
  LocalResponse o;

  Tensor recorded(const Tensor& g, const Tensor& rows) {
    const double each = o.alpha / static_cast<double>(o.size);
    const Tensor d = neighbours(rows.square(), o.size, o.size / 2) * each + o.k;
    const Tensor spread =
        neighbours(g * rows * d.pow(-o.beta - 1), o.size, o.size - 1 - o.size / 2);
    return g * d.pow(-o.beta) - rows * spread * (2 * each * o.beta);
  }

  void operator()(Tensor& gy, Gradients& in) {
    const Tensor rows = x.get();
    in.set(0, [&] {
      if (grad_enabled() || rows.numel() == 0) return recorded(gy, rows);
      const Tensor g = gy.contiguous(), gx = empty_like(rows);
      norm_kernels("local_response_norm", rows)
          .local_response_backward(gx.view(), g.view(), rows.view(), o.size, o.alpha, o.beta, o.k);
      return gx;
    });
  }
};

// x [rows, C], contiguous.
Tensor local_response(const Tensor& x, const LocalResponse& o) {
  Tensor y = empty_like(x);
  if (y.numel() > 0) {
    norm_kernels("local_response_norm", x)
        .local_response_forward(y.view(), x.view(), o.size, o.alpha, o.beta, o.k);
  }
  if (recording(x)) {
    record("local_response_norm", y, {x}, LocalResponseBackward{saved(x), o});
  }
  return y;
}

void check_layer(const Tensor& x, const Shape& shape, const Tensor& weight, const Tensor& bias) {
  check_floating("layer_norm", x);
  const int outer = x.dim() - shape.size();
  bool fits = !shape.empty() && outer >= 0;
  for (int d = 0; fits && d < shape.size(); ++d) fits = shape[d] == x.sizes()[outer + d];
  if (!fits) {
    fail<ShapeError>("layer_norm",
                     "got input of shape [{}] for normalized_shape [{}], expected one that ends "
                     "with it",
                     fmt::join(x.sizes(), ", "), fmt::join(shape, ", "));
  }
  check_term("layer_norm", "weight", weight, x, shape);
  check_term("layer_norm", "bias", bias, x, shape);
}

}  // namespace

Tensor batch_norm(const Tensor& x, const Tensor& running_mean, const Tensor& running_var,
                  const Tensor& weight, const Tensor& bias, bool training, double momentum,
                  double eps) {
  return batch(x, running_mean, running_var, weight, bias, {training, false, eps}, momentum);
}
Tensor batch_norm_relu(const Tensor& x, const Tensor& running_mean, const Tensor& running_var,
                       const Tensor& weight, const Tensor& bias, bool training, double momentum,
                       double eps) {
  return batch(x, running_mean, running_var, weight, bias, {training, true, eps}, momentum);
}

Tensor layer_norm(const Tensor& x, const Shape& normalized_shape, const Tensor& weight,
                  const Tensor& bias, double eps) {
  check_layer(x, normalized_shape, weight, bias);
  const Index n = numel(normalized_shape), rows = n > 0 ? x.numel() / n : 0;
  if (x.numel() == 0) return x.clone();
  const auto flat = [](const Tensor& t) {
    return t.defined() ? t.reshape(t.numel()).contiguous() : t;
  };
  return layer(x.contiguous().reshape({rows, n}), flat(weight), flat(bias), eps).reshape(x.sizes());
}

Tensor local_response_norm(const Tensor& x, Index size, double alpha, double beta, double k) {
  check_floating("local_response_norm", x);
  if (x.dim() < 3) {
    fail<ShapeError>("local_response_norm",
                     "got input of shape [{}], expected 3 dimensions or more",
                     fmt::join(x.sizes(), ", "));
  }
  if (size < 1) fail<ValueError>("local_response_norm", "got size {}, expected 1 or more", size);
  if (x.numel() == 0) return x.clone();
  const Tensor last = x.movedim(1, -1), rows = last.contiguous().reshape({-1, x.sizes()[1]});
  return local_response(rows, {size, alpha, beta, k}).reshape(last.sizes()).movedim(-1, 1);
}

}  // namespace weft
