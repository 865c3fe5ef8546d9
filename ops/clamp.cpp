#include <weft/autograd/record.h>
#include <weft/core/check.h>
#include <weft/ops/elementwise.h>
#include <weft/ops/one_device.h>

// Elements within bounds: numbers, or tensors that broadcast.
namespace weft {

using namespace autograd;

namespace {

op::Clamp bounds(const char* op, const std::optional<Scalar>& min,
                 const std::optional<Scalar>& max) {
  if (!min && !max) fail<ValueError>(op, "got neither min nor max, expected one of them");
  op::Clamp c;
  if (min) c.low = min->to_double();
  if (max) c.high = max->to_double();
  return c;
}

DType clamp_dtype(const Tensor& x, const std::optional<Scalar>& min,
                  const std::optional<Scalar>& max) {
  DType t = x.get("clamp").dtype;
  if (min) t = promote(t, result_type(x, *min));
  if (max) t = promote(t, result_type(x, *max));
  return t;
}

void check_fits(DType result, DType self) {
  if (can_cast(result, self)) return;
  fail<DTypeError>("clamp_", "got a result of {} for a tensor of {}, expected one that it can hold",
                   result, self);
}

}  // namespace

Tensor clamp(const Tensor& x, const std::optional<Scalar>& min, const std::optional<Scalar>& max) {
  const op::Clamp c = bounds("clamp", min, max);
  return detail::unary(unary_id<op::Clamp>, x.to(clamp_dtype(x, min, max)), &c);
}

Tensor& Tensor::clamp_(const std::optional<Scalar>& min, const std::optional<Scalar>& max) {
  const op::Clamp c = bounds("clamp_", min, max);
  check_fits(clamp_dtype(*this, min, max), dtype());
  return detail::unary_(unary_id<op::Clamp>, *this, &c);
}

namespace {

// Which of x and its bounds passed; where x is a bound that the other leaves room beside, both did
// by halves. max wins where the bounds are in the wrong order; of NaN bounds none passes.
struct Passed {
  Tensor below, above, at_min, at_max, ordered, crossed;

  Passed(const Tensor& x, const Tensor& min, const Tensor& max)
      : below(x < min),
        above(x > max),
        at_min(logical_and(x == min, min < max)),
        at_max(logical_and(x == max, min < max)),
        ordered(min <= max),
        crossed(max < min) {}

  Tensor of_x(const Tensor& g) const {
    const Tensor half = where(logical_or(at_min, at_max), g * 0.5, g);
    return where(logical_or(below, above), 0, half);
  }
  Tensor of_min(const Tensor& g) const {
    return where(logical_and(below, ordered), g, where(at_min, g * 0.5, 0));
  }
  Tensor of_max(const Tensor& g) const {
    return where(logical_or(logical_and(above, ordered), crossed), g, where(at_max, g * 0.5, 0));
  }
};

Tensor clamp_between(const Tensor& x, const Tensor& min, const Tensor& max) {
  Tensor y;
  {
    NoGradGuard no_grad;
    y = minimum(maximum(x, min), max);
  }
  if (recording(x, min, max)) {
    record("clamp", y, {x, min, max},
           [x = saved(x), min = saved(min), max = saved(max)](Tensor& g, Gradients& in) {
             const Passed passed(x.get(), min.get(), max.get());
             in.set(0, [&] { return passed.of_x(g); });
             in.set(1, [&] { return passed.of_min(g); });
             in.set(2, [&] { return passed.of_max(g); });
           });
  }
  return y;
}

}  // namespace

Tensor clamp(const Tensor& x, const Tensor& min, const Tensor& max) {
  x.get("clamp");
  if (min.defined() && max.defined()) return clamp_between(x, min, max);
  if (!min.defined() && !max.defined())
    fail<ValueError>("clamp", "got neither min nor max, expected one of them");
  return min.defined() ? maximum(x, min) : minimum(x, max);
}

Tensor& Tensor::clamp_(const Tensor& min, const Tensor& max) {
  const bool recorded = recording(*this, min, max);
  check_inplace("clamp_", *this, recorded);
  const Tensor y = weft::clamp(recorded ? clone() : *this, min, max);
  check_fits(y.dtype(), dtype());
  if (y.sizes() != sizes()) {
    fail<ShapeError>("clamp_", "got bounds that make [{}] of [{}], expected the same shape",
                     fmt::join(y.sizes(), ", "), fmt::join(sizes(), ", "));
  }
  return copy_(y);
}

Tensor Tensor::clamp(const std::optional<Scalar>& min, const std::optional<Scalar>& max) const {
  return weft::clamp(*this, min, max);
}
Tensor Tensor::clamp(const Tensor& min, const Tensor& max) const {
  return weft::clamp(*this, min, max);
}

}  // namespace weft
