#include <weft/ops/reduce.h>

#include <bit>
#include <cmath>
#include <limits>

#include <weft/autograd/record.h>
#include <weft/core/check.h>
#include <weft/ops/autocast.h>
#include <weft/ops/elementwise.h>
#include <weft/ops/kernels.h>
#include <weft/ops/make.h>

namespace weft {

using namespace autograd;

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// Which dimensions of x go, and what shapes that leaves.
struct Reduction {
  Shape dims;  // as asked; empty: all
  Shape sizes, kept;
  Index count = 1;    // elements that make one output
  Index outputs = 1;  // in all

  Reduction(const char* op, const Tensor& x, const Shape& asked)
      : dims(asked), sizes(x.get(op).sizes) {
    bool chosen[kMaxRank] = {};
    for (Index d : asked) {
      const int at = wrap_dim(op, d, sizes.size());
      if (std::exchange(chosen[at], true))
        fail<ValueError>(op, "got dim {} twice in [{}], expected each once", d,
                         fmt::join(asked, ", "));
    }
    for (int d = 0; d < sizes.size(); ++d) {
      const bool gone = asked.empty() || chosen[d];
      (gone ? count : outputs) *= sizes[d];
      kept.push_back(gone ? 1 : sizes[d]);
      gone_[d] = gone;
    }
  }
  bool gone(int d) const { return gone_[d]; }
  bool nothing() const { return count == 0 && outputs != 0; }
  Shape result(bool keepdim) const {
    if (keepdim) return kept;
    Shape s;
    for (int d = 0; d < sizes.size(); ++d) {
      if (!gone_[d]) s.push_back(sizes[d]);
    }
    return s;
  }
  // A result under keepdim's shape, so that it broadcasts with x.
  Tensor over(const Tensor& y) const {
    return y.dim() == 0 || y.dim() == kept.size() ? y : y.reshape(kept);
  }

 private:
  bool gone_[kMaxRank] = {};
};

// y's view with all of x's dimensions; the loop does not step along those of size 1.
struct KeptView {
  Shape strides;
  View view;
  KeptView(const Reduction& r, const Tensor& y) : strides(Shape::filled(r.sizes.size(), 0)) {
    const bool keepdim = y.dim() == r.sizes.size();
    for (int d = 0, at = 0; d < r.sizes.size(); ++d) {
      if (keepdim || !r.gone(d)) strides[d] = y.strides()[at++];
    }
    view = {y.data(), r.kept.data(), strides.data(), static_cast<std::int16_t>(strides.size()),
            y.dtype()};
  }
};

// An output that keeps x's order of dimensions in memory.
Tensor output_for(const Reduction& r, const Tensor& x, bool keepdim, DType dtype) {
  const Shape sizes = r.result(keepdim);
  if (sizes.size() < 2 || x.is_contiguous())
    return make_tensor(sizes, contiguous_strides(sizes), dtype, x.device());
  Shape like;
  for (int d = 0; d < r.sizes.size(); ++d) {
    if (keepdim || !r.gone(d)) like.push_back(x.strides()[d]);
  }
  return make_tensor(sizes, dense_strides(sizes, like), dtype, x.device());
}

bool reduces_all(const Reduction& r, const Tensor& x) {
  return r.outputs == 1 && r.count > 0 && is_dense(r.sizes, x.strides());
}

void run(const char* op, ReduceId id, const Reduction& r, const Tensor& x, const Tensor& y,
         const Tensor& second = {}, const ReduceOptions& options = {}) {
  const auto reduce = kernels(x.device()).reduce;
  if (!reduce) throw_no_kernel(op, x.device());
  if (!second.defined() && reduces_all(r, x)) {
    Loop loop = make_flat_loop(r.count, {y.view(), x.view()});
    loop.stride[0][0] = 0;
    return reduce(id, loop, options);
  }
  const KeptView out(r, y);
  if (!second.defined()) return reduce(id, make_loop(r.sizes, {out.view, x.view()}), options);
  const KeptView out2(r, second);
  reduce(id, make_loop(r.sizes, {out.view, x.view(), out2.view}), options);
}

Tensor reduced(const char* op, ReduceId id, const Reduction& r, const Tensor& x, bool keepdim,
               DType dtype, double of_nothing, const ReduceOptions& options = {}) {
  Tensor y = output_for(r, x, keepdim, dtype);
  if (r.nothing())
    y.fill_(of_nothing);
  else
    run(op, id, r, x, y, {}, options);
  return y;
}

void check_floating(const char* op, DType t) {
  if (!is_floating(t)) fail<DTypeError>(op, "got {}, expected a floating dtype", t);
}

// PyTorch has an IndexError where dims were given.
void check_choice(const char* op, const Reduction& r) {
  if (!r.nothing()) return;
  if (r.dims.empty()) {
    fail<ShapeError>(op, "got shape [{}], which leaves nothing to choose from, expected an element",
                     fmt::join(r.sizes, ", "));
  }
  fail<IndexError>(op,
                   "got dims [{}] of shape [{}], which leave nothing to choose from, expected "
                   "an element",
                   fmt::join(r.dims, ", "), fmt::join(r.sizes, ", "));
}

// sum and prod: integers in i64, and a dtype that was asked for.
DType gathered_dtype(DType x, std::optional<DType> asked) {
  return asked.value_or(is_floating(x) ? x : DType::I64);
}
// Elements that an integer or bool result would not hold are converted one by one.
Tensor converted(const Tensor& x, DType result) {
  return is_floating(result) || !is_floating(x.dtype()) ? x : x.to(result);
}

}  // namespace

