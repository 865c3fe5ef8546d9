#include <weft/autograd/record.h>
#include <weft/core/check.h>
#include <weft/core/interrupt.h>
#include <weft/ops/choice.h>
#include <weft/ops/elementwise.h>
#include <weft/ops/kernels.h>
#include <weft/ops/make.h>
#include <weft/ops/one_device.h>

// Operations whose index or mask has the shape of the tensor: gather, scatter, nonzero, masks.
namespace weft {

using namespace autograd;

namespace {

// The index as i64, checked against x along dim; its other sizes must not be larger than x's.
Tensor checked_index(const char* op, const Tensor& x, int dim, const Tensor& index) {
  const Tensor i = detail::integer_index(op, index);
  const Shape &s = x.sizes(), &n = i.sizes();
  bool fits = n.size() == s.size();
  for (int d = 0; fits && d < s.size(); ++d) fits = d == dim || n[d] <= s[d] || i.numel() == 0;
  if (!fits) {
    fail<ShapeError>(op,
                     "got an index of shape [{}] for a tensor of [{}], expected as many dimensions "
                     "and no larger sizes but in dim {}",
                     fmt::join(n, ", "), fmt::join(s, ", "), dim);
  }
  detail::check_one_device(op, x, i);
  if (i.numel() > 0) detail::check_range(op, i, dim, s[dim], false);
  return i;
}

Tensor gathered(const Tensor& x, int dim, const Tensor& index) {
  Tensor y = make_tensor(index.sizes(), contiguous_strides(index.sizes()), x.dtype(), x.device());
  kernels(x.device()).indexing.gather(y.view(), x.view(), dim, index.view());
  if (recording(x)) {
    record("gather", y, {x},
           [dim, sizes = x.sizes(), index = saved(index)](Tensor& g, Gradients& in) {
             in.set(0, [&] { return zeros(sizes, g.options()).scatter_add_(dim, index.get(), g); });
           });
  }
  return y;
}

// The part of the source that an index of these sizes reads.
Tensor part_of(const char* op, const Tensor& source, const Tensor& x, const Shape& sizes) {
  if (source.get(op).dtype != x.dtype()) {
    fail<DTypeError>(op, "got a source of {} for a tensor of {}, expected one dtype",
                     source.dtype(), x.dtype());
  }
  detail::check_one_device(op, x, source);
  bool fits = source.dim() == sizes.size();
  for (int d = 0; fits && d < sizes.size(); ++d) fits = sizes[d] <= source.sizes()[d];
  if (!fits) {
    fail<ShapeError>(op, "got a source of shape [{}] for an index of [{}], expected no smaller one",
                     fmt::join(source.sizes(), ", "), fmt::join(sizes, ", "));
  }
  Tensor part = source;
  for (int d = 0; d < sizes.size(); ++d) {
    if (part.sizes()[d] != sizes[d]) part = part.narrow(d, 0, sizes[d]);
  }
  return part;
}

// index was checked; source has its sizes.
void scatter_into(const char* op, Tensor& x, int dim, const Tensor& index, const Tensor& source,
                  bool accumulate) {
  const bool recorded = recording(x, source);
  check_inplace(op, x, recorded);
  const auto apart = [&](const Tensor& t) {
    return t.impl()->storage == x.impl()->storage ? t.clone() : t;
  };
  const Tensor from = apart(source), at = apart(index);
  const Whole whole(from.numel());
  kernels(x.device()).indexing.scatter(x.view(), dim, at.view(), from.view(), accumulate);
  bump_version(op, x);
  if (!recorded) return;
  record_inplace(op, x, {x, source},
                 [op, dim, accumulate, index = saved(at)](Tensor& g, Gradients& in) {
                   in.set(0, [&] {
                     if (accumulate) return g;
                     const Tensor i = index.get(), hole = zeros({}, g.options()).expand(i.sizes());
                     Tensor gx = g.clone();
                     scatter_into(op, gx, dim, i, hole, false);
                     return gx;
                   });
                   in.set(1, [&] { return gathered(g, dim, index.get()); });
                 });
}

// x's elements as dims of at least one, for 0-d operands.
Tensor line(const Tensor& t) { return t.dim() == 0 ? t.unsqueeze(0) : t; }

void scatter_checked(const char* op, Tensor& x, Index dim, const Tensor& index,
                     const Tensor& source, bool accumulate) {
  const int at = wrap_dim(op, dim, x.get(op).sizes.size());
  index.get(op), source.get(op);
  Tensor target = line(x);
  const Tensor i = checked_index(op, target, at, line(index));
  scatter_into(op, target, at, i, part_of(op, line(source), x, i.sizes()), accumulate);
}

// The value for each index.
Tensor repeated(const char* op, const Tensor& x, const Tensor& index, const Scalar& value) {
  return make_scalar(value, x.dtype(), x.device()).expand(index.get(op).sizes);
}

}  // namespace

Tensor Tensor::gather(Index dim, const Tensor& index) const {
  const int at = wrap_dim("gather", dim, get("gather").sizes.size());
  index.get("gather");
  const Tensor y = gathered(line(*this), at, checked_index("gather", line(*this), at, line(index)));
  return index.dim() == 0 ? y.reshape({}) : y;
}

Tensor Tensor::scatter(Index dim, const Tensor& index, const Tensor& source) const {
  Tensor y = clone();
  scatter_checked("scatter", y, dim, index, source, false);
  return y;
}

Tensor Tensor::scatter(Index dim, const Tensor& index, const Scalar& value) const {
  Tensor y = clone();
  scatter_checked("scatter", y, dim, index, repeated("scatter", *this, index, value), false);
  return y;
}
Tensor& Tensor::scatter_(Index dim, const Tensor& index, const Tensor& source) {
  scatter_checked("scatter_", *this, dim, index, source, false);
  return *this;
}
Tensor& Tensor::scatter_(Index dim, const Tensor& index, const Scalar& value) {
  return scatter_(dim, index, repeated("scatter_", *this, index, value));
}

Tensor Tensor::scatter_add(Index dim, const Tensor& index, const Tensor& source) const {
  Tensor y = clone();
  scatter_checked("scatter_add", y, dim, index, source, true);
  return y;
}

Tensor& Tensor::scatter_add_(Index dim, const Tensor& index, const Tensor& source) {
  scatter_checked("scatter_add_", *this, dim, index, source, true);
  return *this;
}

Tensor Tensor::nonzero() const {
  get("nonzero");
  struct Found {
    const Tensor& x;
    Tensor y;
  } found{*this, {}};
  const auto room = [](void* context, Index count) {
    auto& [x, y] = *static_cast<Found*>(context);
    const Shape sizes{count, x.dim()};
    y = make_tensor(sizes, contiguous_strides(sizes), DType::I64, x.device());
    return y.data<Index>();
  };
  kernels(device()).indexing.nonzero(view(), room, &found);
  return found.y;
}

namespace {

void check_mask(const char* op, const Tensor& x, const Tensor& mask) {
  x.get(op);
  if (mask.get(op).dtype != DType::Bool)
    fail<DTypeError>(op, "got a mask of {}, expected bool", mask.dtype());
  detail::check_one_device(op, x, mask);
}

void check_fill(const char* op, const Tensor& x, const Scalar& value) {
  // bool takes any number as whether it is 0.
  if (x.dtype() != DType::Bool && result_type(x, value) != x.dtype()) {
    fail<DTypeError>(op, "got value {} for a tensor of {}, expected one that it can hold",
                     value.to_double(), x.dtype());
  }
}

}  // namespace

Tensor Tensor::masked_select(const Tensor& mask) const {
  check_mask("masked_select", *this, mask);
  const Shape sizes = broadcast_shapes("masked_select", this->sizes(), mask.sizes());
  const Tensor x = sizes == this->sizes() ? *this : expand(sizes);
  return x.index({sizes == mask.sizes() ? mask : mask.expand(sizes)});
}

Tensor Tensor::masked_fill(const Tensor& mask, const Scalar& value) const {
  check_mask("masked_fill", *this, mask);
  check_fill("masked_fill", *this, value);
  return where(mask, make_scalar(value, dtype(), device()), *this);
}

Tensor& Tensor::masked_fill_(const Tensor& mask, const Scalar& value) {
  const char* op = "masked_fill_";
  check_mask(op, *this, mask);
  check_fill(op, *this, value);
  weft::expand(op, mask.layout(), sizes());  // throws where it does not broadcast
  const bool recorded = recording(*this);
  check_inplace(op, *this, recorded);
  const Tensor m = mask.impl()->storage == impl_->storage ? mask.clone() : mask,
               v = make_scalar(value, dtype(), device());
  const Whole whole(numel());
  kernels(device()).where(make_loop(sizes(), {view(), m.view(), v.view(), view()}));
  bump_version(op, *this);
  if (recorded) {
    record_inplace(op, *this, {*this}, [m = saved(m)](Tensor& g, Gradients& in) {
      in.set(0, [&] { return where(m.get(), 0, g); });
    });
  }
  return *this;
}

}  // namespace weft
