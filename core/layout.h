#pragma once

#include <optional>

#include <weft/core/shape.h>

namespace weft {

enum class MemoryFormat : std::uint8_t { Contiguous, ChannelsLast, Preserve };

// Where the elements of a tensor lie: a pure value. Strides and offset count elements.
// Functions that take `op` name it in the error they throw.
struct Layout {
  Shape sizes, strides;
  Index offset = 0;

  int rank() const { return sizes.size(); }
  friend bool operator==(const Layout&, const Layout&) = default;
};

// The number of elements; throws ShapeError on a negative size or a product beyond 2^63 - 1.
WEFT_API Index checked_numel(const char* op, std::span<const Index> sizes);
inline Index numel(std::span<const Index> sizes) {  // of sizes already checked
  Index n = 1;
  for (Index s : sizes) n *= s;
  return n;
}

WEFT_API Shape contiguous_strides(std::span<const Index> sizes);
WEFT_API Shape channels_last_strides(std::span<const Index> sizes);  // rank 4: N H W C in memory
// Strides that keep `like`'s order of dimensions in memory, without gaps.
WEFT_API Shape dense_strides(std::span<const Index> sizes, std::span<const Index> like);

// Dimensions of size 1 may have any stride; an empty tensor is everything.
WEFT_API bool is_contiguous(const Shape& sizes, const Shape& strides);
WEFT_API bool is_channels_last(const Shape& sizes, const Shape& strides);
// No gaps and no overlap: the elements fill one block of memory in some order of dimensions.
WEFT_API bool is_dense(const Shape& sizes, const Shape& strides);
// Whether strides lead to the same places: those of single elements count for nothing.
WEFT_API bool same_strides(const Shape& sizes, const Shape& a, const Shape& b);
// Two indices may lead to one element (a broadcast dimension, say).
WEFT_API bool may_overlap(const Shape& sizes, const Shape& strides);

// dim in [-rank, rank) to [0, rank); a 0-d tensor takes -1 and 0. Throws IndexError.
WEFT_API int wrap_dim(const char* op, Index dim, int rank);

WEFT_API Shape broadcast_shapes(const char* op, std::span<const Index> a, std::span<const Index> b);
WEFT_API Layout expand(const char* op, const Layout& x, std::span<const Index> sizes);  // -1 keeps
// Replaces one -1 by what is left. Throws ShapeError where the count does not fit.
WEFT_API Shape infer_size(const char* op, std::span<const Index> sizes, Index numel);
// The same memory with other sizes, if that can be.
WEFT_API std::optional<Layout> reshape(const Layout& x, std::span<const Index> sizes);
WEFT_API Layout permute(const char* op, const Layout& x, std::span<const Index> dims);
WEFT_API Layout transpose(const Layout& x, int a, int b);
WEFT_API Layout select(const char* op, const Layout& x, int dim, Index index);
// As Python's x[start:stop:step]: bounds are clamped, step is any non-zero number.
WEFT_API Layout slice(const char* op, const Layout& x, int dim, std::optional<Index> start,
                      std::optional<Index> stop, Index step);
WEFT_API Layout squeeze(const Layout& x, int dim);  // as is where the size is not 1
WEFT_API Layout unsqueeze(const Layout& x, int dim);

// Lowest and highest element offset reached, relative to the storage; {0, -1} when empty.
struct Extent {
  Index low, high;
};
WEFT_API Extent extent(const Layout& x);

}  // namespace weft
