#pragma once

#include <tuple>

#include <weft/core/tensor.h>

// Elements as members of sets: which there are, how often, and where they belong.
namespace weft {

// The different elements in order, and where asked for (else undefined) the position of each of x's
// elements among them, of x's sizes, and how often each is there, i64. Every NaN is its own. Waits
// for the device.
WEFT_API std::tuple<Tensor, Tensor, Tensor> unique(const Tensor& x, bool return_inverse = false,
                                                   bool return_counts = false);
// The different slices along dim, in order of their elements from first to last; inverse and counts
// are vectors. Throws ShapeError where slices have no elements.
WEFT_API std::tuple<Tensor, Tensor, Tensor> unique(const Tensor& x, Index dim, bool return_inverse,
                                                   bool return_counts);
// Whether each element of x is (or, inverted, is not) among others'; NaN is not.
WEFT_API Tensor isin(const Tensor& x, const Tensor& others, bool invert = false);
// How often 0, 1, ... come in a vector of integers: at least minlength numbers, i64; or the sums of
// their weights, f32 of f32, else f64. Throws ValueError for negative elements. Waits for the
// device.
WEFT_API Tensor bincount(const Tensor& x, const Tensor& weights = {}, Index minlength = 0);
// Where values belong in a sequence that is in order along its last dim, before equal elements or
// (right) behind them: i64. The sequence is a vector, or has the values' sizes but for the last.
// NaN belongs behind all.
WEFT_API Tensor searchsorted(const Tensor& sorted, const Tensor& values, bool right = false);
// searchsorted(boundaries, x): boundaries are a vector.
WEFT_API Tensor bucketize(const Tensor& x, const Tensor& boundaries, bool right = false);

}  // namespace weft
