#pragma once

#include <weft/core/tensor.h>

// Reductions. `dims` names the dimensions to reduce, negative ones from the end; none means all. A
// reduced dimension is dropped, or stays with size 1 under keepdim. Floating elements of any dtype
// are gathered in f64, and the bits do not depend on the number of threads. Duplicate dims throw
// ValueError, dims out of range IndexError.
namespace weft {

// Of bool and integers in i64. With a dtype the elements are converted first. Nothing sums to 0.
inline Tensor sum(const Tensor& x, const Shape& dims = {}, bool keepdim = false,
                  std::optional<DType> dtype = {}) {
  return x.sum(dims, keepdim, dtype);
}
// The arithmetic mean, NaN of nothing. bool and integers throw DTypeError unless dtype is floating.
inline Tensor mean(const Tensor& x, const Shape& dims = {}, bool keepdim = false,
                   std::optional<DType> dtype = {}) {
  return x.mean(dims, keepdim, dtype);
}
// The product; of bool and integers in i64; of nothing 1.
inline Tensor prod(const Tensor& x, const Shape& dims = {}, bool keepdim = false,
                   std::optional<DType> dtype = {}) {
  return x.prod(dims, keepdim, dtype);
}
// sum((x - mean)^2) / max(n - correction, 0), and its root. Floating dtypes only.
inline Tensor var(const Tensor& x, const Shape& dims = {}, Index correction = 1,
                  bool keepdim = false) {
  return x.var(dims, correction, keepdim);
}
inline Tensor std(const Tensor& x, const Shape& dims = {}, Index correction = 1,
                  bool keepdim = false) {
  return x.std(dims, correction, keepdim);
}
// sum(|x|^p)^(1/p); p = 0 counts what is not 0, infinity and -infinity give the largest and
// smallest |x|. Floating dtypes only. The gradient at a norm of 0 is 0.
inline Tensor norm(const Tensor& x, double p = 2, const Shape& dims = {}, bool keepdim = false) {
  return x.norm(p, dims, keepdim);
}
// The largest and smallest element; NaN wins; ties share the gradient evenly (a NaN makes it NaN
// for all that it was chosen from; in max(x) and min(x) the NaNs share it). Where there is nothing
// to choose from, throws IndexError along dims and ShapeError of all.
inline Tensor amax(const Tensor& x, const Shape& dims = {}, bool keepdim = false) {
  return x.amax(dims, keepdim);
}
inline Tensor amin(const Tensor& x, const Shape& dims = {}, bool keepdim = false) {
  return x.amin(dims, keepdim);
}
inline Tensor max(const Tensor& x) { return x.max(); }
inline Tensor min(const Tensor& x) { return x.min(); }
// Values and their positions along dim, i64: the first of equal ones, or of the NaNs. The gradient
// goes to that element alone. Throws IndexError where there is nothing to choose from.
inline std::tuple<Tensor, Tensor> max(const Tensor& x, Index dim, bool keepdim = false) {
  return x.max(dim, keepdim);
}
inline std::tuple<Tensor, Tensor> min(const Tensor& x, Index dim, bool keepdim = false) {
  return x.min(dim, keepdim);
}
// The position alone; without a dim that in the flattened tensor.
inline Tensor argmax(const Tensor& x, std::optional<Index> dim = {}, bool keepdim = false) {
  return x.argmax(dim, keepdim);
}
inline Tensor argmin(const Tensor& x, std::optional<Index> dim = {}, bool keepdim = false) {
  return x.argmin(dim, keepdim);
}
// Whether all (any) elements differ from 0, as bool (of u8 as u8). NaN differs. Dims that are given
// and none reduce nothing: as PyTorch's, these tell {} from std::nullopt.
inline Tensor all(const Tensor& x, std::nullopt_t = std::nullopt, bool keepdim = false) {
  return x.all(std::nullopt, keepdim);
}
inline Tensor any(const Tensor& x, std::nullopt_t = std::nullopt, bool keepdim = false) {
  return x.any(std::nullopt, keepdim);
}
inline Tensor all(const Tensor& x, const Shape& dims, bool keepdim = false) {
  return x.all(dims, keepdim);
}
inline Tensor any(const Tensor& x, const Shape& dims, bool keepdim = false) {
  return x.any(dims, keepdim);
}
// log(sum(exp(x))) without overflow; integers are converted to f32; of nothing -infinity.
inline Tensor logsumexp(const Tensor& x, const Shape& dims, bool keepdim = false) {
  return x.logsumexp(dims, keepdim);
}

}  // namespace weft