Tensor Tensor::sum(const Shape& dims, bool keepdim, std::optional<DType> asked) const {
  const Reduction r("sum", *this, dims);
  const DType result = gathered_dtype(dtype(), asked);
  Tensor y = reduced("sum", ReduceId::Sum, r, converted(*this, result), keepdim, result, 0);
  if (is_floating(result) && recording(*this)) {
    record("sum", y, {*this},
           [r](Tensor& g, Gradients& in) { in.set(0, [&] { return r.over(g).expand(r.sizes); }); });
  }
  return y;
}

Tensor Tensor::mean(const Shape& dims, bool keepdim, std::optional<DType> asked) const {
  const Reduction r("mean", *this, dims);
  const DType result = asked.value_or(dtype());
  check_floating("mean", result);
  Tensor y = reduced("mean", ReduceId::Mean, r, *this, keepdim, result,
                     std::numeric_limits<double>::quiet_NaN());
  if (recording(*this)) {
    record("mean", y, {*this}, [r](Tensor& g, Gradients& in) {
      in.set(0, [&] { return r.over(g).div(static_cast<double>(r.count)).expand(r.sizes); });
    });
  }
  return y;
}

namespace {

// Along the last dim, whose size is a power of two: for each element the product of all others,
// without division. Neighbours are multiplied until one is left; each gets the product of the
// others from the level above, times its neighbour.
Tensor others_product(const Tensor& x) {
  if (x.size(-1) == 1) return ones_like(x);
  const Tensor pairs = x.unflatten(-1, {-1, 2});
  const Tensor others = others_product(pairs.select(-1, 0) * pairs.select(-1, 1));
  return (others.unsqueeze(-1) * pairs.flip(-1)).flatten(-2);
}

// The same for any size, with ones behind.
Tensor others_product_of_rows(const Tensor& x) {
  const auto n = static_cast<std::uint64_t>(x.size(1));
  Tensor padded = ones({x.size(0), static_cast<Index>(std::bit_ceil(n))}, x.options());
  padded.narrow(1, 0, x.size(1)).copy_(x);
  return others_product(padded).narrow(1, 0, x.size(1));
}

Tensor prod_gradient(const Reduction& r, const Tensor& g, const Tensor& x, const Tensor& y) {
  // Whether there is a zero is asked of the CPU only: a device would have to be waited for.
  if (!grad_enabled() && x.device() == kCPU && x.all().item().to_bool())
    return r.over(g) * r.over(y) / x;
  if (r.count == 0 || r.outputs == 0) return zeros_like(x);
  Shape order, inverse = Shape::filled(x.dim(), 0), moved;
  for (int pass = 0; pass < 2; ++pass) {
    for (int d = 0; d < x.dim(); ++d) {
      if (r.gone(d) == (pass == 1)) order.push_back(d);
    }
  }
  for (int i = 0; i < order.size(); ++i) {
    inverse[static_cast<int>(order[i])] = i;
    moved.push_back(r.sizes[static_cast<int>(order[i])]);
  }
  const Tensor rows = x.permute(order).reshape({r.outputs, r.count});
  return r.over(g) * others_product_of_rows(rows).reshape(moved).permute(inverse);
}

}  // namespace

