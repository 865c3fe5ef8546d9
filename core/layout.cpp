#include <weft/core/layout.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include <weft/core/check.h>

namespace weft {

void detail::throw_rank(std::size_t rank) {
  fail<ShapeError>("Shape", "got {} dimensions, expected at most {}", rank, kMaxRank);
}

Index checked_numel(const char* op, std::span<const Index> sizes) {
  Index n = 1;
  bool overflow = false, empty = false;
  for (Index s : sizes) {
    if (s < 0)
      fail<ShapeError>(op, "got size {}, expected no negative size", fmt::join(sizes, ", "));
    empty |= s == 0;
    overflow |= s != 0 && __builtin_mul_overflow(n, s, &n);
  }
  if (empty) return 0;
  if (overflow) {
    fail<ShapeError>(op, "got sizes [{}], expected fewer than 2^63 elements",
                     fmt::join(sizes, ", "));
  }
  return n;
}

Shape contiguous_strides(std::span<const Index> sizes) {
  Shape strides = Shape::filled(static_cast<int>(sizes.size()), 1);
  for (int d = strides.size() - 2; d >= 0; --d) {
    strides[d] = strides[d + 1] * std::max<Index>(sizes[static_cast<std::size_t>(d) + 1], 1);
  }
  return strides;
}

Shape channels_last_strides(std::span<const Index> sizes) {
  const Index c = std::max<Index>(sizes[1], 1), w = std::max<Index>(sizes[3], 1),
              h = std::max<Index>(sizes[2], 1);
  return {h * w * c, 1, w * c, c};
}

namespace {

// Dimensions from the slowest in memory to the fastest; ties keep their order.
Shape memory_order(std::span<const Index> sizes, std::span<const Index> strides) {
  Shape order = Shape::filled(static_cast<int>(sizes.size()), 0);
  std::iota(order.begin(), order.end(), 0);
  const auto slower = [&](Index a, Index b) {
    return std::abs(strides[static_cast<std::size_t>(a)]) >
           std::abs(strides[static_cast<std::size_t>(b)]);
  };
  for (int i = 1; i < order.size(); ++i) {  // insertion sort: stable, and short
    for (int j = i; j > 0 && slower(order[j], order[j - 1]); --j) std::swap(order[j], order[j - 1]);
  }
  return order;
}

}  // namespace

Shape dense_strides(std::span<const Index> sizes, std::span<const Index> like) {
  const Shape order = memory_order(sizes, like);
  Shape strides = Shape::filled(order.size(), 1);
  Index next = 1;
  for (int i = order.size() - 1; i >= 0; --i) {
    const auto d = static_cast<int>(order[i]);
    strides[d] = next;
    next *= std::max<Index>(sizes[static_cast<std::size_t>(d)], 1);
  }
  return strides;
}

bool is_contiguous(const Shape& sizes, const Shape& strides) {
  Index expected = 1;
  for (int d = sizes.size() - 1; d >= 0; --d) {
    if (sizes[d] == 0) return true;
    if (sizes[d] == 1) continue;
    if (strides[d] != expected) return numel(sizes) == 0;
    expected *= sizes[d];
  }
  return true;
}

bool is_channels_last(const Shape& sizes, const Shape& strides) {
  if (sizes.size() != 4) return false;
  if (numel(sizes) == 0) return true;
  Index expected = 1;
  for (int d : {1, 3, 2, 0}) {
    if (sizes[d] != 1 && strides[d] != expected) return false;
    expected *= sizes[d];
  }
  return true;
}

bool same_strides(const Shape& sizes, const Shape& a, const Shape& b) {
  for (int d = 0; d < sizes.size(); ++d) {
    if (sizes[d] > 1 && a[d] != b[d]) return false;
  }
  return true;
}

bool is_dense(const Shape& sizes, const Shape& strides) {
  if (is_contiguous(sizes, strides)) return true;
  Shape s, t;
  for (int d = 0; d < sizes.size(); ++d) {
    if (sizes[d] == 1) continue;
    if (strides[d] <= 0) return false;
    s.push_back(sizes[d]);
    t.push_back(strides[d]);
  }
  return dense_strides(s, t) == t;
}

bool may_overlap(const Shape& sizes, const Shape& strides) {
  Shape s, t;
  for (int d = 0; d < sizes.size(); ++d) {
    if (sizes[d] == 0) return false;
    if (sizes[d] == 1) continue;
    s.push_back(sizes[d]);
    t.push_back(std::abs(strides[d]));
  }
  const Shape order = memory_order(s, t);
  Index reach = 0;  // the span of all faster dimensions must stay below a dimension's stride
  for (int i = order.size() - 1; i >= 0; --i) {
    const auto d = static_cast<int>(order[i]);
    if (t[d] <= reach) return true;
    reach += t[d] * (s[d] - 1);
  }
  return false;
}

int wrap_dim(const char* op, Index dim, int rank) {
  const Index n = std::max(rank, 1);
  if (dim < -n || dim >= n) {
    fail<IndexError>(op, "got dim {}, expected a dim in [{}, {}]", dim, -n, n - 1);
  }
  return static_cast<int>(dim < 0 ? dim + n : dim);
}

Shape broadcast_shapes(const char* op, std::span<const Index> a, std::span<const Index> b) {
  const std::span<const Index> longer = a.size() >= b.size() ? a : b,
                               shorter = a.size() >= b.size() ? b : a;
  Shape result(longer);
  const std::size_t shift = longer.size() - shorter.size();
  for (std::size_t i = 0; i < shorter.size(); ++i) {
    const Index x = longer[i + shift], y = shorter[i];
    if (x != y && x != 1 && y != 1) {
      fail<ShapeError>(
          op, "got shapes [{}] and [{}], expected sizes that are equal or 1 from the last dim on",
          fmt::join(a, ", "), fmt::join(b, ", "));
    }
    result[static_cast<int>(i + shift)] = x == 1 ? y : x;
  }
  return result;
}

Layout expand(const char* op, const Layout& x, std::span<const Index> sizes) {
  const int rank = static_cast<int>(sizes.size()), shift = rank - x.rank();
  bool fits = shift >= 0;
  Layout y{Shape(sizes), Shape::filled(rank, 0), x.offset};
  for (int d = 0; fits && d < rank; ++d) {
    if (d < shift) {
      fits = y.sizes[d] >= 0;
    } else {
      const Index have = x.sizes[d - shift];
      if (y.sizes[d] == -1) y.sizes[d] = have;
      fits = y.sizes[d] >= 0 && (have == y.sizes[d] || have == 1);
      y.strides[d] = have == y.sizes[d] ? x.strides[d - shift] : 0;
    }
  }
  if (!fits) {
    fail<ShapeError>(op, "got shape [{}], expected one that expands to [{}]",
                     fmt::join(x.sizes, ", "), fmt::join(sizes, ", "));
  }
  checked_numel(op, y.sizes);
  return y;
}

Shape infer_size(const char* op, std::span<const Index> sizes, Index count) {
  Shape result(sizes);
  int hole = -1;
  Index known = 1;
  bool valid = true;
  for (int d = 0; d < result.size(); ++d) {
    if (result[d] == -1) {
      valid &= hole < 0;
      hole = d;
    } else {
      valid &= result[d] >= 0 && !__builtin_mul_overflow(known, result[d], &known);
    }
  }
  if (valid && hole >= 0) {
    valid = known != 0 && count % known == 0;
    if (valid) result[hole] = count / known;
  } else {
    valid = valid && known == count;
  }
  if (!valid) {
    fail<ShapeError>(op, "got shape [{}], expected one of {} elements with at most one -1",
                     fmt::join(sizes, ", "), count);
  }
  return result;
}

std::optional<Layout> reshape(const Layout& x, std::span<const Index> sizes) {
  Layout y{Shape(sizes), contiguous_strides(sizes), x.offset};
  if (is_contiguous(x.sizes, x.strides)) return y;
  // Walk both from the last dimension: a run of x that steps evenly serves a group of y's
  // dimensions.
  int to = y.rank() - 1;
  Index run = 1, base = x.rank() ? x.strides.back() : 1;
  for (int d = x.rank() - 1; d >= 0; --d) {
    run *= x.sizes[d];
    const bool ends = d == 0 || (x.sizes[d - 1] != 1 && x.strides[d - 1] != run * base);
    if (!ends) continue;
    Index filled = 1;
    while (to >= 0 && (filled < run || y.sizes[to] == 1)) {
      y.strides[to] = base * filled;
      filled *= y.sizes[to--];
    }
    if (filled != run) return std::nullopt;
    if (d > 0) {
      base = x.strides[d - 1];
      run = 1;
    }
  }
  if (to >= 0) return std::nullopt;
  return y;
}

Layout permute(const char* op, const Layout& x, std::span<const Index> dims) {
  Layout y{Shape::filled(x.rank(), 0), Shape::filled(x.rank(), 0), x.offset};
  unsigned seen = 0;
  bool valid = static_cast<int>(dims.size()) == x.rank();
  for (int i = 0; valid && i < x.rank(); ++i) {
    const int d = wrap_dim(op, dims[static_cast<std::size_t>(i)], x.rank());
    valid = !(seen >> d & 1u);
    seen |= 1u << d;
    y.sizes[i] = x.sizes[d];
    y.strides[i] = x.strides[d];
  }
  if (!valid) {
    fail<ShapeError>(op, "got dims [{}], expected each of the {} dims once", fmt::join(dims, ", "),
                     x.rank());
  }
  return y;
}

Layout transpose(const Layout& x, int a, int b) {
  Layout y = x;
  if (x.rank() == 0) return y;
  std::swap(y.sizes[a], y.sizes[b]);
  std::swap(y.strides[a], y.strides[b]);
  return y;
}

Layout select(const char* op, const Layout& x, int dim, Index index) {
  if (x.rank() == 0) fail<IndexError>(op, "got a 0-d tensor, expected at least 1 dimension");
  const Index n = x.sizes[dim];
  if (index < -n || index >= n) {
    fail<IndexError>(op, "got index {} in dim {} of size {}, expected one in [{}, {})", index, dim,
                     n, -n, n);
  }
  Layout y = x;
  y.offset += (index < 0 ? index + n : index) * x.strides[dim];
  y.sizes.erase(dim);
  y.strides.erase(dim);
  return y;
}

Layout slice(const char* op, const Layout& x, int dim, std::optional<Index> start,
             std::optional<Index> stop, Index step) {
  if (x.rank() == 0) fail<IndexError>(op, "got a 0-d tensor, expected at least 1 dimension");
  if (step == 0) fail<ValueError>(op, "got step 0, expected another");
  const Index n = x.sizes[dim], low = step > 0 ? 0 : -1, high = step > 0 ? n : n - 1;
  const auto bound = [&](std::optional<Index> v, Index missing) {
    if (!v) return missing;
    return std::clamp(*v < 0 ? *v + n : *v, low, high);
  };
  const Index first = bound(start, step > 0 ? low : high),
              last = bound(stop, step > 0 ? high : low);
  const Index distance = step > 0 ? last - first : first - last;
  // The magnitude of the most negative step fits only unsigned.
  const auto stride =
      step > 0 ? static_cast<std::uint64_t>(step) : ~static_cast<std::uint64_t>(step) + 1;
  Layout y = x;
  y.sizes[dim] = distance <= 0
                     ? 0
                     : static_cast<Index>((static_cast<std::uint64_t>(distance) - 1) / stride) + 1;
  if (y.sizes[dim] > 0) y.offset += first * x.strides[dim];
  y.strides[dim] = y.sizes[dim] > 1 ? x.strides[dim] * step : x.strides[dim];
  return y;
}

Layout squeeze(const Layout& x, int dim) {
  Layout y = x;
  if (x.rank() > 0 && x.sizes[dim] == 1) {
    y.sizes.erase(dim);
    y.strides.erase(dim);
  }
  return y;
}

Layout unsqueeze(const Layout& x, int dim) {
  Layout y = x;
  const Index stride = dim < x.rank() ? x.sizes[dim] * x.strides[dim] : 1;
  y.sizes.insert(dim, 1);
  y.strides.insert(dim, stride);
  return y;
}

namespace {
// As far as an Index goes: what is beyond lies in no storage.
Index furthest(bool negative) {
  return negative ? std::numeric_limits<Index>::min() : std::numeric_limits<Index>::max();
}
Index product(Index a, Index b) {
  Index y;
  return __builtin_mul_overflow(a, b, &y) ? furthest((a < 0) != (b < 0)) : y;
}
Index sum(Index a, Index b) {
  Index y;
  return __builtin_add_overflow(a, b, &y) ? furthest(b < 0) : y;
}
}  // namespace

Extent extent(const Layout& x) {
  Extent e{x.offset, x.offset};
  for (int d = 0; d < x.rank(); ++d) {
    if (x.sizes[d] == 0) return {0, -1};
    const Index reach = product(x.sizes[d] - 1, x.strides[d]);
    Index& end = reach < 0 ? e.low : e.high;
    end = sum(end, reach);
  }
  return e;
}

}  // namespace weft
