#include <weft/ops/compare.h>

#include <cmath>

#include <weft/autograd/mode.h>
#include <weft/core/check.h>
#include <weft/ops/elementwise.h>
#include <weft/ops/one_device.h>
#include <weft/ops/reduce.h>

namespace weft {
namespace {

// What the distance is computed in: halves in f32, integers exactly.
Tensor exact(const Tensor& x) {
  const DType t = x.dtype();
  return x.detach().to(is_half(t) ? DType::F32 : is_floating(t) ? t : DType::F64);
}

void check_tolerance(const char* op, const char* name, double value) {
  if (!(value >= 0)) fail<ValueError>(op, "got {} = {}, expected 0 or more", name, value);
}

Tensor close(const char* op, const Tensor& a, const Tensor& b, double rtol, double atol,
             bool equal_nan) {
  if (a.get(op).dtype != b.get(op).dtype)
    fail<DTypeError>(op, "got {} and {}, expected one dtype", a.dtype(), b.dtype());
  check_tolerance(op, "rtol", rtol);
  check_tolerance(op, "atol", atol);
  broadcast_shapes(op, a.sizes(), b.sizes());
  detail::check_one_device(op, a, b);
  const NoGradGuard no_grad;
  const Tensor x = exact(a), y = exact(b);
  const Tensor distance = abs(x - y), allowed = abs(y) * rtol + atol;
  // Of an infinity the distance is infinite or NaN, and what is allowed infinite.
  Tensor result = logical_or(x == y, logical_and(isfinite(distance), distance <= allowed));
  if (equal_nan && is_floating(x.dtype())) {
    result = logical_or(result, logical_and(isnan(x), isnan(y)));
  }
  return result;
}

}  // namespace

bool equal(const Tensor& a, const Tensor& b) {
  a.get("equal"), b.get("equal");
  detail::check_one_device("equal", a, b);
  if (a.sizes() != b.sizes()) return false;
  const NoGradGuard no_grad;
  return (a.detach() == b.detach()).all().item().to_bool();
}

Tensor isclose(const Tensor& a, const Tensor& b, double rtol, double atol, bool equal_nan) {
  return close("isclose", a, b, rtol, atol, equal_nan);
}

bool allclose(const Tensor& a, const Tensor& b, double rtol, double atol, bool equal_nan) {
  return close("allclose", a, b, rtol, atol, equal_nan).all().item().to_bool();
}

}  // namespace weft