Tensor Tensor::prod(const Shape& dims, bool keepdim, std::optional<DType> asked) const {
  if (autocasting()) {
    const AutocastPause pause;
    return widened(*this).prod(dims, keepdim, asked);
  }
  const Reduction r("prod", *this, dims);
  const DType result = gathered_dtype(dtype(), asked);
  Tensor y = reduced("prod", ReduceId::Prod, r, converted(*this, result), keepdim, result, 1);
  if (is_floating(result) && recording(*this)) {
    record("prod", y, {*this},
           [r, x = saved(*this), y = saved_output(y)](Tensor& g, Gradients& in) {
             in.set(0, [&] { return prod_gradient(r, g, x.get(), y.get()); });
           });
  }
  return y;
}

namespace {

double freedom(const Reduction& r, Index correction) {
  return static_cast<double>(std::max<Index>(r.count - correction, 0));
}

// The variance's gradient is g * 2 / freedom * (x - mean).
Tensor deviation(const Reduction& r, const Tensor& x, const Tensor& scaled) {
  return r.over(scaled) * (x - x.mean(r.dims, true));
}

// Moments gather the sum of squares beside the mean; scale turns it into var or std.
Tensor spread(const char* op, const Reduction& r, const Tensor& x, Index correction, bool keepdim) {
  check_floating(op, x.dtype());
  const DType wide = x.dtype() == DType::F64 ? DType::F64 : DType::F32;
  if (r.nothing()) {
    return output_for(r, x, keepdim, x.dtype()).fill_(std::numeric_limits<double>::quiet_NaN());
  }
  const Tensor means = output_for(r, x, keepdim, wide), squares = output_for(r, x, keepdim, wide);
  run(op, ReduceId::Moments, r, x, means, squares);
  NoGradGuard no_grad;
  return squares.div(freedom(r, correction));
}

}  // namespace

Tensor Tensor::var(const Shape& dims, Index correction, bool keepdim) const {
  const Reduction r("var", *this, dims);
  Tensor y = spread("var", r, *this, correction, keepdim).to(dtype());
  if (recording(*this)) {
    record("var", y, {*this}, [r, correction, x = saved(*this)](Tensor& g, Gradients& in) {
      in.set(0, [&] { return deviation(r, x.get(), g * (2 / freedom(r, correction))); });
    });
  }
  return y;
}

Tensor Tensor::std(const Shape& dims, Index correction, bool keepdim) const {
  const Reduction r("std", *this, dims);
  Tensor y = spread("std", r, *this, correction, keepdim).sqrt_().to(dtype());
  if (recording(*this)) {
    record("std", y, {*this},
           [r, correction, x = saved(*this), y = saved_output(y)](Tensor& g, Gradients& in) {
             in.set(0, [&] {
               const Tensor s = y.get();
               const Tensor scaled = g / (s * freedom(r, correction));
               return deviation(r, x.get(), where(weft::eq(s, 0), 0, scaled));
             });
           });
  }
  return y;
}

