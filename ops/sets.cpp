#include <weft/ops/sets.h>

#include <algorithm>
#include <bit>

#include <weft/autograd/mode.h>
#include <weft/core/check.h>
#include <weft/ops/elementwise.h>
#include <weft/ops/make.h>
#include <weft/ops/one_device.h>
#include <weft/ops/scan.h>
#include <weft/ops/shape.h>
#include <weft/ops/sort.h>

namespace weft {
namespace {

Options integers_on(const Tensor& x) { return Options(DType::I64).device(x.device()); }

// ---- searchsorted

void check_search(const char* op, const Tensor& sorted, const Tensor& values) {
  sorted.get(op), values.get(op);
  detail::check_one_device(op, sorted, values);
  if (sorted.dim() == 0) fail<ShapeError>(op, "got a sequence of no dimensions, expected 1");
  if (sorted.dim() == 1) return;
  bool fits = sorted.dim() == values.dim();
  for (int d = 0; fits && d + 1 < sorted.dim(); ++d) fits = sorted.size(d) == values.size(d);
  if (!fits) {
    fail<ShapeError>(op,
                     "got a sequence of shape [{}] and values of [{}], expected a vector or sizes "
                     "that agree but for the last",
                     fmt::join(sorted.sizes(), ", "), fmt::join(values.sizes(), ", "));
  }
}

// Halves [low, high) until it is empty; rows [r, n] in order, values [r, k].
Tensor found(const Tensor& rows, const Tensor& values, bool right) {
  const Index n = rows.size(-1);
  Tensor low = zeros(values.sizes(), integers_on(values)), high = low + n;
  for (int step = std::bit_width(static_cast<std::uint64_t>(n)); step > 0; --step) {
    const Tensor middle = (low + high) >> 1, at = rows.gather(-1, middle.clamp({}, n - 1));
    // Not written as <, so that NaN goes on to the end.
    const Tensor beyond = logical_not(right ? at > values : at >= values), open = low < high;
    low = where(logical_and(open, beyond), middle + 1, low);
    high = where(logical_and(open, logical_not(beyond)), middle, high);
  }
  return low;
}

Tensor searched(const char* op, const Tensor& sorted, const Tensor& values, bool right) {
  check_search(op, sorted, values);
  const NoGradGuard no_grad;
  const Index n = sorted.size(-1);
  if (n == 0 || values.numel() == 0) return zeros(values.sizes(), integers_on(values));
  const Index rows = sorted.numel() / n;
  const Tensor y = found(sorted.detach().reshape({rows, n}),
                         values.detach().reshape({rows, values.numel() / rows}), right);
  return y.view(values.sizes());
}

}  // namespace

Tensor searchsorted(const Tensor& sorted, const Tensor& values, bool right) {
  return searched("searchsorted", sorted, values, right);
}

Tensor bucketize(const Tensor& x, const Tensor& boundaries, bool right) {
  if (boundaries.get("bucketize").sizes.size() != 1) {
    fail<ShapeError>("bucketize", "got boundaries of {} dimensions, expected a vector",
                     boundaries.dim());
  }
  return searched("bucketize", boundaries, x, right);
}

namespace {

// What is first of its kind among things in order, n of them at positions `order`.
struct Kinds {
  Tensor starts, inverse, counts;
  Kinds(const Tensor& first, const Tensor& order, bool with_inverse, bool with_counts) {
    const Index n = first.numel();
    const Options options = integers_on(first);
    starts = first.nonzero().view(-1);
    if (with_inverse) inverse = zeros(n, options).scatter_(0, order, cumsum(first, 0) - 1);
    if (with_counts) counts = diff(cat({starts, full(1, n, options)}));
  }
};

// Which differ from the one before, the first among them.
Tensor differs(const Tensor& rows) {
  const Index n = rows.size(0);
  Tensor first = ones(n, Options(DType::Bool).device(rows.device()));
  if (n < 2) return first;
  const Tensor other = rows.narrow(0, 1, n - 1) != rows.narrow(0, 0, n - 1);
  first.narrow(0, 1, n - 1).copy_(rows.dim() == 1 ? other : other.any(1));
  return first;
}

}  // namespace

std::tuple<Tensor, Tensor, Tensor> unique(const Tensor& x, bool return_inverse,
                                          bool return_counts) {
  x.get("unique");
  const NoGradGuard no_grad;
  const auto [values, order] = sort(x.detach().reshape(-1), 0);
  const Kinds kinds(differs(values), order, return_inverse, return_counts);
  return {values.index_select(0, kinds.starts),
          return_inverse ? kinds.inverse.view(x.sizes()) : Tensor(), kinds.counts};
}

std::tuple<Tensor, Tensor, Tensor> unique(const Tensor& x, Index dim, bool return_inverse,
                                          bool return_counts) {
  const int at = wrap_dim("unique", dim, x.get("unique").sizes.size());
  if (x.dim() == 0) return unique(x.reshape(1), 0, return_inverse, return_counts);
  const NoGradGuard no_grad;
  const Tensor first = x.detach().movedim(at, 0);
  const Index n = first.size(0), width = first.numel() / std::max<Index>(n, 1);
  if (n > 0 && width == 0) {
    fail<ShapeError>("unique", "got dim {} of shape [{}], expected slices with elements", dim,
                     fmt::join(x.sizes(), ", "));
  }
  const Tensor rows = n == 0 ? first : first.reshape({n, width});
  Tensor order = arange(n, integers_on(x));
  for (Index c = width; c-- > 0;) {  // stably, so the first column decides last
    const Tensor column = rows.select(1, c).index_select(0, order);
    order = order.index_select(0, argsort(column, 0));
  }
  const Tensor sorted = rows.index_select(0, order);
  const Kinds kinds(n == 0 ? ones(0, Options(DType::Bool).device(x.device())) : differs(sorted),
                    order, return_inverse, return_counts);
  const Tensor chosen = order.index_select(0, kinds.starts);
  return {first.index_select(0, chosen).movedim(0, at).contiguous(), kinds.inverse, kinds.counts};
}

Tensor isin(const Tensor& x, const Tensor& others, bool invert) {
  x.get("isin"), others.get("isin");
  detail::check_one_device("isin", x, others);
  const NoGradGuard no_grad;
  const DType common = result_type(x, others);
  const Tensor all = std::get<0>(sort(others.detach().to(common).reshape(-1), 0));
  if (all.numel() == 0) return full(x.sizes(), invert, Options(DType::Bool).device(x.device()));
  const Tensor from = x.detach().to(common);
  const Tensor place = searched("isin", all, from, false).clamp({}, all.numel() - 1);
  const Tensor there = all.index_select(0, place.reshape(-1)).view(from.sizes());
  return invert ? there != from : there == from;
}

Tensor bincount(const Tensor& x, const Tensor& weights, Index minlength) {
  const char* op = "bincount";
  if (!is_integral(x.get(op).dtype)) fail<DTypeError>(op, "got {}, expected integers", x.dtype());
  if (x.dim() != 1) fail<ShapeError>(op, "got {} dimensions, expected a vector", x.dim());
  if (minlength < 0) fail<ValueError>(op, "got minlength = {}, expected 0 or more", minlength);
  if (weights.defined()) {
    detail::check_one_device(op, x, weights);
    if (weights.sizes() != x.sizes()) {
      fail<ShapeError>(op, "got weights of shape [{}] for a vector of [{}], expected the same",
                       fmt::join(weights.sizes(), ", "), fmt::join(x.sizes(), ", "));
    }
  }
  const NoGradGuard no_grad;
  const Index least = x.numel() > 0 ? x.amin().item().to_int() : 0,
              most = x.numel() > 0 ? x.amax().item().to_int() : -1;
  if (least < 0) fail<ValueError>(op, "got {} among the elements, expected 0 or more", least);
  const DType dtype = !weights.defined()              ? DType::I64
                      : weights.dtype() == DType::F32 ? DType::F32
                                                      : DType::F64;
  const Options options = Options(dtype).device(x.device());
  const Tensor each = weights.defined() ? weights.detach().to(dtype) : ones(x.sizes(), options);
  return zeros(std::max(most + 1, minlength), options).scatter_add_(0, x.to(DType::I64), each);
}

}  // namespace weft
