#include <weft/core/order_key.h>
#include <weft/cuda/number.h>
#include <weft/cuda/sort.h>
#include <weft/cuda/tables.h>

// Rows in order: all elements are sorted by what they are, then, stably, by their row.
namespace weft::cuda {
namespace {

struct ByElement {
  const char* x;
  DType dtype;
  bool descending;
  Index* key;
  WEFT_HD void operator()(Index i) const {
    const char* at = x + i * static_cast<Index>(size_of(dtype));
    const Index k =
        is_floating(dtype) ? order_key(load<double>(at, dtype)) : order_key(load<Int>(at, dtype).v);
    key[i] = descending ? ~k : k;
  }
};
struct ByRow {
  const Index* order;
  Index length;
  Index* key;
  WEFT_HD void operator()(Index i) const { key[i] = order[i] / length; }
};
struct WriteFirst {
  const Index *order, *row_order;
  Index length, wanted;
  Index* to;
  WEFT_HD void operator()(Index i) const {
    const Index row = i / wanted, j = i % wanted;
    to[i] = order[row_order[row * length + j]] % length;
  }
};

}  // namespace

void order(const View& out, const View& x, bool descending) {
  const Index rows = x.size[0], n = x.size[1], k = out.size[1];
  if (rows * k == 0) return;
  const SortedKeys elements(rows * n);
  for_each("sort", rows * n,
           ByElement{x.as<const char>(), x.dtype, descending, elements.unsorted()});
  elements.sort("sort");
  const SortedKeys by_row(rows * n);
  for_each("sort", rows * n, ByRow{elements.order(), n, by_row.unsorted()});
  by_row.sort("sort");
  for_each("sort", rows * k, WriteFirst{elements.order(), by_row.order(), n, k, out.as<Index>()});
}

}  // namespace weft::cuda
