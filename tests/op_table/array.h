#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include <weft/core/shape.h>

// What the references compute with: plain numbers in row-major order, no code of the library's but
// Shape.
namespace weft::op_table {

struct Array {
  Shape sizes;
  std::vector<double> values;
};
using Arrays = std::vector<Array>;

inline Index count(const Shape& sizes) {
  Index n = 1;
  for (Index s : sizes) n *= s;
  return n;
}

// The index of element i of sizes, counted row by row.
inline Shape index_of(const Shape& sizes, Index i) {
  Shape index = Shape::filled(sizes.size(), 0);
  for (int d = sizes.size() - 1; d >= 0; --d) {
    index[d] = i % sizes[d];
    i /= sizes[d];
  }
  return index;
}

// The element at an index of as many dimensions or more, right-aligned; size 1 repeats.
inline double at(const Array& x, const Shape& index) {
  Index i = 0;
  const int extra = index.size() - x.sizes.size();
  for (int d = 0; d < x.sizes.size(); ++d)
    i = i * x.sizes[d] + (x.sizes[d] == 1 ? 0 : index[d + extra]);
  return x.values[static_cast<std::size_t>(i)];
}

Shape broadcast(const Shape& a, const Shape& b);

// f(index) for every index of sizes.
template <class F>
Array generate(const Shape& sizes, F f) {
  Array y{sizes, {}};
  for (Index i = 0; i < count(sizes); ++i) y.values.push_back(double(f(index_of(sizes, i))));
  return y;
}

template <class F>
Array map(const Array& x, F f) {
  Array y = x;
  for (double& v : y.values) v = double(f(v));
  return y;
}

template <class F>
Array map(const Array& a, const Array& b, F f) {
  return generate(broadcast(a.sizes, b.sizes),
                  [&](const Shape& i) { return f(at(a, i), at(b, i)); });
}

template <class F>
Array map(const Array& a, const Array& b, const Array& c, F f) {
  return generate(broadcast(broadcast(a.sizes, b.sizes), c.sizes),
                  [&](const Shape& i) { return f(at(a, i), at(b, i), at(c, i)); });
}

// The sizes without some dims (all where none are named), or with 1 there.
Shape reduced_sizes(const Shape& sizes, const Shape& dims, bool keepdim);

// The elements that share every index but those of dims, row by row; one list for each output.
std::vector<std::vector<double>> groups(const Array& x, const Shape& dims);

// f(list of elements) over dims, all where none are named.
template <class F>
Array reduce(const Array& x, const Shape& dims, bool keepdim, F f) {
  Array y{reduced_sizes(x.sizes, dims, keepdim), {}};
  for (const std::vector<double>& g : groups(x, dims)) y.values.push_back(double(f(g)));
  return y;
}

// list -> list of as many, along one dim.
template <class F>
Array along(const Array& x, Index dim, F f) {
  const int d = static_cast<int>(dim < 0 ? dim + x.sizes.size() : dim);
  std::vector<std::vector<double>> lists = groups(x, d);
  for (auto& list : lists) list = f(list);
  return generate(x.sizes, [&](const Shape& i) {
    Index g = 0;
    for (int k = 0; k < x.sizes.size(); ++k) g = k == d ? g : g * x.sizes[k] + i[k];
    return lists[static_cast<std::size_t>(g)][static_cast<std::size_t>(i[d])];
  });
}

inline Array reshaped(Array x, const Shape& sizes) {
  x.sizes = sizes;
  return x;
}
Array permuted(const Array& x, const Shape& dims);

}  // namespace weft::op_table
