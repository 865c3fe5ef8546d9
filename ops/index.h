#pragma once

#include <weft/core/tensor.h>

// Parts of tensors: by index lists as NumPy's, by index tensors, by masks. Index tensors are of
// i32 or i64, masks of bool (u8 too in an index list). An index out of range throws IndexError with
// the index, the dimension and its size, as do a mask of another shape and index tensors that do
// not broadcast, before anything changes. Results and gradients are the same bits for any number of
// threads: what falls on one element is added, or written, in row-major order of the index.
namespace weft {

struct NoneType {};
struct EllipsisType {};
inline constexpr NoneType None;          // a new dimension of size 1; in a Slice: no bound
inline constexpr EllipsisType Ellipsis;  // as many whole dimensions as are left

// start:stop:step as Python's; bounds may lie outside, step is any number but 0.
struct Slice {
  struct Bound : std::optional<Index> {
    Bound() = default;
    Bound(NoneType) {}                                                        // NOLINT
    Bound(std::integral auto value) : optional(static_cast<Index>(value)) {}  // NOLINT
    Bound(const std::optional<Index>& value) : optional(value) {}             // NOLINT
  };
  Slice() = default;
  Slice(Bound start, Bound stop, Index step = 1) : start(start), stop(stop), step(step) {}
  std::optional<Index> start, stop;
  Index step = 1;
};

// One entry of an index list: x.index({1, Slice(0, 3), None, Ellipsis, mask, positions, true}).
//
// Without tensors and bools the result is a view. Index tensors broadcast against each other, and
// their dimensions stand in the result where they were in x if they (and integers between them) are
// neighbours, else in front: NumPy's rule. A mask stands for the index tensors nonzero() gives.
struct TensorIndex {
  enum class Kind : std::uint8_t { Integer, Slice, None, Ellipsis, Bool, Tensor };

  TensorIndex(bool value) : kind(Kind::Bool), integer(value) {}  // NOLINT
  template <class T>
  requires(std::is_integral_v<T> && !std::is_same_v<T, bool>) TensorIndex(T value)
      : kind(Kind::Integer), integer(static_cast<Index>(value)) {}           // NOLINT
  TensorIndex(const Slice& slice) : kind(Kind::Slice), slice(slice) {}       // NOLINT
  TensorIndex(NoneType) : kind(Kind::None) {}                                // NOLINT
  TensorIndex(EllipsisType) : kind(Kind::Ellipsis) {}                        // NOLINT
  TensorIndex(const Tensor& tensor) : kind(Kind::Tensor), tensor(tensor) {}  // NOLINT

  Kind kind;
  Index integer = 0;
  Slice slice;
  Tensor tensor;
};

// Methods of Tensor as functions. The sizes of gather's and scatter's index may be smaller than
// x's in all dimensions but dim; the result has the index's (gather) or x's (scatter) sizes.
inline Tensor index_select(const Tensor& x, Index dim, const Tensor& index) {
  return x.index_select(dim, index);
}
// A copy with alpha * source added at, or source written to, the indices of dim; or a value.
inline Tensor index_add(const Tensor& x, Index dim, const Tensor& index, const Tensor& source,
                        const Scalar& alpha = 1) {
  return x.index_add(dim, index, source, alpha);
}
inline Tensor index_copy(const Tensor& x, Index dim, const Tensor& index, const Tensor& source) {
  return x.index_copy(dim, index, source);
}
// The index may count from the end; the value is converted to x's dtype.
inline Tensor index_fill(const Tensor& x, Index dim, const Tensor& index, const Scalar& value) {
  return x.index_fill(dim, index, value);
}
inline Tensor gather(const Tensor& x, Index dim, const Tensor& index) {
  return x.gather(dim, index);
}
inline Tensor scatter(const Tensor& x, Index dim, const Tensor& index, const Tensor& source) {
  return x.scatter(dim, index, source);
}
inline Tensor scatter(const Tensor& x, Index dim, const Tensor& index, const Scalar& value) {
  return x.scatter(dim, index, value);
}
inline Tensor scatter_add(const Tensor& x, Index dim, const Tensor& index, const Tensor& source) {
  return x.scatter_add(dim, index, source);
}
// [count, rank], i64: the coordinates of the elements that are not zero, in row-major order.
inline Tensor nonzero(const Tensor& x) { return x.nonzero(); }
// The elements where the mask holds, 1-d; x and mask broadcast.
inline Tensor masked_select(const Tensor& x, const Tensor& mask) { return x.masked_select(mask); }
// value where the mask holds, x elsewhere, of x's dtype.
inline Tensor masked_fill(const Tensor& x, const Tensor& mask, const Scalar& value) {
  return x.masked_fill(mask, value);
}

}  // namespace weft