namespace {

// g in equal parts to the elements of x that are y. A NaN equals none: it makes them all NaN, or
// gets all of g if nan_wins.
Tensor among_ties(const Reduction& r, const Tensor& g, const Tensor& x, const Tensor& y,
                  bool nan_wins = false) {
  Tensor mask = x.eq(r.over(y));
  if (nan_wins) mask = mask.logical_or(x.isnan());
  return mask * (r.over(g) / mask.sum(r.dims, true));
}

Tensor norm_gradient(const Reduction& r, double p, const Tensor& g, const Tensor& x,
                     const Tensor& y) {
  if (p == 0) return r.over(g).expand(r.sizes) * 0;
  if (p == 1) return r.over(g) * x.sign();
  if (std::isinf(p)) return among_ties(r, g, x.abs(), y) * x.sign();
  const Tensor zero = eq(y, 0);
  if (p == 2) return x * r.over(where(zero, 0, g / where(zero, 1, y)));
  // sign(x) |x|^(p-1) g y^(1-p), with 0 where x or the norm is
  const Tensor flat = eq(x, 0);
  const Tensor power = where(flat, 0, where(flat, 1, x.abs()).pow(p - 1)) * x.sign();
  return power * r.over(where(zero, 0, g * where(zero, 1, y).pow(1 - p)));
}

}  // namespace

Tensor Tensor::norm(double p, const Shape& dims, bool keepdim) const {
  const Reduction r("norm", *this, dims);
  check_floating("norm", dtype());
  if (std::isnan(p)) fail<ValueError>("norm", "got the order NaN, expected a number");
  if (std::isinf(p) || p < 0) check_choice("norm", r);
  Tensor y = reduced("norm", ReduceId::Norm, r, *this, keepdim, dtype(), 0, {.p = p});
  if (recording(*this)) {
    record("norm", y, {*this},
           [r, p, x = saved(*this), y = saved_output(y)](Tensor& g, Gradients& in) {
             in.set(0, [&] { return norm_gradient(r, p, g, x.get(), y.get()); });
           });
  }
  return y;
}

namespace {

Tensor extreme(const char* op, ReduceId id, const Tensor& x, const Shape& dims, bool keepdim,
               bool nan_wins) {
  const Reduction r(op, x, dims);
  check_choice(op, r);
  Tensor y = reduced(op, id, r, x, keepdim, x.dtype(), 0);
  if (recording(x)) {
    record(op, y, {x}, [r, nan_wins, x = saved(x), y = saved_output(y)](Tensor& g, Gradients& in) {
      in.set(0, [&] { return among_ties(r, g, x.get(), y.get(), nan_wins); });
    });
  }
  return y;
}

// The only dimension, as Shape; a 0-d tensor has none.
Shape one_dim(const char* op, const Tensor& x, Index dim) {
  const int at = wrap_dim(op, dim, x.get(op).sizes.size());
  return x.dim() == 0 ? Shape() : Shape(at);
}

std::tuple<Tensor, Tensor> chosen(const char* op, ReduceId id, const Tensor& x, Index dim,
                                  bool keepdim) {
  const Reduction r(op, x, one_dim(op, x, dim));
  check_choice(op, r);
  const Tensor values = output_for(r, x, keepdim, x.dtype()),
               where_ = output_for(r, x, keepdim, DType::I64);
  run(op, id, r, x, where_, values);
  if (recording(x)) {
    record(op, values, {x}, [r, at = saved(where_)](Tensor& g, Gradients& in) {
      in.set(0, [&] {
        if (r.sizes.empty()) return g;
        Shape along = Shape::filled(r.sizes.size(), 1);
        along[static_cast<int>(r.dims[0])] = r.count;
        const Options options = Options(DType::I64).device(g.device());
        const Tensor position = arange(r.count, options).reshape(along);
        return where(position.eq(r.over(at.get())), r.over(g), 0);
      });
    });
  }
  return {values, where_};
}

Tensor position(const char* op, ReduceId id, const Tensor& x, std::optional<Index> dim,
                bool keepdim) {
  if (dim) {
    const Reduction r(op, x, one_dim(op, x, *dim));
    check_choice(op, r);
    return reduced(op, id, r, x, keepdim, DType::I64, 0);
  }
  NoGradGuard no_grad;
  const Tensor flat = Tensor(x).detach().reshape(-1);
  if (flat.numel() == 0)
    fail<IndexError>(op, "got shape [{}], expected an element", fmt::join(x.sizes(), ", "));
  const Reduction r(op, flat, {});
  const Tensor y = reduced(op, id, r, flat, false, DType::I64, 0);
  return keepdim ? y.reshape(Shape::filled(x.dim(), 1)) : y;
}

}  // namespace

