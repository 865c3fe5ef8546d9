#include <weft/ops/loss.h>

#include <weft/autograd/record.h>
#include <weft/core/check.h>
#include <weft/ops/autocast.h>
#include <weft/ops/elementwise.h>
#include <weft/ops/kernels.h>
#include <weft/ops/make.h>
#include <weft/ops/one_device.h>
#include <weft/ops/softmax.h>

namespace weft {

using namespace autograd;

namespace {

Tensor reduce_loss(const Tensor& losses, Reduction reduction) {
  if (reduction == Reduction::None) return losses;
  return reduction == Reduction::Mean ? losses.mean() : losses.sum();
}

struct ClassOptions {
  const Tensor& weight;
  NllOptions nll;
  Reduction reduction;
};

// Where the classes of x are: dim 1, or dim 0 of a vector.
int class_dim(const char* op, const Tensor& x, DType dtype) {
  if (!is_floating(dtype))
    fail<DTypeError>(op, "got input of {}, expected a floating dtype", dtype);
  if (x.dim() == 0)
    fail<ShapeError>(op, "got an input without dimensions, expected [C], [N, C] or [N, C, d1...]");
  return x.dim() == 1 ? 0 : 1;
}

void check_weight(const char* op, const Tensor& x, const Tensor& weight, Index classes) {
  if (!weight.defined()) return;
  detail::check_one_device(op, x, weight);
  if (weight.sizes() == Shape{classes}) return;
  fail<ShapeError>(op, "got weight of shape [{}], expected [{}]: one for each class",
                   fmt::join(weight.sizes(), ", "), classes);
}

void check_shape(const char* op, const Tensor& x, const Tensor& target, const Shape& expected) {
  if (target.sizes() == expected) return;
  fail<ShapeError>(
      op, "got input of shape [{}] and target of shape [{}], expected a target of [{}]",
      fmt::join(x.sizes(), ", "), fmt::join(target.sizes(), ", "), fmt::join(expected, ", "));
}

// Class indices as contiguous i64, of x's shape without the classes and all in range.
Tensor checked_target(const char* op, const Tensor& x, const Tensor& target, int dim,
                      Index ignored) {
  if (target.dtype() != DType::I64 && target.dtype() != DType::U8)
    fail<DTypeError>(op, "got target of {}, expected int64 or uint8", target.dtype());
  detail::check_one_device(op, x, target);
  Shape expected = x.sizes();
  expected.erase(dim);
  check_shape(op, x, target, expected);
  const Tensor t = target.to(DType::I64).contiguous();
  const Index classes = x.size(dim);
  if (kernels(t.device()).indexing.within(op, t.view(), 0, classes, &ignored)) return t;
  for (const Index i : t.to_vector<Index>()) {
    if ((i < 0 || i >= classes) && i != ignored) {
      fail<IndexError>(op, "got target {}, expected a class from 0 to {} (or ignore_index {})", i,
                       classes - 1, ignored);
    }
  }
  return t;
}

// [N, C, D] of whatever x has.
Shape flat_shape(const Tensor& x, int dim) {
  const Index batch = dim == 0 ? 1 : x.size(0), classes = x.size(dim);
  return {batch, classes, batch * classes == 0 ? 0 : x.numel() / (batch * classes)};
}

// The targets' distributions [N, C, D], for gradients that are differentiated again.
Tensor distribution(const Tensor& target, const Shape& flat, const Tensor& weight,
                    const NllOptions& o, DType dtype) {
  NoGradGuard no_grad;
  const Options options = Options(DType::I64).device(target.device());
  const Tensor t = target.reshape({flat[0], 1, flat[2]});
  const Tensor own = t.eq(arange(flat[1], options).reshape({1, -1, 1}));
  const Tensor w = weight.defined() ? weight.to(dtype).reshape({1, -1, 1})
                                    : ones({1, flat[1], 1}, Options(dtype).device(t.device()));
  const Tensor q = own * w * (1 - o.smoothing) + w * (o.smoothing / static_cast<double>(flat[1]));
  return where(eq(t, o.ignore_index), 0, q);
}

// What the backward pass keeps. scale is the gradient of each target's loss.
struct NllBackward {
  Shape sizes, flat;
  NllOptions options;
  SavedTensor x, y, target, weight;

