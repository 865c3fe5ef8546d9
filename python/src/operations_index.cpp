#include <weft/ops/index.h>
#include <weft/python/src/index.h>
#include <weft/python/src/operations.h>

// Parts of tensors by index tensors and masks; x[...] is in index.cpp.
namespace weft::python {
namespace {

py::arg index_arg() { return py::arg("index").none(false); }
py::arg mask_arg() { return py::arg("mask").none(false); }

// A number in place of a tensor of the index's sizes.
Tensor source_of(const Operand& o, const Tensor& x, const Tensor& index) {
  if (o.tensor()) return *o.tensor();
  return make_scalar(o.scalar(), x.dtype(), x.device()).expand(index.sizes());
}

py::arg source_arg() { return py::arg("source").none(false); }

void bind_writes(py::module_& m) {
  def_both(
      m, "index_copy",
      [](const Tensor& x, Index dim, const Tensor& i, const Tensor& source) {
        return x.index_copy(dim, i, source);
      },
      "A copy in which index[j] of dim is source's index j; what comes twice keeps the last. "
      "IndexError where an index is out of range.\n\n"
      ">>> weft.index_copy(weft.zeros(3), 0, weft.tensor([2, 0]), weft.tensor([5.0, 7.0]))\n"
      "tensor([7., 0., 5.])",
      input(), "dim"_a, index_arg(), source_arg(), Released());
  def_method(
      "index_copy_",
      [](Tensor& x, Index dim, const Tensor& i, const Tensor& source) {
        return x.index_copy_(dim, i, source);
      },
      "index_copy() in place.", "dim"_a, index_arg(), source_arg(), Released());
  def_both(
      m, "index_fill",
      [](const Tensor& x, Index dim, const Tensor& i, const Operand& value) {
        return x.index_fill(dim, i, number_of(value));
      },
      "A copy in which the indices of dim that a vector names (from the end too) hold value, a "
      "number or a tensor of no dimensions.\n\n"
      ">>> weft.index_fill(weft.zeros(2, 3), 1, weft.tensor([0, -1]), 7)\n"
      "tensor([[7., 0., 7.],\n"
      "        [7., 0., 7.]])",
      input(), "dim"_a, index_arg(), "value"_a, Released());
  def_method(
      "index_fill_",
      [](Tensor& x, Index dim, const Tensor& i, const Operand& value) {
        return x.index_fill_(dim, i, number_of(value));
      },
      "index_fill() in place.", "dim"_a, index_arg(), "value"_a, Released());
}

void bind_gather(py::module_& m) {
  def_both(
      m, "index_select",
      [](const Tensor& x, Index dim, const Tensor& i) { return x.index_select(dim, i); },
      "The indices of dim that a vector (int64 or int32) names, a copy. IndexError where one is "
      "out of range.\n\n"
      ">>> x = weft.tensor([[1, 2], [3, 4], [5, 6]])\n"
      ">>> weft.index_select(x, 0, weft.tensor([2, 0]))\n"
      "tensor([[5, 6],\n"
      "        [1, 2]])",
      input(), "dim"_a, index_arg(), Released());
  def_both(
      m, "index_add",
      [](const Tensor& x, Index dim, const Tensor& i, const Tensor& source, const Scalar& alpha) {
        return x.index_add(dim, i, source, alpha);
      },
      "A copy to which alpha times source's index j along dim is added at index[j]. What comes "
      "twice is added twice.\n\n"
      ">>> weft.index_add(weft.zeros(3), 0, weft.tensor([0, 2, 2]), weft.ones(3))\n"
      "tensor([1., 0., 2.])",
      input(), "dim"_a, index_arg(), source_arg(), py::kw_only(), "alpha"_a = 1, Released());
  def_method(
      "index_add_",
      [](Tensor& x, Index dim, const Tensor& i, const Tensor& source, const Scalar& alpha) {
        return x.index_add_(dim, i, source, alpha);
      },
      "index_add() in place.", "dim"_a, index_arg(), source_arg(), py::kw_only(), "alpha"_a = 1,
      Released());
  def_both(
      m, "gather", [](const Tensor& x, Index dim, const Tensor& i) { return x.gather(dim, i); },
      "y[i, j] = input[index[i, j], j] for dim 0, and so on, of index's sizes. IndexError where an "
      "index is out of range.\n\n"
      ">>> x = weft.tensor([[1, 2], [3, 4]])\n"
      ">>> weft.gather(x, 1, weft.tensor([[1], [0]]))\n"
      "tensor([[2],\n"
      "        [3]])",
      input(), "dim"_a, index_arg(), Released());
}

void bind_scatter(py::module_& m) {
  const auto scatter = [](const Tensor& x, Index dim, const Tensor& i, const Operand& source) {
    return x.scatter(dim, i, source_of(source, x, i));
  };
  def_both(m, "scatter", scatter,
           "A copy in which y[index[i, j], j] = src[i, j] for dim 0, and so on. src is a tensor or "
           "(as value too) a number; what is written twice keeps the last in row-major order.\n\n"
           ">>> weft.scatter(weft.zeros(2, 3), 1, weft.tensor([[2], [0]]), 1.0)\n"
           "tensor([[0., 0., 1.],\n"
           "        [1., 0., 0.]])",
           input(), "dim"_a, index_arg(), "src"_a, Released());
  const auto scatter_value = [](const Tensor& x, Index dim, const Tensor& i, const Operand& value) {
    return x.scatter(dim, i, number_of(value));
  };
  def_both(m, "scatter", scatter_value, "", input(), "dim"_a, index_arg(), "value"_a, Released());
  const auto scatter_in = [](Tensor& x, Index dim, const Tensor& i, const Operand& source) {
    return x.scatter_(dim, i, source_of(source, x, i));
  };
  def_method("scatter_", scatter_in, "scatter() in place.", "dim"_a, index_arg(), "src"_a,
             Released());
  def_method(
      "scatter_",
      [](Tensor& x, Index dim, const Tensor& i, const Operand& value) {
        return x.scatter_(dim, i, number_of(value));
      },
      "", "dim"_a, index_arg(), "value"_a, Released());
  def_both(
      m, "scatter_add",
      [](const Tensor& x, Index dim, const Tensor& i, const Tensor& source) {
        return x.scatter_add(dim, i, source);
      },
      "A copy in which src[i, j] is added to y[index[i, j], j] for dim 0, and so on.\n\n"
      ">>> weft.scatter_add(weft.zeros(3), 0, weft.tensor([0, 2, 2]), weft.ones(3))\n"
      "tensor([1., 0., 2.])",
      input(), "dim"_a, index_arg(), py::arg("src").none(false), Released());
  def_method(
      "scatter_add_",
      [](Tensor& x, Index dim, const Tensor& i, const Tensor& source) {
        return x.scatter_add_(dim, i, source);
      },
      "scatter_add() in place.", "dim"_a, index_arg(), py::arg("src").none(false), Released());
}

void bind_masks(py::module_& m) {
  def_both(
      m, "masked_select", [](const Tensor& x, const Tensor& mask) { return x.masked_select(mask); },
      "The elements where mask (bool) holds, one-dimensional; input and mask broadcast.\n\n"
      ">>> x = weft.tensor([-1.0, 2.0, 3.0])\n"
      ">>> weft.masked_select(x, x > 0)\n"
      "tensor([2., 3.])",
      input(), mask_arg(), Released());
  def_both(
      m, "masked_fill",
      [](const Tensor& x, const Tensor& mask, const Operand& value) {
        return x.masked_fill(mask, number_of(value));
      },
      "value where mask (bool) holds, input elsewhere, of input's dtype.\n\n"
      ">>> x = weft.tensor([-1.0, 2.0, 3.0])\n"
      ">>> weft.masked_fill(x, x < 0, 0.0)\n"
      "tensor([0., 2., 3.])",
      input(), mask_arg(), "value"_a, Released());
  def_method(
      "masked_fill_",
      [](Tensor& x, const Tensor& mask, const Operand& value) {
        return x.masked_fill_(mask, number_of(value));
      },
      "Sets the elements where mask (bool) holds to value.", mask_arg(), "value"_a, Released());
}

void bind_index_put() {
  def_method(
      "index_put_",
      [](Tensor& x, const py::object& indices, const Operand& values, bool accumulate) {
        const auto parts = to_indices(py::tuple(indices).ptr());
        const Tensor source =
            values.tensor() ? *values.tensor() : make_scalar(values.scalar(), x.dtype());
        const Unlocked unlocked;
        return x.index_put_(parts, source, accumulate);
      },
      "x[indices] = values, or x[indices] += values with accumulate, where an element that indices "
      "name twice gets both.",
      "indices"_a, "values"_a, "accumulate"_a = false);
}

}  // namespace

void bind_indexing(py::module_& m) {
  bind_gather(m);
  bind_writes(m);
  bind_scatter(m);
  bind_masks(m);
  bind_index_put();
}

}  // namespace weft::python
