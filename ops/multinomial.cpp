#include <weft/ops/multinomial.h>

#include <cmath>

#include <weft/autograd/mode.h>
#include <weft/core/check.h>
#include <weft/ops/compare.h>
#include <weft/ops/elementwise.h>
#include <weft/ops/make.h>
#include <weft/ops/reduce.h>
#include <weft/ops/scan.h>
#include <weft/ops/sets.h>
#include <weft/ops/sort.h>

namespace weft {
namespace {

constexpr char kOp[] = "multinomial";

void check_shape(const Tensor& w, Index count, bool replacement) {
  if (!is_floating(w.get(kOp).dtype))
    fail<DTypeError>(kOp, "got weights of {}, expected a floating dtype", w.dtype());
  if (w.dim() < 1 || w.dim() > 2 || w.size(-1) == 0) {
    fail<ShapeError>(kOp, "got weights of [{}], expected a vector or matrix with columns",
                     fmt::join(w.sizes(), ", "));
  }
  if (count < 1 || (!replacement && count > w.size(-1))) {
    fail<ValueError>(kOp, "got a count of {} for {} weights {} replacement, expected 1 {}", count,
                     w.size(-1), replacement ? "with" : "without",
                     replacement ? "or more" : fmt::format("to {}", w.size(-1)));
  }
}

// f64 weights, of which each row has enough.
void check_weights(const Tensor& w, Index needed) {
  if (w.device() != kCPU || w.numel() == 0) return;
  const double low = w.amin().item().to_double(), high = w.amax().item().to_double();
  if (!(low >= 0 && std::isfinite(high)))  // NaN is the least and the largest of all
    fail<ValueError>(kOp, "got a weight of {}, expected finite ones of at least 0",
                     low < 0 ? low : high);
  const Index least = (w > 0).sum(Shape{-1}).amin().item<Index>();
  if (least < needed)
    fail<ValueError>(kOp, "got {} weights above 0 in a row, expected {} or more", least, needed);
}

}  // namespace

Tensor multinomial(const Tensor& weights, Index count, bool replacement, Generator* generator) {
  check_shape(weights, count, replacement);
  const NoGradGuard no_grad;
  Tensor w = weights.detach().to(DType::F64);
  check_weights(w, replacement ? 1 : count);
  const Options f64 = Options(DType::F64).device(w.device());
  w = w / w.amax(Shape{-1}, true);
  Shape sizes = w.sizes();
  if (!replacement) {
    // The first `count` of events that come at rates w, each after an exponential time.
    const Tensor time = clamp(neg(log1p(neg(rand(sizes, f64, generator)))), 1e-300);
    return std::get<1>(topk(w / time, count));
  }
  sizes[sizes.size() - 1] = count;
  const Tensor sums = cumsum(w, -1), total = sums.narrow(-1, sums.size(-1) - 1, 1);
  const Tensor drawn = searchsorted(sums, rand(sizes, f64, generator) * total, true);
  return minimum(drawn, searchsorted(sums, total.contiguous()));  // rounding may give the total
}

}  // namespace weft
