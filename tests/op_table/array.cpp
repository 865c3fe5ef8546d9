#include <weft/tests/op_table/array.h>

#include <stdexcept>

namespace weft::op_table {

Shape broadcast(const Shape& a, const Shape& b) {
  const int rank = std::max(a.size(), b.size());
  Shape sizes = Shape::filled(rank, 1);
  for (int d = 0; d < rank; ++d) {
    const int i = d - rank + a.size(), j = d - rank + b.size();
    const Index m = i < 0 ? 1 : a[i], n = j < 0 ? 1 : b[j];
    if (m != n && m != 1 && n != 1) throw std::logic_error("a reference that does not broadcast");
    sizes[d] = m == 1 ? n : m;
  }
  return sizes;
}

namespace {
std::vector<bool> chosen(const Shape& sizes, const Shape& dims) {
  std::vector<bool> yes(static_cast<std::size_t>(sizes.size()), dims.empty());
  for (Index d : dims)
    if (sizes.size() > 0) yes[static_cast<std::size_t>(d < 0 ? d + sizes.size() : d)] = true;
  return yes;
}
}  // namespace

Shape reduced_sizes(const Shape& sizes, const Shape& dims, bool keepdim) {
  const std::vector<bool> gone = chosen(sizes, dims);
  Shape left;
  for (int d = 0; d < sizes.size(); ++d) {
    if (!gone[static_cast<std::size_t>(d)])
      left.push_back(sizes[d]);
    else if (keepdim)
      left.push_back(1);
  }
  return left;
}

std::vector<std::vector<double>> groups(const Array& x, const Shape& dims) {
  const std::vector<bool> gone = chosen(x.sizes, dims);
  std::vector<std::vector<double>> lists(
      static_cast<std::size_t>(count(reduced_sizes(x.sizes, dims, false))));
  for (Index i = 0; i < count(x.sizes); ++i) {
    const Shape index = index_of(x.sizes, i);
    Index g = 0;
    for (int d = 0; d < x.sizes.size(); ++d)
      g = gone[static_cast<std::size_t>(d)] ? g : g * x.sizes[d] + index[d];
    lists[static_cast<std::size_t>(g)].push_back(x.values[static_cast<std::size_t>(i)]);
  }
  return lists;
}

Array permuted(const Array& x, const Shape& dims) {
  Shape sizes;
  for (Index d : dims) sizes.push_back(x.sizes[static_cast<int>(d)]);
  return generate(sizes, [&](const Shape& i) {
    Shape from = i;
    for (int d = 0; d < dims.size(); ++d) from[static_cast<int>(dims[d])] = i[d];
    return at(x, from);
  });
}

}  // namespace weft::op_table