  Tensor operator()(const Tensor& scale) const {
    const Tensor t = target.get(), w = weight.get(), logs = y.get();
    const Tensor s =
        scale.dim() == 0 ? scale.expand({flat[0], flat[2]}) : scale.reshape({flat[0], flat[2]});
    if (grad_enabled()) return graph(s.unsqueeze(1), t, w).reshape(sizes);
    const Tensor wide = s.to(logs.dtype());
    Tensor gx = make_tensor(flat, contiguous_strides(flat), logs.dtype(), logs.device());
    kernels(logs.device())
        .loss.nll_backward(gx.view(), wide.view(), logs.view(), t.view(),
                           w.defined() ? w.view() : View(), options);
    return gx.reshape(sizes);
  }
  Tensor graph(const Tensor& scale, const Tensor& t, const Tensor& w) const {
    const Tensor q = distribution(t, flat, w, options, y.get().dtype());
    if (!options.softmax) return scale * q.neg();
    return scale * (softmax(x.get().reshape(flat), 1) * q.sum(1, true) - q);
  }
};

// x is given as logits or, without softmax, as log-probabilities.
Tensor nll(const char* op, const Tensor& x, const Tensor& target, int dim, const ClassOptions& o) {
  const Tensor t = checked_target(op, x, target, dim, o.nll.ignore_index);
  const Shape flat = flat_shape(x, dim), columns{flat[0], flat[2]};
  const DType wide = x.dtype() == DType::F64 ? DType::F64 : DType::F32;
  const auto forward = kernels(x.device()).loss.nll_forward;
  if (!forward) throw_no_kernel(op, x.device());
  Tensor y, w, losses, row_weights;
  {
    NoGradGuard no_grad;
    const Tensor rows = x.reshape(flat).to(wide).contiguous();
    y = o.nll.softmax ? log_softmax(rows, 1) : rows;
    if (o.weight.defined()) w = o.weight.to(wide).contiguous();
    losses = empty(columns, Options(wide).device(x.device()));
    row_weights = empty(columns, Options(wide).device(x.device()));
    forward(losses.view(), row_weights.view(), y.view(), t.view(), w.defined() ? w.view() : View(),
            o.nll);
  }
  Tensor total;  // what Mean divides by
  Tensor loss = losses;
  {
    NoGradGuard no_grad;
    if (o.reduction == Reduction::Mean) total = row_weights.sum();
    if (o.reduction == Reduction::None) loss = losses.reshape(t.sizes());
    if (o.reduction != Reduction::None) loss = losses.sum();
    if (total.defined()) loss = loss / total;
    loss = loss.to(x.dtype());
  }
  if (recording(x)) {
    NllBackward back{x.sizes(), flat,     o.nll,   o.nll.softmax ? saved(x) : SavedTensor(),
                     saved(y),  saved(t), saved(w)};
    record(op, loss, {x}, [back = std::move(back), total](Tensor& g, Gradients& in) {
      in.set(0, [&] { return back(total.defined() ? g / total : g); });
    });
  }
  return loss;
}

// target: probabilities of x's shape; gradients flow to it too.
Tensor soft_cross_entropy(const Tensor& x, const Tensor& target, int dim,
                          const CrossEntropyOptions& o) {
  check_shape("cross_entropy", x, target, x.sizes());
  const auto classes = static_cast<double>(x.size(dim));
  Tensor q = target;
  if (o.label_smoothing > 0) q = q * (1 - o.label_smoothing) + o.label_smoothing / classes;
  if (o.weight.defined()) {
    Shape along = Shape::filled(x.dim(), 1);
    along[dim] = x.size(dim);
    q = q * o.weight.reshape(along);
  }
  const Tensor losses = (q * log_softmax(x, dim)).sum(dim).neg();
  if (o.reduction != Reduction::Mean) return reduce_loss(losses, o.reduction);
  return losses.sum() / (static_cast<double>(x.numel()) / classes);
}

}  // namespace

Tensor cross_entropy(const Tensor& x, const Tensor& target, const CrossEntropyOptions& o) {
  if (autocasting()) {
    const AutocastPause pause;
    CrossEntropyOptions wide = o;
    wide.weight = widened(o.weight);
    return cross_entropy(widened(x), widened(target), wide);
  }
  constexpr auto op = "cross_entropy";
  const int dim = class_dim(op, x, x.get(op).dtype);
  target.get(op);
  if (!(o.label_smoothing >= 0 && o.label_smoothing <= 1))
    fail<ValueError>(op, "got label_smoothing {}, expected 0 to 1", o.label_smoothing);
  check_weight(op, x, o.weight, x.size(dim));
  if (is_floating(target.dtype())) return soft_cross_entropy(x, target, dim, o);
  const NllOptions nll_options{o.ignore_index, o.label_smoothing, true};
  return nll(op, x, target, dim, {o.weight, nll_options, o.reduction});
}

Tensor nll_loss(const Tensor& x, const Tensor& target, const NllLossOptions& o) {
  if (autocasting()) {
    const AutocastPause pause;
    return nll_loss(widened(x), target, {widened(o.weight), o.ignore_index, o.reduction});
  }
  constexpr auto op = "nll_loss";
  const int dim = class_dim(op, x, x.get(op).dtype);
  target.get(op);
  check_weight(op, x, o.weight, x.size(dim));
  return nll(op, x, target, dim, {o.weight, {o.ignore_index, 0, false}, o.reduction});
}

namespace {

// x - target in a floating dtype.
Tensor difference(const char* op, const Tensor& x, const Tensor& target) {
  x.get(op), target.get(op);
  const DType dtype = result_type(x, target);
  if (!is_floating(dtype)) fail<DTypeError>(op, "got {}, expected a floating dtype", dtype);
  return x.to(dtype) - target.to(dtype);
}

}  // namespace

Tensor mse_loss(const Tensor& x, const Tensor& target, Reduction reduction) {
  if (autocasting()) {
    const AutocastPause pause;
    return mse_loss(widened(x), widened(target), reduction);
  }
  return reduce_loss(difference("mse_loss", x, target).square(), reduction);
}

Tensor l1_loss(const Tensor& x, const Tensor& target, Reduction reduction) {
  if (autocasting()) {
    const AutocastPause pause;
    return l1_loss(widened(x), widened(target), reduction);
  }
  return reduce_loss(difference("l1_loss", x, target).abs(), reduction);
}

Tensor binary_cross_entropy_with_logits(const Tensor& x, const Tensor& target,
                                        const BinaryCrossEntropyOptions& o) {
  if (autocasting()) {
    const AutocastPause pause;
    const BinaryCrossEntropyOptions wide{widened(o.weight), widened(o.pos_weight), o.reduction};
    return binary_cross_entropy_with_logits(widened(x), widened(target), wide);
  }
  constexpr auto op = "binary_cross_entropy_with_logits";
  x.get(op), target.get(op);
  if (!is_floating(x.dtype()))
    fail<DTypeError>(op, "got input of {}, expected a floating dtype", x.dtype());
  check_shape(op, x, target, x.sizes());
  // -log(sigmoid(x)); the threshold is where f64 no longer sees the difference from -x.
  const Tensor cost = softplus(x.neg(), 1.0, 40.0);
  const Tensor positive = o.pos_weight.defined() ? target * (o.pos_weight - 1) + 1 : Tensor();
  Tensor losses = (1 - target) * x + (positive.defined() ? positive * cost : cost);
  if (o.weight.defined()) losses = losses * o.weight;
  return reduce_loss(losses, o.reduction);
}

Tensor one_hot(const Tensor& x, Index num_classes) {
  if (x.get("one_hot").dtype != DType::I64)
    fail<DTypeError>("one_hot", "got {}, expected int64", x.dtype());
  if (x.numel() == 0 && num_classes < 1)
    fail<ValueError>("one_hot", "got no elements and {} classes, expected 1 class or more",
                     num_classes);
  const Index low = x.numel() ? x.amin().item<Index>() : 0;
  const Index high = x.numel() ? x.amax().item<Index>() : 0;
  const Index classes = num_classes == -1 ? high + 1 : num_classes;
  if (low < 0 || (x.numel() && high >= classes)) {
    fail<IndexError>("one_hot", "got class {}, expected 0 to {}", low < 0 ? low : high,
                     classes - 1);
  }
  const Options options = Options(DType::I64).device(x.device());
  return x.unsqueeze(-1).eq(arange(classes, options)).to(DType::I64);
}

}  // namespace weft