Tensor Tensor::amax(const Shape& dims, bool keepdim) const {
  return extreme("amax", ReduceId::Amax, *this, dims, keepdim, false);
}
Tensor Tensor::amin(const Shape& dims, bool keepdim) const {
  return extreme("amin", ReduceId::Amin, *this, dims, keepdim, false);
}
Tensor Tensor::max() const { return extreme("max", ReduceId::Amax, *this, {}, false, true); }
Tensor Tensor::min() const { return extreme("min", ReduceId::Amin, *this, {}, false, true); }
std::tuple<Tensor, Tensor> Tensor::max(Index dim, bool keepdim) const {
  return chosen("max", ReduceId::Argmax, *this, dim, keepdim);
}
std::tuple<Tensor, Tensor> Tensor::min(Index dim, bool keepdim) const {
  return chosen("min", ReduceId::Argmin, *this, dim, keepdim);
}
Tensor Tensor::argmax(std::optional<Index> dim, bool keepdim) const {
  return position("argmax", ReduceId::Argmax, *this, dim, keepdim);
}
Tensor Tensor::argmin(std::optional<Index> dim, bool keepdim) const {
  return position("argmin", ReduceId::Argmin, *this, dim, keepdim);
}

namespace {
DType truth_dtype(DType x) { return x == DType::U8 ? DType::U8 : DType::Bool; }

Tensor truth(const char* op, ReduceId id, const Tensor& x, const Shape& dims, bool keepdim) {
  const Reduction r(op, x, dims);
  return reduced(op, id, r, x, keepdim, truth_dtype(x.dtype()), id == ReduceId::All);
}
Tensor truth_of_each(const char* op, const Tensor& x) {
  x.get(op);
  return weft::ne(x.detach(), 0).to(truth_dtype(x.dtype()));
}
}  // namespace

Tensor Tensor::all(std::nullopt_t, bool keepdim) const {
  return truth("all", ReduceId::All, *this, {}, keepdim);
}
Tensor Tensor::any(std::nullopt_t, bool keepdim) const {
  return truth("any", ReduceId::Any, *this, {}, keepdim);
}
Tensor Tensor::all(const Shape& dims, bool keepdim) const {
  if (dims.empty()) return truth_of_each("all", *this);
  return truth("all", ReduceId::All, *this, dims, keepdim);
}
Tensor Tensor::any(const Shape& dims, bool keepdim) const {
  if (dims.empty()) return truth_of_each("any", *this);
  return truth("any", ReduceId::Any, *this, dims, keepdim);
}

Tensor Tensor::logsumexp(const Shape& dims, bool keepdim) const {
  const Reduction r("logsumexp", *this, dims);
  if (!is_floating(dtype())) return to(DType::F32).logsumexp(dims, keepdim);
  Tensor y = reduced("logsumexp", ReduceId::LogSumExp, r, *this, keepdim, dtype(), -kInfinity);
  if (recording(*this)) {
    record("logsumexp", y, {*this},
           [r, x = saved(*this), y = saved_output(y)](Tensor& g, Gradients& in) {
             in.set(0, [&] { return r.over(g) * (x.get() - r.over(y.get())).exp(); });
           });
  }
  return y;
}

}  // namespace weft
