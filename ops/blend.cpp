#include <weft/ops/blend.h>

#include <cmath>
#include <numbers>

#include <weft/autograd/record.h>
#include <weft/core/check.h>
#include <weft/core/limits.h>
#include <weft/ops/elementwise.h>
#include <weft/ops/one_device.h>

namespace weft {

using namespace autograd;

namespace {

// Halves are computed in f32 and rounded once.
Tensor wide(const Tensor& x) { return is_half(x.dtype()) ? x.to(DType::F32) : x; }

void check_floating(const char* op, const Tensor& x) {
  if (!is_floating(x.get(op).dtype))
    fail<DTypeError>(op, "got {}, expected a floating dtype", x.dtype());
}

void check_lerp(const char* op, const Tensor& start, const Tensor& end) {
  check_floating(op, start);
  if (end.get(op).dtype != start.dtype()) {
    fail<DTypeError>(op, "got a start of {} and an end of {}, expected one dtype", start.dtype(),
                     end.dtype());
  }
  detail::check_one_device(op, start, end);
  broadcast_shapes(op, start.sizes(), end.sizes());
}

// From the nearer side, so that either is reached exactly.
Tensor between(const Tensor& start, const Tensor& end, double weight) {
  const Tensor a = wide(start), b = wide(end), way = b - a;
  return (weight < 0.5 ? a + way * weight : b - way * (1 - weight)).to(start.dtype());
}
Tensor between(const Tensor& start, const Tensor& end, const Tensor& weight) {
  const Tensor a = wide(start), b = wide(end), w = wide(weight), way = b - a;
  return where(abs(w) < 0.5, a + way * w, b - way * (1 - w)).to(start.dtype());
}

Tensor digits(const Tensor& x, int decimals) {
  const double power = std::pow(10.0, std::abs(decimals));
  const Tensor w = wide(x);
  const Tensor y = decimals < 0 ? weft::round(w / power) * power : weft::round(w * power) / power;
  return y.to(x.dtype());
}

}  // namespace

Tensor lerp(const Tensor& start, const Tensor& end, double weight) {
  check_lerp("lerp", start, end);
  const Tensor y = [&] {
    const NoGradGuard no_grad;
    return between(start, end, weight);
  }();
  if (recording(start, end)) {
    record("lerp", y, {start, end}, [weight](Tensor& g, Gradients& in) {
      in.set(0, [&] { return g * (1 - weight); });
      in.set(1, [&] { return g * weight; });
    });
  }
  return y;
}

Tensor lerp(const Tensor& start, const Tensor& end, const Tensor& weight) {
  check_lerp("lerp", start, end);
  if (weight.get("lerp").sizes.size() != 0 && weight.dtype() != start.dtype()) {
    fail<DTypeError>("lerp", "got a weight of {} between tensors of {}, expected one dtype",
                     weight.dtype(), start.dtype());
  }
  const Tensor w = detail::beside("lerp", weight, start).to(start.dtype());
  broadcast_shapes("lerp", broadcast_shapes("lerp", start.sizes(), end.sizes()), w.sizes());
  const Tensor y = [&] {
    const NoGradGuard no_grad;
    return between(start, end, w);
  }();
  if (recording(start, end, w)) {
    const bool moves = needs_grad(w);
    record("lerp", y, {start, end, w},
           [w = saved(w), start = moves ? saved(start) : SavedTensor(),
            end = moves ? saved(end) : SavedTensor()](Tensor& g, Gradients& in) {
             in.set(0, [&] { return g * (1 - w.get()); });
             in.set(1, [&] { return g * w.get(); });
             in.set(2, [&] { return g * (end.get() - start.get()); });
           });
  }
  return y;
}

namespace {
Tensor& written(const char* op, Tensor& x, const Tensor& y) {
  if (y.sizes() != x.sizes()) {
    fail<ShapeError>(op, "got a result of shape [{}] for a tensor of [{}], expected its own",
                     fmt::join(y.sizes(), ", "), fmt::join(x.sizes(), ", "));
  }
  return x.copy_(y);
}
}  // namespace

Tensor& lerp_(Tensor& start, const Tensor& end, const Tensor& weight) {
  return written("lerp_", start, lerp(start, end, weight));
}
Tensor& lerp_(Tensor& start, const Tensor& end, double weight) {
  return written("lerp_", start, lerp(start, end, weight));
}

Tensor round(const Tensor& x, int decimals) {
  check_floating("round", x);
  const Tensor y = [&] {
    const NoGradGuard no_grad;
    return digits(x, decimals);
  }();
  if (recording(x)) {
    record("round", y, {x}, [](Tensor& g, Gradients& in) { in.set(0, [&] { return g * 0; }); });
  }
  return y;
}
Tensor& round_(Tensor& x, int decimals) { return x.copy_(round(x, decimals)); }

Tensor log2(const Tensor& x) {
  const DType result = is_floating(x.get("log2").dtype) ? x.dtype() : DType::F32;
  const Tensor y = [&] {
    const NoGradGuard no_grad;
    const Tensor w = x.to(DType::F64), near = weft::log(w) * std::numbers::log2e;
    if (result != DType::F64) return near.to(result);
    const Tensor whole = weft::round(near);
    return where(weft::pow(2, whole) == w, whole, near);
  }();
  if (recording(x)) {
    record("log2", y, {x}, [x = saved(x)](Tensor& g, Gradients& in) {
      in.set(0, [&] { return g / (x.get() * std::numbers::ln2); });
    });
  }
  return y;
}
Tensor& log2_(Tensor& x) {
  check_floating("log2_", x);
  return x.copy_(log2(recording(x) ? x.clone() : x));
}

Tensor nan_to_num(const Tensor& x, double nan, std::optional<double> posinf,
                  std::optional<double> neginf) {
  if (!is_floating(x.get("nan_to_num").dtype)) return x.clone();
  const FloatInfo info = finfo(x.dtype());
  const auto number = [&](double v) { return make_scalar(v, x.dtype(), x.device()); };
  const Tensor infinite =
      where(x > 0, number(posinf.value_or(info.max)), number(neginf.value_or(info.min)));
  return where(isfinite(x), x, where(isnan(x), number(nan), infinite));
}

Tensor& nan_to_num_(Tensor& x, double nan, std::optional<double> posinf,
                    std::optional<double> neginf) {
  return x.copy_(nan_to_num(x, nan, posinf, neginf));
}

}  // namespace weft
