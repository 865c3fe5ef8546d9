#pragma once

#include <weft/core/tensor.h>

// Shapes, as functions; most are methods of Tensor, which share the memory where it allows it.
namespace weft {

inline Tensor reshape(const Tensor& x, const Shape& shape) { return x.reshape(shape); }
inline Tensor flatten(const Tensor& x, Index start_dim = 0, Index end_dim = -1) {
  return x.flatten(start_dim, end_dim);
}
inline Tensor squeeze(const Tensor& x) { return x.squeeze(); }
inline Tensor squeeze(const Tensor& x, const Shape& dims) { return x.squeeze(dims); }
inline Tensor unsqueeze(const Tensor& x, Index dim) { return x.unsqueeze(dim); }
inline Tensor transpose(const Tensor& x, Index dim0, Index dim1) { return x.transpose(dim0, dim1); }
inline Tensor permute(const Tensor& x, const Shape& dims) { return x.permute(dims); }
inline Tensor select(const Tensor& x, Index dim, Index index) { return x.select(dim, index); }
inline Tensor narrow(const Tensor& x, Index dim, Index start, Index length) {
  return x.narrow(dim, start, length);
}
inline std::vector<Tensor> split(const Tensor& x, Index size, Index dim = 0) {
  return x.split(size, dim);
}
inline std::vector<Tensor> chunk(const Tensor& x, Index chunks, Index dim = 0) {
  return x.chunk(chunks, dim);
}
inline Tensor flip(const Tensor& x, const Shape& dims) { return x.flip(dims); }
inline Tensor clone(const Tensor& x) { return x.clone(); }

// Joins along dim; sizes must agree in all other dims, dtypes promote. An empty 1-d tensor is
// skipped.
WEFT_API Tensor cat(std::span<const Tensor> tensors, Index dim = 0);
inline Tensor cat(std::initializer_list<Tensor> tensors, Index dim = 0) {
  return cat(std::span(tensors.begin(), tensors.size()), dim);
}
// Joins along a new dim; all sizes must be equal.
WEFT_API Tensor stack(std::span<const Tensor> tensors, Index dim = 0);
inline Tensor stack(std::initializer_list<Tensor> tensors, Index dim = 0) {
  return stack(std::span(tensors.begin(), tensors.size()), dim);
}
// A copy of x so many times along each dim; dims that x lacks come in front. Throws ShapeError for
// fewer repeats than dims, and for negative ones.
WEFT_API Tensor repeat(const Tensor& x, const Shape& repeats);
// The same, where repeats that are missing in front are 1.
WEFT_API Tensor tile(const Tensor& x, const Shape& dims);
// A copy whose elements are moved by shifts along dims; what leaves at the end comes back in front.
// Without dims one shift moves the elements of the flattened tensor. Throws ValueError where there
// is not one shift for each dim.
WEFT_API Tensor roll(const Tensor& x, const Shape& shifts, const Shape& dims = {});
// amounts: {low, high} of the last dim, then of the one before, ...; negative ones cut off.
WEFT_API Tensor pad(const Tensor& x, const Shape& amounts, const Scalar& value = 0);
// What the border holds: value, x mirrored at its edge (less often than its size), its edge, or x
// from the other end (at most once).
enum class PadMode : std::uint8_t { Constant, Reflect, Replicate, Circular };
WEFT_API Tensor pad(const Tensor& x, const Shape& amounts, PadMode mode, const Scalar& value = 0);

}  // namespace weft
