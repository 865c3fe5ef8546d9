#pragma once

#include <span>
#include <vector>

#include <weft/core/tensor.h>

// Grids, triangles of matrices, and dimensions that have to be there.
namespace weft {

// Of vectors (or numbers) of one dtype the coordinates of all combinations, views: dimension i goes
// along vector i. indexing: "ij", or "xy" where the first two dimensions change places. Throws
// ShapeError, DTypeError, ValueError.
WEFT_API std::vector<Tensor> meshgrid(std::span<const Tensor> tensors, const char* indexing = "ij");
inline std::vector<Tensor> meshgrid(std::initializer_list<Tensor> tensors,
                                    const char* indexing = "ij") {
  return meshgrid(std::span(tensors.begin(), tensors.size()), indexing);
}

// Matrices (the last two dims) with 0 above, or below, a diagonal: 0 is the main one, positive ones
// are above it. Throws ShapeError where there are less than 2 dims.
WEFT_API Tensor tril(const Tensor& x, Index diagonal = 0);
WEFT_API Tensor triu(const Tensor& x, Index diagonal = 0);
WEFT_API Tensor& tril_(Tensor& x, Index diagonal = 0);
WEFT_API Tensor& triu_(Tensor& x, Index diagonal = 0);
// [2, n]: rows and columns of what those keep, i64 unless the options have a dtype.
WEFT_API Tensor tril_indices(Index rows, Index columns, Index offset = 0,
                             const Options& options = {});
WEFT_API Tensor triu_indices(Index rows, Index columns, Index offset = 0,
                             const Options& options = {});

// Views with dimensions of size 1 added in front; in 3-d a vector is [1, n, 1], a matrix [n, m, 1].
WEFT_API Tensor atleast_1d(const Tensor& x);
WEFT_API Tensor atleast_2d(const Tensor& x);
WEFT_API Tensor atleast_3d(const Tensor& x);

}  // namespace weft
