#include <weft/ops/dropout.h>

#include <weft/autograd/record.h>
#include <weft/core/check.h>
#include <weft/core/interrupt.h>
#include <weft/ops/elementwise.h>
#include <weft/ops/kernels.h>
#include <weft/ops/make.h>

namespace weft {

using namespace autograd;

namespace {

// Whether there is anything to do.
bool drops(const char* op, const Tensor& x, double p, bool training) {
  if (!is_floating(x.get(op).dtype)) {
    fail<DTypeError>(op, "got input of {}, expected a floating dtype", x.dtype());
  }
  if (!(p >= 0 && p <= 1)) {
    fail<ValueError>(op, "got p {}, expected a probability from 0 to 1", p);
  }
  return training && p > 0 && x.numel() > 0;
}

// y = keep ? x / (1 - p) : 0; returns keep, a bool tensor that lies in memory as y does.
Tensor drop(const Tensor& y, const Tensor& x, double p, Generator* generator) {
  Tensor keep =
      make_tensor(y.sizes(), dense_strides(y.sizes(), y.strides()), DType::Bool, x.device());
  View mask = keep.view();
  mask.dtype = DType::U8;
  Generator& numbers = generator ? *generator : default_generator();
  kernels(x.device()).random.dropout(y.view(), mask, x.view(), p, numbers.next(x.numel()));
  return keep;
}

struct DropoutBackward {
  SavedTensor keep;
  double scale;
  void operator()(Tensor& g, Gradients& in) {
    in.set(0, [&] { return where(keep.get(), g * scale, 0); });
  }
};

DropoutBackward backward_of(const Tensor& keep, double p) {
  return {saved(keep), p < 1 ? 1 / (1 - p) : 0};
}

}  // namespace

Tensor dropout(const Tensor& x, double p, bool training, Generator* generator) {
  if (!drops("dropout", x, p, training)) return x;
  Tensor y = empty_like(x);
  const Tensor keep = drop(y, x, p, generator);
  if (recording(x)) record("dropout", y, {x}, backward_of(keep, p));
  return y;
}

Tensor& dropout_(Tensor& x, double p, bool training, Generator* generator) {
  if (!drops("dropout_", x, p, training)) return x;
  const bool recorded = recording(x);
  check_inplace("dropout_", x, recorded);
  const Whole whole;
  const Tensor keep = drop(x, x, p, generator);
  bump_version("dropout_", x);
  if (recorded) record_inplace("dropout_", x, {x}, backward_of(keep, p));
  return x;
}

}  // namespace weft
