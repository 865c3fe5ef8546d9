#include <weft/ops/grid.h>

#include <algorithm>
#include <cstring>

#include <weft/core/check.h>
#include <weft/ops/elementwise.h>
#include <weft/ops/make.h>
#include <weft/ops/one_device.h>

namespace weft {
namespace {

void check_axes(std::span<const Tensor> tensors) {
  for (const Tensor& t : tensors) {
    if (t.get("meshgrid").sizes.size() > 1)
      fail<ShapeError>("meshgrid", "got a tensor of {} dimensions, expected vectors", t.dim());
    if (t.dtype() != tensors[0].dtype()) {
      fail<DTypeError>("meshgrid", "got {} and {}, expected one dtype", tensors[0].dtype(),
                       t.dtype());
    }
    detail::check_one_device("meshgrid", tensors[0], t);
  }
}

// Which elements of a matrix lie at most `diagonal` columns right of the main diagonal.
Tensor below(Index rows, Index columns, Index diagonal, Device device) {
  const Options options = Options(DType::I64).device(device);
  const Index far = std::max(rows, columns);
  return arange(columns, options) <=
         arange(rows, options).unsqueeze(1) + std::clamp<Index>(diagonal, -far - 1, far);
}

Tensor kept(const char* op, const Tensor& x, Index diagonal, bool lower) {
  if (x.get(op).sizes.size() < 2)
    fail<ShapeError>(op, "got {} dimensions, expected at least 2", x.dim());
  const Tensor mask = below(x.size(-2), x.size(-1), diagonal, x.device());
  const Tensor none = zeros({}, x.options());
  return lower ? where(mask, x, none) : where(mask, none, x);
}

Tensor indices(const Tensor& mask, const Options& options) {
  const Tensor found = mask.nonzero().t().contiguous();
  return options.has_dtype() ? found.to(options.dtype()) : found;
}

void check_sizes(const char* op, Index rows, Index columns) {
  if (rows < 0 || columns < 0)
    fail<ValueError>(op, "got {} rows and {} columns, expected 0 or more", rows, columns);
}

}  // namespace

std::vector<Tensor> meshgrid(std::span<const Tensor> tensors, const char* indexing) {
  const bool swap = std::strcmp(indexing, "xy") == 0;
  if (!swap && std::strcmp(indexing, "ij") != 0)
    fail<ValueError>("meshgrid", "got indexing '{}', expected 'ij' or 'xy'", indexing);
  if (tensors.empty()) fail<ValueError>("meshgrid", "got no tensors, expected at least 1");
  check_axes(tensors);
  Shape sizes;
  for (const Tensor& t : tensors) sizes.push_back(t.numel());
  const auto n = static_cast<Index>(tensors.size());
  std::vector<Tensor> grids;
  for (Index i = 0; i < n; ++i) {
    Shape own = Shape::filled(static_cast<int>(n), 1);
    own[static_cast<int>(i)] = sizes[static_cast<int>(i)];
    const Tensor grid = tensors[static_cast<std::size_t>(i)].view(own).expand(sizes);
    grids.push_back(swap && n > 1 ? grid.transpose(0, 1) : grid);
  }
  return grids;
}

Tensor tril(const Tensor& x, Index diagonal) { return kept("tril", x, diagonal, true); }
Tensor triu(const Tensor& x, Index diagonal) { return kept("triu", x, diagonal - 1, false); }

Tensor& tril_(Tensor& x, Index diagonal) { return x.copy_(kept("tril_", x, diagonal, true)); }
Tensor& triu_(Tensor& x, Index diagonal) { return x.copy_(kept("triu_", x, diagonal - 1, false)); }
Tensor tril_indices(Index rows, Index columns, Index offset, const Options& options) {
  check_sizes("tril_indices", rows, columns);
  return indices(below(rows, columns, offset, options.device()), options);
}
Tensor triu_indices(Index rows, Index columns, Index offset, const Options& options) {
  check_sizes("triu_indices", rows, columns);
  return indices(logical_not(below(rows, columns, offset - 1, options.device())), options);
}

Tensor atleast_1d(const Tensor& x) { return x.get("atleast_1d").sizes.empty() ? x.view(1) : x; }
Tensor atleast_2d(const Tensor& x) {
  x.get("atleast_2d");
  return x.dim() < 2 ? atleast_1d(x).unsqueeze(0) : x;
}
Tensor atleast_3d(const Tensor& x) {
  x.get("atleast_3d");
  return x.dim() < 3 ? atleast_2d(x).unsqueeze(-1) : x;
}

}  // namespace weft
