#pragma once

#include <weft/autograd/saved.h>
#include <weft/ops/index.h>

// What index tensors choose of a tensor, the ground of index(), index_select(), index_add() and
// embedding(). For .cpp files only.
namespace weft::detail {

struct Choice {
  int count = 0;
  int dim[kMaxRank];       // ascending; adjacent unless `front`
  Tensor index[kMaxRank];  // i64, all of `sizes`, in [-size, size)
  Shape sizes;
  bool front = false;  // the chosen dimensions come first in the result, else where they were in x
};

// The index as i64; throws DTypeError for other dtypes than i32 and i64.
Tensor integer_index(const char* op, const Tensor& index);
// Throws IndexError unless all are in [wraps ? -size : 0, size). dim is told to the user only.
void check_range(const char* op, const Tensor& index, int dim, Index size, bool wraps);
// One index along one dimension, in [wraps ? -size : 0, size).
Choice choose(const char* op, const Tensor& x, int dim, const Tensor& index, bool wraps = false);

// The sizes of what is chosen.
Shape chosen_sizes(const Tensor& x, const Choice& choice);
// What is chosen, a copy.
Tensor take(const char* op, const Tensor& x, const Choice& choice);
// Writes values, of chosen_sizes and x's dtype, to what is chosen, or adds them.
void put_(const char* op, Tensor& x, const Choice& choice, const Tensor& values, bool accumulate);

}  // namespace weft::detail
