#include <algorithm>

#include <weft/autograd/record.h>
#include <weft/core/check.h>
#include <weft/ops/autocast.h>
#include <weft/ops/choice.h>
#include <weft/ops/kernels.h>
#include <weft/ops/make.h>
#include <weft/ops/shape.h>

// Tensors within a border.
namespace weft {

using namespace autograd;

namespace {

// Sizes of x with amounts added; throws where one becomes negative.
Shape padded_sizes(const Tensor& x, const Shape& amounts) {
  Shape sizes = x.get("pad").sizes;
  if (amounts.size() % 2 != 0 || amounts.size() > 2 * sizes.size()) {
    fail<ShapeError>("pad", "got {} amounts for {} dimensions, expected two for each of the last",
                     amounts.size(), sizes.size());
  }
  for (int i = 0; i < amounts.size() / 2; ++i) {
    Index& s = sizes[sizes.size() - 1 - i];
    const Index low = amounts[2 * i], high = amounts[2 * i + 1];
    Index padded = 0;
    const bool beyond =
        __builtin_add_overflow(low, high, &padded) || __builtin_add_overflow(s, padded, &padded);
    if (beyond || s + std::min<Index>(low, 0) < 0 || padded < 0) {
      fail<ShapeError>("pad",
                       "got amounts {} and {} for dim {} of size {}, expected no more cut off than "
                       "there is, and no more added than a size holds",
                       low, high, sizes.size() - 1 - i, s);
    }
    s = padded;
  }
  return sizes;
}

// Copies what lies inside both x and y, where y begins `low` before x in every dimension.
void copy_common(const Tensor& y, const Tensor& x, const Shape& amounts) {
  Layout to = y.layout(), from = x.layout();
  const int rank = to.rank();
  for (int i = 0; i < amounts.size() / 2; ++i) {
    const int d = rank - 1 - i;
    const Index low = amounts[2 * i], skip = std::max<Index>(-low, 0),
                start = std::max<Index>(low, 0);
    const Index n = std::min(from.sizes[d] - skip, to.sizes[d] - start);
    from.offset += skip * from.strides[d];
    to.offset += start * to.strides[d];
    from.sizes[d] = to.sizes[d] = std::max<Index>(n, 0);
  }
  if (numel(to.sizes) == 0) return;
  const Tensor a = make_alias(y, to), b = make_alias(x, from);
  kernels(y.device()).copy(make_loop(to.sizes, {a.view(), b.view()}));
}

}  // namespace

Tensor pad(const Tensor& x, const Shape& amounts, const Scalar& value) {
  const Shape sizes = padded_sizes(x, amounts);
  Tensor y = make_tensor(sizes, dense_strides(sizes, x.strides()), x.dtype(), x.device());
  y.fill_(value);
  copy_common(y, x, amounts);
  if (recording(x)) {
    Shape back = amounts;
    for (Index& a : back) a = -a;
    record("pad", y, {x},
           [back](Tensor& g, Gradients& in) { in.set(0, [&] { return pad(g, back); }); });
  }
  return y;
}

namespace {

// Throws where a border of dim d reaches beyond what there is to take it from.
void check_border(PadMode mode, int d, Index n, Index low, Index high) {
  const Index reach = mode == PadMode::Reflect ? n - 1 : n,
              kept = n + std::min<Index>(low, 0) + std::min<Index>(high, 0);
  const bool fits = mode == PadMode::Replicate ? n > 0 : std::max(low, high) <= reach;
  if (fits && (mode != PadMode::Circular || kept > 0 || n + low + high == 0)) return;
  fail<ShapeError>("pad", "got amounts {} and {} for dim {} of size {}, expected {}", low, high, d,
                   n,
                   mode == PadMode::Reflect    ? "at most one less than the size"
                   : mode == PadMode::Circular ? "at most the size, and something kept"
                                               : "something to repeat");
}

// Where each index of a dim of n comes from, with its border.
std::vector<Index> sources(PadMode mode, Index n, Index low, Index high) {
  const Index first = std::max<Index>(-low, 0), kept = n + std::min<Index>(high, 0) - first;
  std::vector<Index> from;
  for (Index i = -low; i < n + high; ++i) {
    switch (mode) {
      case PadMode::Reflect: from.push_back(i < 0 ? -i : i < n ? i : 2 * (n - 1) - i); break;
      case PadMode::Replicate: from.push_back(std::clamp<Index>(i, 0, n - 1)); break;
      default: from.push_back(first + ((i - first) % kept + kept) % kept);
    }
  }
  return from;
}

// x's dims in the order in which they lie in memory.
Shape memory_order(const Tensor& x) {
  Shape order;
  for (int d = 0; d < x.dim(); ++d) order.push_back(d);
  std::stable_sort(order.begin(), order.end(), [&](Index a, Index b) {
    return std::abs(x.strides()[static_cast<int>(a)]) > std::abs(x.strides()[static_cast<int>(b)]);
  });
  return order;
}

// The indices `from` of dim d, a copy.
Tensor taken(const Tensor& x, int d, const std::vector<Index>& from) {
  detail::Choice c;
  c.count = 1;
  c.dim[0] = d;
  c.index[0] = tensor(from).to(x.device());
  c.sizes = c.index[0].sizes();
  return detail::take("pad", x, c);
}

Tensor with_border(const Tensor& x, const Shape& amounts, PadMode mode) {
  const Shape order = memory_order(x);
  const bool sorted = std::is_sorted(order.begin(), order.end());
  Tensor y = sorted ? x : x.permute(order);
  Shape back = order;
  for (int at = 0; at < x.dim(); ++at) {
    const auto d = static_cast<int>(order[at]);
    back[d] = at;
    const int i = x.dim() - 1 - d;
    if (i >= amounts.size() / 2) continue;
    const Index low = amounts[2 * i], high = amounts[2 * i + 1];
    if (low != 0 || high != 0) y = taken(y, at, sources(mode, x.sizes()[d], low, high));
  }
  return sorted ? y : y.permute(back);
}

}  // namespace

Tensor pad(const Tensor& x, const Shape& amounts, PadMode mode, const Scalar& value) {
  if (mode == PadMode::Constant) return pad(x, amounts, value);
  padded_sizes(x, amounts);
  if (autocasting() && mode != PadMode::Circular) {
    const AutocastPause pause;
    return pad(widened(x), amounts, mode);
  }
  bool any = false;
  for (int i = 0; i < amounts.size() / 2; ++i) {
    const int d = x.dim() - 1 - i;
    const Index low = amounts[2 * i], high = amounts[2 * i + 1];
    if (low == 0 && high == 0) continue;
    check_border(mode, d, x.sizes()[d], low, high);
    any = true;
  }
  return any ? with_border(x, amounts, mode) : x.clone();
}

}  // namespace weft
