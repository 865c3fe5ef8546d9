#include <weft/ops/sort.h>

#include <weft/autograd/mode.h>
#include <weft/core/check.h>
#include <weft/ops/kernels.h>
#include <weft/ops/make.h>

namespace weft {
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

}  // namespace weft
