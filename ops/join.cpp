#include <algorithm>

#include <weft/autograd/record.h>
#include <weft/core/check.h>
#include <weft/ops/kernels.h>
#include <weft/ops/make.h>
#include <weft/ops/one_device.h>
#include <weft/ops/shape.h>

// Tensors beside each other: cat, stack.
namespace weft {

using namespace autograd;

namespace {

bool any_recording(std::span<const Tensor> tensors) {
  for (const Tensor& t : tensors) {
    if (recording(t)) return true;
  }
  return false;
}

// The common dtype; throws for an empty list and mixed devices.
DType joined_dtype(const char* op, std::span<const Tensor> tensors) {
  if (tensors.empty()) fail<ValueError>(op, "got no tensors, expected one or more");
  DType dtype = tensors[0].get(op).dtype;
  for (const Tensor& t : tensors) {
    dtype = promote(dtype, t.get(op).dtype);
    detail::check_one_device(op, tensors[0], t);
  }
  return dtype;
}

// Copies x into the part of y that begins at `start` of dim.
void copy_into(const Tensor& y, Layout part, int dim, Index start, const Tensor& x) {
  if (x.numel() == 0) return;
  part.offset += start * part.strides[dim];
  part.sizes = x.sizes();
  const Tensor to = make_alias(y, part);
  kernels(y.device()).copy(make_loop(part.sizes, {to.view(), x.view()}));
}

// Old code begins with an empty 1-d tensor; it joins with anything.
bool is_skipped(const Tensor& t) { return t.dim() == 1 && t.sizes()[0] == 0; }

const Tensor& first_kept(std::span<const Tensor> tensors) {
  for (const Tensor& t : tensors) {
    if (!is_skipped(t)) return t;
  }
  return tensors[0];
}

// The sizes of the result; throws where another size than dim's differs.
Shape joined_sizes(std::span<const Tensor> tensors, int dim) {
  const Tensor& first = first_kept(tensors);
  Shape sizes = first.sizes();
  sizes[dim] = 0;
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    const Tensor& t = tensors[i];
    if (is_skipped(t)) continue;
    Shape rest = t.sizes();
    if (rest.size() == sizes.size()) rest[dim] = sizes[dim];
    if (rest != sizes) {
      fail<ShapeError>("cat",
                       "got shapes [{}] and [{}] (tensor {}), expected equal ones but in dim {}",
                       fmt::join(first.sizes(), ", "), fmt::join(t.sizes(), ", "), i, dim);
    }
    sizes[dim] += t.sizes()[dim];
  }
  return sizes;
}

// Channels last if all are (and could not be taken for contiguous), else contiguous.
Shape joined_strides(std::span<const Tensor> tensors, const Shape& sizes) {
  for (const Tensor& t : tensors) {
    if (is_skipped(t)) continue;
    if (t.dim() != 4 || t.is_contiguous() || !t.is_contiguous(MemoryFormat::ChannelsLast))
      return contiguous_strides(sizes);
  }
  return sizes.size() == 4 ? channels_last_strides(sizes) : contiguous_strides(sizes);
}

}  // namespace

Tensor cat(std::span<const Tensor> tensors, Index dim) {
  const DType dtype = joined_dtype("cat", tensors);
  for (const Tensor& t : tensors) {
    if (t.dim() == 0)
      fail<ShapeError>("cat", "got a 0-d tensor, expected at least one dimension (use stack())");
  }
  const int at = wrap_dim("cat", dim, first_kept(tensors).dim());
  const Shape sizes = joined_sizes(tensors, at);
  Tensor y = make_tensor(sizes, joined_strides(tensors, sizes), dtype, tensors[0].device());
  const Layout whole = y.layout();
  Index start = 0;
  for (const Tensor& t : tensors) {
    if (is_skipped(t)) continue;
    copy_into(y, whole, at, start, t);
    start += t.sizes()[at];
  }
  if (!any_recording(tensors)) return y;
  std::vector<Index> lengths;
  for (const Tensor& t : tensors) lengths.push_back(is_skipped(t) ? -1 : t.sizes()[at]);
  record("cat", y, tensors, [at, lengths = std::move(lengths)](Tensor& g, Gradients& in) {
    Index first = 0;
    for (std::size_t i = 0; i < lengths.size(); ++i) {
      const Index n = std::max<Index>(lengths[i], 0);
      in.set(i, [&] { return lengths[i] < 0 ? zeros(0, g.options()) : g.narrow(at, first, n); });
      first += n;
    }
  });
  return y;
}

Tensor stack(std::span<const Tensor> tensors, Index dim) {
  const DType dtype = joined_dtype("stack", tensors);
  const Shape& each = tensors[0].sizes();
  for (std::size_t i = 1; i < tensors.size(); ++i) {
    if (tensors[i].sizes() != each) {
      fail<ShapeError>("stack", "got shapes [{}] and [{}] (tensor {}), expected equal ones",
                       fmt::join(each, ", "), fmt::join(tensors[i].sizes(), ", "), i);
    }
  }
  const int at = wrap_dim("stack", dim, each.size() + 1);
  Shape sizes = each;
  sizes.insert(at, static_cast<Index>(tensors.size()));
  Tensor y = make_tensor(sizes, contiguous_strides(sizes), dtype, tensors[0].device());
  const Layout whole = y.layout();
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    const Tensor part = make_alias(y, weft::select("stack", whole, at, static_cast<Index>(i)));
    kernels(y.device()).copy(make_loop(each, {part.view(), tensors[i].view()}));
  }
  if (any_recording(tensors)) {
    record("stack", y, tensors, [at](Tensor& g, Gradients& in) {
      for (std::size_t i = 0; i < in.size(); ++i)
        in.set(i, [&] { return g.select(at, static_cast<Index>(i)); });
    });
  }
  return y;
}

}  // namespace weft
