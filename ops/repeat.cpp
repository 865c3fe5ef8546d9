#include <algorithm>
#include <limits>

#include <weft/core/check.h>
#include <weft/ops/shape.h>

namespace weft {
namespace {

void check_repeats(const char* op, const Shape& sizes, const Shape& repeats) {
  if (repeats.size() < sizes.size()) {
    fail<ShapeError>(op, "got repeats [{}] of {} dimensions, expected at least one for each",
                     fmt::join(repeats, ", "), sizes.size());
  }
  const int extra = repeats.size() - sizes.size();
  for (int d = 0; d < repeats.size(); ++d) {
    const Index n = d < extra ? 1 : sizes[d - extra];
    if (repeats[d] < 0 || (n > 0 && repeats[d] > std::numeric_limits<Index>::max() / n)) {
      fail<ShapeError>(op, "got repeats [{}], expected 0 or more that give a size that there is",
                       fmt::join(repeats, ", "));
    }
  }
}

// x, whose rank is that of repeats, so many times along each dim.
Tensor repeated(Tensor x, const Shape& repeats) {
  for (int d = repeats.size() - 1; d >= 0; --d) {
    const Index times = repeats[d];
    if (times == 1) continue;
    Shape sizes = x.sizes();
    Index outside = 1, inside = 1;
    for (int i = 0; i < d; ++i) outside *= sizes[i];
    for (int i = d; i < sizes.size(); ++i) inside *= sizes[i];
    sizes[d] *= times;
    x = x.reshape({outside, 1, inside}).expand({outside, times, inside}).reshape(sizes);
  }
  return x;
}

Tensor rolled(const Tensor& x, Index shift, int dim) {
  const Index n = x.size(dim);
  const Index by = n == 0 ? 0 : (shift % n + n) % n;
  return by == 0 ? x : cat({x.narrow(dim, n - by, by), x.narrow(dim, 0, n - by)}, dim);
}

}  // namespace

Tensor repeat(const Tensor& x, const Shape& repeats) {
  Shape sizes = x.get("repeat").sizes;
  check_repeats("repeat", sizes, repeats);
  while (sizes.size() < repeats.size()) sizes.insert(0, 1);
  const Tensor y = repeated(sizes == x.sizes() ? x : x.reshape(sizes), repeats);
  // A reshape of an expanded tensor may be a view of it.
  const bool shared = y.impl()->storage == x.impl()->storage;
  return shared ? y.clone(MemoryFormat::Contiguous) : y.contiguous();
}

Tensor tile(const Tensor& x, const Shape& dims) {
  Shape repeats = dims;
  const int rank = x.get("tile").sizes.size();
  while (repeats.size() < rank) repeats.insert(0, 1);
  check_repeats("tile", x.sizes(), repeats);
  return repeat(x, repeats);
}

Tensor roll(const Tensor& x, const Shape& shifts, const Shape& dims) {
  const Shape& sizes = x.get("roll").sizes;
  const bool flat = dims.empty();
  if (shifts.size() != std::max(dims.size(), 1)) {
    fail<ValueError>("roll", "got {} shifts and {} dims, expected one of each or a single shift",
                     shifts.size(), dims.size());
  }
  if (!flat && sizes.empty())
    fail<IndexError>("roll", "got dims [{}] of 0 dimensions, expected none", fmt::join(dims, ", "));
  for (Index d : dims) wrap_dim("roll", d, sizes.size());
  Tensor y = flat ? rolled(x.reshape(-1), shifts[0], 0).reshape(sizes) : x;
  for (int i = 0; i < dims.size(); ++i)
    y = rolled(y, shifts[i], wrap_dim("roll", dims[i], sizes.size()));
  return y.impl()->storage == x.impl()->storage ? y.clone() : y;
}

}  // namespace weft
