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

std::tuple<Tensor, Tensor, Tensor> unique(const Tensor& x, bool return_inverse,
                                          bool return_counts) {
  x.get("unique");
  const NoGradGuard no_grad;
  const auto [values, order] = sort(x.detach().reshape(-1), 0);
  const Index n = values.numel();
  Tensor first = ones(n, Options(DType::Bool).device(x.device()));
  if (n > 1)
    first.narrow(0, 1, n - 1).copy_(values.narrow(0, 1, n - 1) != values.narrow(0, 0, n - 1));
  const Tensor starts = first.nonzero().view(-1);
  Tensor inverse, counts;
  if (return_inverse) {
    inverse = zeros(n, integers_on(x)).scatter_(0, order, cumsum(first, 0) - 1).view(x.sizes());
  }
  if (return_counts) counts = diff(cat({starts, full(1, n, integers_on(x))}));
  return {values.index_select(0, starts), inverse, counts};
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
