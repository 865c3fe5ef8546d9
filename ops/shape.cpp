#include <weft/ops/shape.h>

#include <algorithm>

#include <weft/autograd/record.h>
#include <weft/core/check.h>
#include <weft/ops/kernels.h>
#include <weft/ops/make.h>

namespace weft {

using namespace autograd;

namespace {

// A view, with the function that takes its gradient back to x.
template <class Back>
Tensor viewed(const char* op, const Tensor& x, const Layout& layout, Back back) {
  Tensor y = make_view(x, layout);
  y.impl()->weak = x.impl()->weak && layout.rank() == 0;
  if (recording(x)) {
    record(op, y, {x}, [back](Tensor& g, Gradients& in) { in.set(0, [&] { return back(g); }); });
  }
  return y;
}

Tensor view_reshaped(const char* op, const Tensor& x, const Layout& layout) {
  return viewed(op, x, layout, [sizes = x.sizes()](const Tensor& g) { return g.reshape(sizes); });
}

// Zeros of `sizes` with g in a slice of them: what a slice's gradient is.
Tensor embed(const Tensor& g, const Shape& sizes, int dim, Index start, Index step) {
  Tensor y = zeros(sizes, Options(g.dtype()).device(g.device()));
  Layout part = y.layout();
  part.offset += start * part.strides[dim];
  part.strides[dim] *= step;
  part.sizes = g.sizes();
  {
    NoGradGuard no_grad;
    make_alias(y, part).copy_(g);
  }
  if (recording(g)) {
    record("embed", y, {g}, [dim, start, step, n = g.sizes()[dim]](Tensor& gg, Gradients& in) {
      in.set(0, [&] {
        if (n == 0) return gg.narrow(dim, 0, 0);
        const Index last = start + (n - 1) * step;
        const Index stop = last + (step > 0 ? 1 : -1);
        return stop < 0 ? gg.slice(dim, start, std::nullopt, step)
                        : gg.slice(dim, start, stop, step);
      });
    });
  }
  return y;
}

}  // namespace

Tensor Tensor::view(const Shape& shape) const {
  const Shape sizes = infer_size("view", shape, numel());
  const auto layout = weft::reshape(this->layout(), sizes);
  if (!layout) {
    fail<ShapeError>("view",
                     "got shape [{}] and strides [{}], which cannot be seen as [{}] without a "
                     "copy; use reshape()",
                     fmt::join(this->sizes(), ", "), fmt::join(strides(), ", "),
                     fmt::join(sizes, ", "));
  }
  return view_reshaped("view", *this, *layout);
}

namespace {

// The layout of the same bytes in elements of another width; throws where it has none.
Layout rewidened(const Layout& x, Index from, Index to) {
  constexpr auto op = "view";
  if (x.rank() == 0) {
    fail<ShapeError>(op, "got no dimensions for elements of {} bytes in place of {}, expected one",
                     to, from);
  }
  Layout y = x;
  const int last = x.rank() - 1;
  if (x.strides[last] != 1) {
    fail<ShapeError>(op,
                     "got stride {} of the last dim for elements of {} bytes in place of {}, "
                     "expected 1",
                     x.strides[last], to, from);
  }
  for (int d = last; d >= 0; --d) {
    Index& n = d == last ? y.sizes[d] : y.strides[d];
    if (n * from % to != 0) {
      fail<ShapeError>(op,
                       "got {} {} of dim {} for elements of {} bytes in place of {}, expected a "
                       "multiple of {}",
                       d == last ? "size" : "stride", n, d, to, from, to / from);
    }
    n = n * from / to;
  }
  return y;
}

}  // namespace

Tensor Tensor::view_as_dtype(DType wanted) const {
  const TensorImpl& t = get("view");
  const auto from = static_cast<Index>(size_of(t.dtype)), to = static_cast<Index>(size_of(wanted));
  const Layout x = layout(), y = from == to ? x : rewidened(x, from, to);
  if (x.offset * from % to != 0) {
    fail<ShapeError>("view",
                     "got offset {} for elements of {} bytes in place of {}, expected a "
                     "multiple of {}",
                     x.offset, to, from, to / from);
  }
  Tensor view = make_alias(*this, Layout{y.sizes, y.strides, 0});
  view.impl()->data = t.data;
  view.impl()->dtype = wanted;
  return view;
}

Tensor Tensor::reshape(const Shape& shape) const {
  const Shape sizes = infer_size("reshape", shape, numel());
  if (const auto layout = weft::reshape(this->layout(), sizes))
    return view_reshaped("reshape", *this, *layout);
  const Tensor copy = clone(MemoryFormat::Contiguous);
  return view_reshaped("reshape", copy, *weft::reshape(copy.layout(), sizes));
}

Tensor Tensor::flatten(Index start_dim, Index end_dim) const {
  if (dim() == 0) return reshape(1);
  const int first = wrap_dim("flatten", start_dim, dim()),
            last = wrap_dim("flatten", end_dim, dim());
  if (first > last)
    fail<ValueError>("flatten", "got dims {} to {}, expected start_dim not after end_dim",
                     start_dim, end_dim);
  if (first == last) return *this;
  Shape sizes;
  Index joined = 1;
  for (int d = 0; d < dim(); ++d) {
    if (d < first || d > last)
      sizes.push_back(this->sizes()[d]);
    else
      joined *= this->sizes()[d];
    if (d == last) sizes.push_back(joined);
  }
  return reshape(sizes);
}

Tensor Tensor::unflatten(Index d, const Shape& parts) const {
  const int at = wrap_dim("unflatten", d, dim());
  const Shape inferred = infer_size("unflatten", parts, size(at));
  Shape sizes;
  for (int i = 0; i < dim(); ++i) {
    if (i != at)
      sizes.push_back(this->sizes()[i]);
    else
      for (Index s : inferred) sizes.push_back(s);
  }
  return reshape(sizes);
}

Tensor Tensor::squeeze() const {
  Layout y = layout();
  for (int d = y.rank() - 1; d >= 0; --d) y = weft::squeeze(y, d);
  return view_reshaped("squeeze", *this, y);
}

Tensor Tensor::squeeze(const Shape& dims) const {
  bool chosen[kMaxRank] = {};
  for (Index d : dims) chosen[wrap_dim("squeeze", d, dim())] = true;
  Layout y = layout();
  for (int d = y.rank() - 1; d >= 0; --d) {
    if (chosen[d]) y = weft::squeeze(y, d);
  }
  return view_reshaped("squeeze", *this, y);
}

Tensor Tensor::unsqueeze(Index d) const {
  return view_reshaped("unsqueeze", *this,
                       weft::unsqueeze(layout(), wrap_dim("unsqueeze", d, dim() + 1)));
}

Tensor Tensor::transpose(Index dim0, Index dim1) const {
  const int a = wrap_dim("transpose", dim0, dim()), b = wrap_dim("transpose", dim1, dim());
  return viewed("transpose", *this, weft::transpose(layout(), a, b),
                [a, b](const Tensor& g) { return g.transpose(a, b); });
}

Tensor Tensor::t() const {
  if (dim() > 2)
    fail<ShapeError>("t", "got {} dimensions, expected at most 2; use transpose()", dim());
  return dim() < 2 ? *this : transpose(0, 1);
}

Tensor Tensor::permute(const Shape& dims) const {
  const Layout y = weft::permute("permute", layout(), dims);
  Shape inverse = Shape::filled(dims.size(), 0);
  for (int i = 0; i < dims.size(); ++i) inverse[wrap_dim("permute", dims[i], dim())] = i;
  return viewed("permute", *this, y, [inverse](const Tensor& g) { return g.permute(inverse); });
}

Tensor Tensor::movedim(Index source, Index destination) const {
  const int from = wrap_dim("movedim", source, dim()), to = wrap_dim("movedim", destination, dim());
  if (dim() == 0) return view(Shape());
  Shape order;
  for (int d = 0; d < dim(); ++d) {
    if (d != from) order.push_back(d);
  }
  order.insert(to, from);
  return permute(order);
}

Tensor Tensor::expand(const Shape& sizes) const {
  // The engine sums the gradient back over what was repeated.
  return viewed("expand", *this, weft::expand("expand", layout(), sizes),
                [](const Tensor& g) { return g; });
}

Tensor Tensor::select(Index d, Index index) const {
  const int at = wrap_dim("select", d, dim());
  const Layout y = weft::select("select", layout(), at, index);
  const Index i = index < 0 ? index + size(at) : index;
  return viewed("select", *this, y, [sizes = sizes(), at, i](const Tensor& g) {
    return embed(g.unsqueeze(at), sizes, at, i, 1);
  });
}

Tensor Tensor::slice(Index d, std::optional<Index> start, std::optional<Index> stop,
                     Index step) const {
  const int at = wrap_dim("slice", d, dim());
  const Layout x = layout(), y = weft::slice("slice", x, at, start, stop, step);
  const Index stride = x.strides[at];
  // The first element taken, from the offset; a dimension that repeats (stride 0) has just one
  // place.
  Index first = stride != 0 ? (y.offset - x.offset) / stride : 0;
  if (stride == 0 && y.sizes[at] > 0) {
    const Index n = x.sizes[at], from = start.value_or(step > 0 ? 0 : n - 1);
    first = std::clamp(from < 0 ? from + n : from, Index{0}, n - 1);
  }
  return viewed("slice", *this, y, [sizes = x.sizes, at, first, step](const Tensor& g) {
    return embed(g, sizes, at, first, step);
  });
}

Tensor Tensor::narrow(Index d, Index start, Index length) const {
  const int at = wrap_dim("narrow", d, dim());
  const Index n = size(at), first = start < 0 ? start + n : start;
  if (first < 0 || length < 0 || first > n || length > n - first) {
    fail<IndexError>("narrow",
                     "got start {} and length {} in dim {} of size {}, expected a range inside",
                     start, length, d, n);
  }
  return slice(at, first, first + length, 1);
}

std::vector<Tensor> Tensor::split(Index length, Index d) const {
  const int at = wrap_dim("split", d, dim());
  const Index n = size(at);
  if (length < 0 || (length == 0 && n != 0))
    fail<ValueError>("split", "got size {}, expected 1 or more", length);
  std::vector<Tensor> parts;
  for (Index i = 0; i < n; i += length) parts.push_back(narrow(at, i, std::min(length, n - i)));
  if (n == 0) parts.push_back(narrow(at, 0, 0));
  return parts;
}

std::vector<Tensor> Tensor::split(const Shape& lengths, Index d) const {
  const int at = wrap_dim("split", d, dim());
  Index sum = 0;
  for (Index s : lengths) sum += s;
  if (sum != size(at)) {
    fail<ShapeError>("split", "got sizes [{}], expected them to sum to {}",
                     fmt::join(lengths, ", "), size(at));
  }
  std::vector<Tensor> parts;
  Index start = 0;
  for (Index s : lengths) {
    parts.push_back(narrow(at, start, s));
    start += s;
  }
  return parts;
}

std::vector<Tensor> Tensor::chunk(Index chunks, Index d) const {
  if (chunks < 1) fail<ValueError>("chunk", "got {} chunks, expected 1 or more", chunks);
  const int at = wrap_dim("chunk", d, dim());
  const Index n = size(at);
  if (n > 0) return split((n - 1) / chunks + 1, at);
  constexpr Index most = 1 << 16;  // each is a tensor, be there elements or not
  if (chunks > most)
    fail<ValueError>("chunk", "got {} chunks of nothing, expected at most {}", chunks, most);
  std::vector<Tensor> parts;
  for (Index i = 0; i < chunks; ++i) parts.push_back(narrow(at, 0, 0));
  return parts;
}

std::vector<Tensor> Tensor::unbind(Index d) const {
  const int at = wrap_dim("unbind", d, dim());
  std::vector<Tensor> parts;
  for (Index i = 0; i < size(at); ++i) parts.push_back(select(at, i));
  return parts;
}

Tensor Tensor::flip(const Shape& dims) const {
  Layout y = layout();
  bool seen[kMaxRank] = {};
  for (Index d : dims) {
    const int at = wrap_dim("flip", d, dim());
    if (std::exchange(seen[at], true))
      fail<ValueError>("flip", "got dim {} twice, expected each once", d);
    y = weft::slice("flip", y, at, {}, {}, -1);
  }
  Tensor out = make_alias(*this, y).clone();
  if (recording(*this)) {
    record("flip", out, {*this},
           [dims](Tensor& g, Gradients& in) { in.set(0, [&] { return g.flip(dims); }); });
  }
  return out;
}

namespace {

// The gradient of as_strided: every element of g goes where it was read from, in x's own layout.
Tensor scatter_strided(const Tensor& g, const Layout& x, const Layout& part) {
  const Extent xs = extent(x), ps = extent(part);
  const Index low = std::min(xs.low, ps.low), high = std::max(xs.high, ps.high);
  Tensor memory = zeros(high - low + 1, Options(g.dtype()).device(g.device()));
  {
    // Repeated elements add up: over dimensions of stride 0 by a sum, other overlaps one by one.
    NoGradGuard no_grad;
    Layout to = part;
    to.offset -= low;
    Shape repeated;
    for (int d = 0; d < to.rank(); ++d) {
      if (to.strides[d] != 0 || to.sizes[d] == 1) continue;
      repeated.push_back(d);
      to.sizes[d] = 1;
    }
    const Tensor values = repeated.empty() ? g : g.sum(repeated, true);
    if (may_overlap(to.sizes, to.strides)) {
      const Tensor places = make_alias(arange(memory.numel(), memory.device()), to).reshape(-1);
      memory = memory.index_add(0, places, values.reshape(-1));
    } else {
      make_alias(memory, to).copy_(values);
    }
  }
  Layout whole = x;
  whole.offset -= low;
  Tensor y = make_alias(memory, whole);
  if (recording(g)) {
    record("as_strided_backward", y, {g}, [x, part](Tensor& gg, Gradients& in) {
      in.set(0, [&] {
        Tensor copy = make_tensor(x.sizes, x.strides, gg.dtype(), gg.device());
        copy.copy_(gg);
        return copy.as_strided(part.sizes, part.strides, part.offset - x.offset);
      });
    });
  }
  return y;
}

}  // namespace

Tensor Tensor::as_strided(const Shape& sizes, const Shape& strides,
                          std::optional<Index> offset) const {
  const TensorImpl& t = get("as_strided");
  if (sizes.size() != strides.size()) {
    fail<ShapeError>("as_strided", "got {} sizes and {} strides, expected as many", sizes.size(),
                     strides.size());
  }
  checked_numel("as_strided", sizes);
  const Layout x = layout(), y{sizes, strides, offset.value_or(x.offset)};
  const Extent reach = extent(y);
  const auto limit = static_cast<Index>(t.storage->bytes() / size_of(t.dtype));
  if (reach.high >= reach.low && (reach.low < 0 || reach.high >= limit)) {
    fail<IndexError>(
        "as_strided",
        "got sizes [{}], strides [{}] and offset {}, which reach elements {} to {}, expected "
        "them inside the storage's {}",
        fmt::join(sizes, ", "), fmt::join(strides, ", "), y.offset, reach.low, reach.high, limit);
  }
  return viewed("as_strided", *this, y,
                [x, y](const Tensor& g) { return scatter_strided(g, x, y); });
}

}  // namespace weft
