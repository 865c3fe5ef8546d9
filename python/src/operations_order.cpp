#include <weft/core/check.h>
#include <weft/ops/scan.h>
#include <weft/ops/shape.h>
#include <weft/ops/sort.h>
#include <weft/python/src/operations.h>

// Order, and what goes along a dimension element by element.
namespace weft::python {
namespace {

py::arg_v last_dim() { return "dim"_a = -1; }

// f's pair, with the interpreter let go of meanwhile.
template <class F>
py::object named(const py::object& type, F f) {
  std::tuple<Tensor, Tensor> found;
  {
    const Unlocked unlocked;
    found = f();
  }
  return values_and_indices(type, found);
}

void bind_sorts(py::module_& m) {
  const py::object sorted = named_pair("weft.return_types.sort", "Elements and their positions.");
  def_both(
      m, "sort",
      [sorted](const Tensor& x, Index dim, bool descending, bool) {
        return named(sorted, [&] { return sort(x, dim, descending); });
      },
      "The elements along dim in order, a named tuple (values, indices). NaN is the largest; equal "
      "ones stay as they stood, with or without stable.\n\n"
      ">>> weft.sort(weft.tensor([3, 1, 2]), descending=True)\n"
      "weft.return_types.sort(values=tensor([3, 2, 1]), indices=tensor([0, 2, 1]))",
      input(), last_dim(), "descending"_a = false, py::kw_only(), "stable"_a = false);
  def_both(
      m, "argsort",
      [](const Tensor& x, Index dim, bool descending, bool) { return argsort(x, dim, descending); },
      "The positions that sort() gives, int64.\n\n"
      ">>> weft.argsort(weft.tensor([3, 1, 2]))\n"
      "tensor([1, 2, 0])",
      input(), last_dim(), "descending"_a = false, py::kw_only(), "stable"_a = false, Released());
  const py::object top = named_pair("weft.return_types.topk", "Elements and their positions.");
  def_both(
      m, "topk",
      [top](const Tensor& x, Index k, Index dim, bool largest, bool) {
        return named(top, [&] { return topk(x, k, dim, largest); });
      },
      "The k largest (or smallest) elements along dim, a named tuple (values, indices). They come "
      "in order, with or without sorted; of equal ones the first, and NaN is the largest. "
      "IndexError where there are fewer than k.\n\n"
      ">>> weft.topk(weft.tensor([1.0, 5.0, 3.0]), 2).values\n"
      "tensor([5., 3.])",
      input(), "k"_a, last_dim(), "largest"_a = true, "sorted"_a = true);
  const py::object middle = named_pair("weft.return_types.median", "Elements and their positions.");
  def_both(
      m, "median", [](const Tensor& x) { return median(x); },
      "The element in the middle, of two the smaller, or NaN if there is one; with a dim a named "
      "tuple (values, indices) along it. Of all elements equal ones share the gradient. "
      "IndexError where a dim has no elements.\n\n"
      ">>> weft.median(weft.tensor([4, 1, 3, 2]))\n"
      "tensor(2)\n"
      ">>> weft.median(weft.tensor([[4, 1, 3], [1, 2, 9]]), 1).indices\n"
      "tensor([2, 1])",
      input(), Released());
  def_both(
      m, "median",
      [middle](const Tensor& x, Index dim, bool keep) {
        return named(middle, [&] { return median(x, dim, keep); });
      },
      "", input(), "dim"_a, keepdim());
}

using MaybeDType = std::optional<DType>;

// In place no other dtype than the tensor's fits.
void check_own(const char* name, const Tensor& x, MaybeDType t) {
  if (t && *t != x.dtype()) {
    fail<DTypeError>(name, "got dtype {} for a tensor of {}, expected its own", *t, x.dtype());
  }
}

void bind_scans_in_place() {
  def_method(
      "cumsum_",
      [](Tensor& x, Index dim, MaybeDType t) {
        check_own("cumsum_", x, t);
        return cumsum_(x, dim);
      },
      "cumsum() in place, in the tensor's dtype. DTypeError of bool.", "dim"_a, py::kw_only(),
      no_dtype(), Released());
  def_method(
      "cumprod_",
      [](Tensor& x, Index dim, MaybeDType t) {
        check_own("cumprod_", x, t);
        return cumprod_(x, dim);
      },
      "cumprod() in place, in the tensor's dtype. DTypeError of bool.", "dim"_a, py::kw_only(),
      no_dtype(), Released());
}

void bind_scans(py::module_& m) {
  def_both(
      m, "cumsum", [](const Tensor& x, Index dim, MaybeDType t) { return cumsum(x, dim, t); },
      "The sums of all elements along dim up to each; of bool and integers int64. With a dtype the "
      "elements are converted first.\n\n"
      ">>> weft.cumsum(weft.tensor([1, 2, 3]), 0)\n"
      "tensor([1, 3, 6])",
      input(), "dim"_a, py::kw_only(), no_dtype(), Released());
  def_both(
      m, "cumprod", [](const Tensor& x, Index dim, MaybeDType t) { return cumprod(x, dim, t); },
      "The products of all elements along dim up to each; of bool and integers int64. With a dtype "
      "the elements are converted first.\n\n"
      ">>> weft.cumprod(weft.tensor([1, 2, 3]), 0)\n"
      "tensor([1, 2, 6])",
      input(), "dim"_a, py::kw_only(), no_dtype(), Released());
  def_both(
      m, "diff",
      [](const Tensor& x, Index n, Index dim, const Tensor& before, const Tensor& after) {
        if (!before.defined() && !after.defined()) return diff(x, n, dim);
        std::vector<Tensor> parts;
        for (const Tensor& t : {before, x, after}) {
          if (t.defined()) parts.push_back(t);
        }
        return diff(cat(parts, dim), n, dim);
      },
      "Each element along dim less the one before it, n times; of bool whether they differ. "
      "prepend and append are joined to input first.\n\n"
      ">>> weft.diff(weft.tensor([1, 4, 9]))\n"
      "tensor([3, 5])",
      input(), "n"_a = 1, last_dim(), "prepend"_a = py::none(), "append"_a = py::none(),
      Released());
  def_both(
      m, "count_nonzero", [](const Tensor& x, const Shape& dim) { return count_nonzero(x, dim); },
      "How many elements over dim (an int, several, or None for all) are not 0, int64. NaN is "
      "not.\n\n"
      ">>> weft.count_nonzero(weft.tensor([[1, 0], [2, 3]]), dim=0)\n"
      "tensor([2, 1])",
      input(), no_dim(), Released());
}

}  // namespace

void bind_order(py::module_& m) {
  bind_sorts(m);
  bind_scans(m);
  bind_scans_in_place();
}

}  // namespace weft::python
