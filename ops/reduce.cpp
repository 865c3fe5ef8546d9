#include <weft/autograd/record.h>
#include <weft/core/check.h>
#include <weft/ops/make.h>

namespace weft {

// Thin first cut: sums in f64, so that the tape can sum gradients back over broadcast dimensions.
Tensor Tensor::sum(const Shape& dims, bool keepdim, std::optional<DType> dtype) const {
  const Layout x = layout();
  bool reduced[kMaxRank] = {};
  for (int d = 0; d < x.rank(); ++d) reduced[d] = dims.empty();
  for (Index d : dims) reduced[wrap_dim("sum", d, x.rank())] = true;
  Layout out{x.sizes, Shape::filled(x.rank(), 0), 0};
  Shape kept, squeezed;
  for (int d = 0; d < x.rank(); ++d) kept.push_back(reduced[d] ? 1 : x.sizes[d]);
  Tensor total = zeros(kept, DType::F64);
  for (int d = 0; d < x.rank(); ++d) out.strides[d] = reduced[d] ? 0 : total.strides()[d];
  const Tensor wide = detach().to(DType::F64);
  const Layout w = wide.layout();
  const Index n = numel();
  for (Index i = 0; i < n; ++i) {
    Index rest = i, from = 0, to = 0;
    for (int d = x.rank() - 1; d >= 0; --d) {
      from += rest % x.sizes[d] * w.strides[d];
      to += rest % x.sizes[d] * out.strides[d];
      rest /= x.sizes[d];
    }
    static_cast<double*>(total.data())[to] += static_cast<double*>(wide.data())[from];
  }
  for (int d = 0; d < x.rank(); ++d) {
    if (!reduced[d]) squeezed.push_back(x.sizes[d]);
  }
  const Tensor y =
      total.to(dtype.value_or(is_floating(this->dtype()) ? this->dtype() : DType::I64));
  const Tensor result = keepdim ? y : y.reshape(squeezed);
  if (autograd::recording(*this)) {
    autograd::record("sum", result, {*this},
                     [kept, sizes = sizes()](Tensor& g, autograd::Gradients& in) {
                       in.set(0, [&] { return g.reshape(kept).expand(sizes); });
                     });
  }
  return result;
}

Tensor Tensor::all(const Shape&, bool) const {
  for (bool b : to_vector<bool>())
    if (!b) return full({}, false);
  return full({}, true);
}
Tensor Tensor::any(const Shape&, bool) const {
  for (bool b : to_vector<bool>())
    if (b) return full({}, true);
  return full({}, false);
}
Tensor Tensor::amin(const Shape&, bool) const { fail<NotImplementedError>("amin", "not here yet"); }
Tensor Tensor::amax(const Shape&, bool) const { fail<NotImplementedError>("amax", "not here yet"); }

}  // namespace weft
