#include <weft/ops/shape.h>

#include <weft/python/src/operations.h>

// Shapes: views where the memory allows it, joins and parts.
namespace weft::python {
namespace {

// The functions whose methods take their sizes one by one (methods.cpp).
void bind_functions(py::module_& m) {
  m.def(
      "reshape", [](const Tensor& x, const Shape& shape) { return x.reshape(shape); },
      "The elements in another shape, a view where the memory allows it; one size may be -1. "
      "ShapeError where the elements do not fill it.\n\n"
      ">>> weft.reshape(weft.arange(6), (2, -1))\n"
      "tensor([[0, 1, 2],\n"
      "        [3, 4, 5]])",
      input(), "shape"_a, Released());
  m.def(
      "permute", [](const Tensor& x, const Shape& dims) { return x.permute(dims); },
      "A view with the dimensions in another order.\n\n"
      ">>> weft.permute(weft.zeros(2, 3, 4), (2, 0, 1)).shape\n"
      "weft.Size([4, 2, 3])",
      input(), "dims"_a);
  m.def(
      "flip", [](const Tensor& x, const Shape& dims) { return x.flip(dims); },
      "A copy with the order of the elements reversed along dims.\n\n"
      ">>> weft.flip(weft.tensor([[1, 2], [3, 4]]), 1)\n"
      "tensor([[2, 1],\n"
      "        [4, 3]])",
      input(), "dims"_a, Released());
  m.def(
      "tile", [](const Tensor& x, const Shape& dims) { return tile(x, dims); },
      "A copy of the tensor so many times along each dim. What dims or the tensor lack in front "
      "counts as 1.\n\n"
      ">>> weft.tile(weft.tensor([1, 2]), (2, 2))\n"
      "tensor([[1, 2, 1, 2],\n"
      "        [1, 2, 1, 2]])",
      input(), "dims"_a, Released());
  def_both(
      m, "roll",
      [](const Tensor& x, const Shape& shifts, const Shape& dims) { return roll(x, shifts, dims); },
      "A copy whose elements are moved by shifts along dims (ints or sequences of as many): what "
      "leaves at the end comes back in front. Without dims one shift moves the elements of the "
      "flattened tensor.\n\n"
      ">>> weft.roll(weft.tensor([1, 2, 3]), 1)\n"
      "tensor([3, 1, 2])\n"
      ">>> weft.roll(weft.tensor([[1, 2], [3, 4]]), 1, dims=0)\n"
      "tensor([[3, 4],\n"
      "        [1, 2]])",
      input(), "shifts"_a, "dims"_a = py::tuple(), Released());
  m.def(
      "t", [](const Tensor& x) { return x.t(); },
      "The transpose of a matrix, a view. A vector stays itself.\n\n"
      ">>> weft.t(weft.tensor([[1, 2], [3, 4]]))\n"
      "tensor([[1, 3],\n"
      "        [2, 4]])",
      input());
  m.def(
      "detach", [](const Tensor& x) { return x.detach(); },
      "The same memory as a tensor that the tape does not know.\n\n"
      ">>> x = weft.ones(2, requires_grad=True)\n"
      ">>> weft.detach(x * 2).requires_grad\n"
      "False",
      input());
}

void bind_dims(py::module_& m) {
  def_both(
      m, "flatten", [](const Tensor& x, Index start, Index end) { return x.flatten(start, end); },
      "The dimensions from start_dim to end_dim as one, a view where the memory allows it.\n\n"
      ">>> weft.flatten(weft.zeros(2, 3, 4), start_dim=1).shape\n"
      "weft.Size([2, 12])",
      input(), "start_dim"_a = 0, "end_dim"_a = -1);
  def_both(
      m, "unflatten",
      [](const Tensor& x, Index dim, const Shape& sizes) { return x.unflatten(dim, sizes); },
      "One dimension as several, whose product is its size; one size may be -1.\n\n"
      ">>> weft.unflatten(weft.zeros(2, 12), 1, (3, -1)).shape\n"
      "weft.Size([2, 3, 4])",
      input(), "dim"_a, "sizes"_a);
  const char* squeezed =
      "A view without the dimensions of size 1: all of them, or those of dim (an int or several). "
      "Dims of another size stay.\n\n"
      ">>> weft.squeeze(weft.zeros(1, 3, 1)).shape\n"
      "weft.Size([3])\n"
      ">>> weft.squeeze(weft.zeros(1, 3, 1), 0).shape\n"
      "weft.Size([3, 1])";
  def_both(
      m, "squeeze", [](const Tensor& x) { return x.squeeze(); }, squeezed, input());
  def_both(
      m, "squeeze", [](const Tensor& x, const Shape& dim) { return x.squeeze(dim); }, "", input(),
      "dim"_a.none(false));
  def_both(
      m, "unsqueeze", [](const Tensor& x, Index dim) { return x.unsqueeze(dim); },
      "A view with a dimension of size 1 put before dim.\n\n"
      ">>> weft.unsqueeze(weft.zeros(2, 3), -1).shape\n"
      "weft.Size([2, 3, 1])",
      input(), "dim"_a);
  def_both(
      m, "transpose", [](const Tensor& x, Index a, Index b) { return x.transpose(a, b); },
      "A view with two dimensions swapped.\n\n"
      ">>> weft.transpose(weft.tensor([[1, 2, 3], [4, 5, 6]]), 0, 1)\n"
      "tensor([[1, 4],\n"
      "        [2, 5],\n"
      "        [3, 6]])",
      input(), "dim0"_a, "dim1"_a);
  def_both(
      m, "movedim", [](const Tensor& x, Index from, Index to) { return x.movedim(from, to); },
      "A view with one dimension moved to another place.\n\n"
      ">>> weft.movedim(weft.zeros(2, 3, 4), 0, -1).shape\n"
      "weft.Size([3, 4, 2])",
      input(), "source"_a, "destination"_a);
  def_both(
      m, "as_strided",
      [](const Tensor& x, const Shape& size, const Shape& stride, std::optional<Index> offset) {
        return x.as_strided(size, stride, offset);
      },
      "A view of the same storage with these sizes, strides and offset, in elements; ShapeError "
      "where it would reach outside.\n\n"
      ">>> weft.as_strided(weft.arange(5), (3, 2), (1, 1))\n"
      "tensor([[0, 1],\n"
      "        [1, 2],\n"
      "        [2, 3]])",
      input(), "size"_a, "stride"_a, "storage_offset"_a = py::none());
}

void bind_like() {
  def_method(
      "view_as", [](const Tensor& x, const Tensor& other) { return x.view_as(other); },
      "view() in other's shape.", py::arg("other").none(false));
  def_method(
      "expand_as", [](const Tensor& x, const Tensor& other) { return x.expand_as(other); },
      "expand() to other's shape.", py::arg("other").none(false));
  def_method(
      "reshape_as", [](const Tensor& x, const Tensor& other) { return x.reshape(other.sizes()); },
      "reshape() in other's shape.", py::arg("other").none(false), Released());
}

void bind_parts(py::module_& m) {
  def_both(
      m, "select", [](const Tensor& x, Index dim, Index index) { return x.select(dim, index); },
      "The view at one index of dim, which the result lacks.\n\n"
      ">>> weft.select(weft.tensor([[1, 2], [3, 4]]), 1, 0)\n"
      "tensor([1, 3])",
      input(), "dim"_a, "index"_a);
  def_both(
      m, "narrow",
      [](const Tensor& x, Index dim, Index start, Index length) {
        return x.narrow(dim, start, length);
      },
      "The view of `length` indices of dim from start on.\n\n"
      ">>> weft.narrow(weft.arange(5), 0, 1, 3)\n"
      "tensor([1, 2, 3])",
      input(), "dim"_a, "start"_a, "length"_a);
  const auto split = [](const Tensor& x, const std::variant<Index, Shape>& sizes, Index dim) {
    const Index* size = std::get_if<Index>(&sizes);
    return py::tuple(py::cast(size ? x.split(*size, dim) : x.split(std::get<Shape>(sizes), dim)));
  };
  const char* doc =
      "Views of parts along dim: of so many indices each (the last may be smaller), or of these "
      "sizes, whose sum is the dimension's.\n\n"
      ">>> weft.split(weft.arange(5), 2)\n"
      "(tensor([0, 1]), tensor([2, 3]), tensor([4]))\n"
      ">>> weft.split(weft.arange(5), [1, 4])\n"
      "(tensor([0]), tensor([1, 2, 3, 4]))";
  m.def("split", split, doc, input(), "split_size_or_sections"_a, "dim"_a = 0);
  def_method("split", split, doc, "split_size"_a, "dim"_a = 0);
  def_both(
      m, "chunk",
      [](const Tensor& x, Index chunks, Index dim) {
        return py::tuple(py::cast(x.chunk(chunks, dim)));
      },
      "At most `chunks` views of equal parts along dim; the last may be smaller.\n\n"
      ">>> weft.chunk(weft.arange(5), 2)\n"
      "(tensor([0, 1, 2]), tensor([3, 4]))",
      input(), "chunks"_a, "dim"_a = 0);
  def_both(
      m, "unbind", [](const Tensor& x, Index dim) { return py::tuple(py::cast(x.unbind(dim))); },
      "The views at each index of dim. A tuple of tensors without that dimension.\n\n"
      ">>> weft.unbind(weft.tensor([[1, 2], [3, 4]]))\n"
      "(tensor([1, 2]), tensor([3, 4]))",
      input(), "dim"_a = 0);
}

// None among tensors is a mistake.
std::span<const Tensor> defined(const char* name, const std::vector<Tensor>& tensors) {
  for (const Tensor& t : tensors) {
    if (!t.defined())
      throw py::type_error(std::string(name) + "(): got None among tensors, expected tensors");
  }
  return tensors;
}

void bind_joins(py::module_& m) {
  m.def(
      "cat",
      [](const std::vector<Tensor>& tensors, Index dim) {
        return cat(defined("cat", tensors), dim);
      },
      "The tensors joined along dim; their sizes agree in all other dims, their dtypes promote.\n\n"
      ">>> weft.cat([weft.zeros(1, 2), weft.ones(2, 2)]).shape\n"
      "weft.Size([3, 2])",
      "tensors"_a, "dim"_a = 0, Released());
  m.def(
      "stack",
      [](const std::vector<Tensor>& tensors, Index dim) {
        return stack(defined("stack", tensors), dim);
      },
      "The tensors, of one shape, joined along a new dimension dim.\n\n"
      ">>> weft.stack([weft.zeros(2), weft.ones(2)], dim=1)\n"
      "tensor([[0., 1.],\n"
      "        [0., 1.]])",
      "tensors"_a, "dim"_a = 0, Released());
}

}  // namespace

void bind_shapes(py::module_& m) {
  bind_functions(m);
  bind_dims(m);
  bind_like();
  bind_parts(m);
  bind_joins(m);
}

}  // namespace weft::python
