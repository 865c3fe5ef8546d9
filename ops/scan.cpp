#include <weft/ops/scan.h>

#include <weft/autograd/record.h>
#include <weft/core/check.h>
#include <weft/ops/elementwise.h>
#include <weft/ops/make.h>
#include <weft/ops/reduce.h>
#include <weft/ops/shape.h>

namespace weft {
namespace {

// The dtype to gather in.
DType gathered_in(DType t) { return is_floating(t) ? DType::F64 : DType::I64; }

// After the step of width w each element has what the 2 w elements up to it give (Hillis and
// Steele, 1986): the depth of the tape is the logarithm of the size, and every device has the
// steps.
template <class F>
Tensor scanned(const char* op, const Tensor& x, Index dim, std::optional<DType> asked, F join) {
  const int at = wrap_dim(op, dim, x.get(op).sizes.size());
  const DType result = asked.value_or(is_floating(x.dtype()) ? x.dtype() : DType::I64);
  Tensor y = x.to(result).to(gathered_in(result));
  if (x.dim() > 0) {
    for (Index width = 1, n = x.size(at); width < n; width *= 2) {
      y = cat({y.narrow(at, 0, width),
               join(y.narrow(at, width, n - width), y.narrow(at, 0, n - width))},
              at);
    }
  }
  return y.is_same(x) ? x.clone() : y.to(result);
}

}  // namespace

Tensor cumsum(const Tensor& x, Index dim, std::optional<DType> dtype) {
  return scanned("cumsum", x, dim, dtype, [](const Tensor& a, const Tensor& b) { return a + b; });
}

Tensor cumprod(const Tensor& x, Index dim, std::optional<DType> dtype) {
  return scanned("cumprod", x, dim, dtype, [](const Tensor& a, const Tensor& b) { return a * b; });
}

namespace {
void check_scan_(const char* op, const Tensor& x) {
  if (x.get(op).dtype == DType::Bool) fail<DTypeError>(op, "got bool, expected a number");
}
}  // namespace

Tensor& cumsum_(Tensor& x, Index dim) {
  check_scan_("cumsum_", x);
  return x.copy_(cumsum(x, dim, x.dtype()));
}
Tensor& cumprod_(Tensor& x, Index dim) {
  check_scan_("cumprod_", x);
  // The gradient reads the elements as they were.
  return x.copy_(cumprod(autograd::recording(x) ? x.clone() : x, dim, x.dtype()));
}

Tensor diff(const Tensor& x, Index n, Index dim) {
  const int at = wrap_dim("diff", dim, x.get("diff").sizes.size());
  if (x.dim() == 0) fail<ShapeError>("diff", "got 0 dimensions, expected at least 1");
  if (n < 0) fail<ValueError>("diff", "got n = {}, expected 0 or more", n);
  Tensor y = n == 0 || x.size(at) == 0 ? x.clone() : x;
  for (Index i = 0; i < n && y.size(at) > 0; ++i) {
    const Index length = y.size(at) - 1;
    const Tensor later = y.narrow(at, 1, length), earlier = y.narrow(at, 0, length);
    y = y.dtype() == DType::Bool ? logical_xor(later, earlier) : later - earlier;
  }
  return y;
}

Tensor count_nonzero(const Tensor& x, const Shape& dims) {
  const Tensor set = x.get("count_nonzero").dtype == DType::Bool ? x : x.detach() != 0;
  return set.sum(dims);
}

}  // namespace weft
