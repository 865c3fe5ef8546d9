#include <weft/ops/sort.h>

#include <limits>

#include <weft/autograd/record.h>
#include <weft/core/check.h>
#include <weft/ops/elementwise.h>
#include <weft/ops/kernels.h>
#include <weft/ops/make.h>

namespace weft {

using namespace autograd;

namespace {

// Positions of the first k along dim.
Tensor ordered(const char* op, const Tensor& x, int dim, Index k, bool descending) {
  const NoGradGuard no_grad;
  const auto order = kernels(x.device()).indexing.order;
  if (!order) throw_no_kernel(op, x.device());
  const Tensor last = x.detach().movedim(dim, -1).contiguous();
  const Index n = last.size(-1), rows = numel(last.sizes()) / std::max<Index>(n, 1);
  Shape sizes = last.sizes();
  sizes[sizes.size() - 1] = k;
  Tensor y = empty(sizes, Options(DType::I64).device(x.device()));
  if (y.numel() > 0) order(y.view({rows, k}).view(), last.view({rows, n}).view(), descending);
  return y.movedim(-1, dim).contiguous();
}

int dim_of(const char* op, const Tensor& x, Index dim) {
  return wrap_dim(op, dim, x.get(op).sizes.size());
}

std::tuple<Tensor, Tensor> chosen(const char* op, const Tensor& x, Index dim, Index k,
                                  bool descending) {
  const int at = dim_of(op, x, dim);
  const Index n = x.dim() == 0 ? 1 : x.size(at);
  if (k < 0 || k > n)
    fail<IndexError>(op, "got k = {} for a dim of size {}, expected 0 to {}", k, n, n);
  if (x.dim() == 0) return {x.clone(), zeros({}, Options(DType::I64).device(x.device()))};
  const Tensor indices = ordered(op, x, at, k, descending);
  return {x.gather(at, indices), indices};
}

}  // namespace

Tensor argsort(const Tensor& x, Index dim, bool descending) {
  const int at = dim_of("argsort", x, dim);
  if (x.dim() == 0) return zeros({}, Options(DType::I64).device(x.device()));
  return ordered("argsort", x, at, x.size(at), descending);
}

std::tuple<Tensor, Tensor> sort(const Tensor& x, Index dim, bool descending) {
  const int at = dim_of("sort", x, dim);
  return chosen("sort", x, dim, x.dim() == 0 ? 1 : x.size(at), descending);
}

std::tuple<Tensor, Tensor> topk(const Tensor& x, Index k, Index dim, bool largest) {
  if (x.get("topk").dtype == DType::Bool) fail<DTypeError>("topk", "got bool, expected numbers");
  return chosen("topk", x, dim, k, largest);
}

namespace {

// Positions of the middle elements along dim, which stays with size 1.
Tensor middle(const Tensor& x, int dim) {
  const NoGradGuard no_grad;
  const Index n = x.size(dim);
  const Tensor order = ordered("median", x, dim, n, false);
  if (!is_floating(x.dtype())) return order.narrow(dim, (n - 1) / 2, 1);
  const Tensor nans = x.detach().isnan().sum(Shape(dim), true);  // the last in order
  return order.gather(dim, where(nans > 0, n - nans, (n - 1) / 2));
}

void check_numbers(const Tensor& x) {
  if (x.get("median").dtype == DType::Bool)
    fail<DTypeError>("median", "got bool, expected numbers");
}

}  // namespace

Tensor median(const Tensor& x) {
  check_numbers(x);
  const Tensor flat = x.detach().reshape(-1);
  if (flat.numel() == 0 && !is_floating(x.dtype()))
    fail<ShapeError>("median", "got shape [{}], expected an element", fmt::join(x.sizes(), ", "));
  const Tensor y = flat.numel() == 0
                       ? full({}, std::numeric_limits<double>::quiet_NaN(), x.options())
                       : flat.gather(0, middle(flat, 0)).reshape({});
  if (recording(x)) {
    record("median", y, {x}, [x = saved(x), y = saved_output(y)](Tensor& g, Gradients& in) {
      in.set(0, [&] {
        const Tensor chosen = logical_or(x.get() == y.get(), x.get().isnan());
        return chosen * (g / chosen.sum());
      });
    });
  }
  return y;
}

std::tuple<Tensor, Tensor> median(const Tensor& x, Index dim, bool keepdim) {
  check_numbers(x);
  const int at = dim_of("median", x, dim);
  if (x.dim() == 0) return {x.clone(), zeros({}, Options(DType::I64).device(x.device()))};
  if (x.size(at) == 0 && numel(x.sizes()) == 0) {
    Shape others = x.sizes();
    others.erase(at);
    if (numel(others) != 0) {
      fail<IndexError>("median", "got dim {} of shape [{}], expected an element along it", dim,
                       fmt::join(x.sizes(), ", "));
    }
    if (keepdim) others.insert(at, 1);
    return {empty(others, x.options()), empty(others, Options(DType::I64).device(x.device()))};
  }
  const Tensor indices = middle(x, at), values = x.gather(at, indices);
  if (keepdim) return {values, indices};
  return {values.squeeze(Shape(at)), indices.squeeze(Shape(at))};
}

}  // namespace weft
