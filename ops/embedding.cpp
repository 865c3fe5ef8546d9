#include <weft/ops/embedding.h>

#include <weft/autograd/record.h>
#include <weft/core/check.h>
#include <weft/ops/choice.h>
#include <weft/ops/make.h>

namespace weft {

using namespace autograd;

namespace {

Index padding_row(Index i, Index rows) {
  if (i < -rows || i >= rows) {
    fail<ValueError>("embedding", "got padding_idx {} for {} rows, expected {} to {}", i, rows,
                     -rows, rows - 1);
  }
  return i < 0 ? i + rows : i;
}

Tensor without_row(const Tensor& weight, Index row) {
  // Its gradient skips the row; the values are weight's own.
  Tensor y = make_alias(weight, weight.layout());
  if (recording(weight)) {
    record("embedding_padding", y, {weight}, [row](Tensor& g, Gradients& in) {
      in.set(0, [&] {
        Tensor gw = g.clone();
        gw.select(0, row).zero_();
        return gw;
      });
    });
  }
  return y;
}

}  // namespace

Tensor embedding(const Tensor& weight, const Tensor& index, std::optional<Index> padding_idx) {
  if (weight.get("embedding").sizes.size() != 2) {
    fail<ShapeError>("embedding", "got a weight of shape [{}], expected 2 dimensions",
                     fmt::join(weight.sizes(), ", "));
  }
  const detail::Choice rows = detail::choose("embedding", weight, 0, index);
  if (!padding_idx) return detail::take("embedding", weight, rows);
  return detail::take("embedding", without_row(weight, padding_row(*padding_idx, weight.size(0))),
                      rows);
}

}  // namespace weft
