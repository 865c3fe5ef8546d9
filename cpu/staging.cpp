#include <weft/cpu/staging.h>

#include <weft/cpu/elementwise.h>

namespace weft::cpu {
namespace {

void dense_strides(const View& view, Order order, Index* stride) {
  static constexpr int channels_last[] = {1, 3, 2, 0};
  Index step = 1;
  for (int i = 0; i < view.rank; ++i) {
    const int d = order == Order::Rows ? view.rank - 1 - i : channels_last[i];
    stride[d] = step;
    step *= view.size[d];
  }
}

bool fits(const View& view, DType dtype, Order order) {
  return view.dtype == dtype && (has_order(view, order) || !view.data);
}

}  // namespace

bool has_order(const View& view, Order order) {
  if (order == Order::ChannelsTogether) return view.size[1] == 1 || view.stride[1] == 1;
  Index stride[kMaxRank];
  dense_strides(view, order, stride);
  for (int d = 0; d < view.rank; ++d) {
    if (view.size[d] != 1 && view.stride[d] != stride[d]) return false;
  }
  return true;
}

void copy_view(const View& dst, const View& src) { copy(make_loop(dst.sizes(), {dst, src})); }

void fill_zero(const View& view) {
  const std::uint64_t zero = 0;
  fill(make_loop(view.sizes(), {view}), &zero);
}

Staged::Staged(const View& outer, DType dtype, Order order)
    : outer_(outer),
      inner_(outer),
      scratch_(
          fits(outer, dtype, order) ? 0 : static_cast<std::size_t>(numel(outer)) * size_of(dtype)) {
  if (fits(outer, dtype, order)) return;
  dense_strides(outer, order, stride_);
  inner_ = {scratch_.as<void>(), outer.size, stride_, outer.rank, dtype};
}

}  // namespace weft::cpu
