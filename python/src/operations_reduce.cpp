#include <weft/ops/reduce.h>

#include <limits>

#include <weft/ops/softmax.h>
#include <weft/python/src/operations.h>

// Reductions over all dims, one or several.
namespace weft::python {
namespace {

struct NormOrder {
  double p = 2;
};

}  // namespace
}  // namespace weft::python

namespace pybind11::detail {

template <>
struct type_caster<weft::python::NormOrder> {
  PYBIND11_TYPE_CASTER(weft::python::NormOrder, const_name("float | str | None"));
  bool load(handle source, bool) {
    if (source.is_none()) return true;
    if (!PyUnicode_Check(source.ptr())) {
      make_caster<double> number;
      if (!number.load(source, true)) return false;
      value.p = cast_op<double>(number);
      return true;
    }
    const auto name = source.cast<std::string>();
    if (name == "nuc") {
      throw weft::NotImplementedError(
          "[norm] got p = 'nuc', expected a number or 'fro': there are no singular values yet");
    }
    if (name != "fro")
      throw weft::ValueError("[norm] got p = '" + name + "', expected a number or 'fro'");
    return true;
  }
};

}  // namespace pybind11::detail

namespace weft::python {
namespace {

using MaybeDType = std::optional<DType>;
using MaybeIndex = std::optional<Index>;
using MaybeShape = std::optional<Shape>;

void bind_sums(py::module_& m) {
  const auto one = [&](const char* name, auto f, const char* doc) {
    m.def(name, f, doc, input(), no_dim(), keepdim(), py::kw_only(), no_dtype(), Released());
  };
  one(
      "sum",
      [](const Tensor& x, const Shape& dim, bool keep, MaybeDType t) {
        return x.sum(dim, keep, t);
      },
      "The sum over dim (an int, several, or None for all); of bool and integers int64.\n\n"
      "With a dtype the elements are converted first.\n\n"
      ">>> weft.sum(weft.ones(2, 3), dim=0)\n"
      "tensor([2., 2., 2.])");
  one(
      "mean",
      [](const Tensor& x, const Shape& dim, bool keep, MaybeDType t) {
        return x.mean(dim, keep, t);
      },
      "The mean over dim; NaN of nothing. Integers raise DTypeError unless dtype is floating.\n\n"
      ">>> weft.mean(weft.tensor([[1.0, 2.0], [3.0, 4.0]]), dim=1)\n"
      "tensor([1.5000, 3.5000])");
  one(
      "prod",
      [](const Tensor& x, const Shape& dim, bool keep, MaybeDType t) {
        return x.prod(dim, keep, t);
      },
      "The product over dim; of bool and integers int64, of nothing 1.\n\n"
      ">>> weft.prod(weft.tensor([1, 2, 3, 4]))\n"
      "tensor(24)");
}

void bind_spread(py::module_& m) {
  def_both(
      m, "var",
      [](const Tensor& x, const Shape& dim, Index correction, bool keep) {
        return x.var(dim, correction, keep);
      },
      "sum((x - mean)^2) / max(n - correction, 0) over dim; floating dtypes. DTypeError for "
      "others.\n\n"
      ">>> weft.var(weft.tensor([1.0, 2.0, 3.0, 4.0]))\n"
      "tensor(1.6667)",
      input(), no_dim(), py::kw_only(), "correction"_a = 1, keepdim(), Released());
  def_both(
      m, "std",
      [](const Tensor& x, const Shape& dim, Index correction, bool keep) {
        return x.std(dim, correction, keep);
      },
      "The square root of var(): the standard deviation.\n\n"
      ">>> weft.std(weft.tensor([1.0, 2.0, 3.0, 4.0]), correction=0)\n"
      "tensor(1.1180)",
      input(), no_dim(), py::kw_only(), "correction"_a = 1, keepdim(), Released());
  // Older names: whether to divide by n - 1.
  def_both(
      m, "var",
      [](const Tensor& x, const Shape& dim, bool unbiased, bool keep) {
        return x.var(dim, unbiased, keep);
      },
      "", input(), no_dim(), "unbiased"_a = true, keepdim(), Released());
  def_both(
      m, "std",
      [](const Tensor& x, const Shape& dim, bool unbiased, bool keep) {
        return x.std(dim, unbiased, keep);
      },
      "", input(), no_dim(), "unbiased"_a = true, keepdim(), Released());
  def_both(
      m, "norm",
      [](const Tensor& x, const NormOrder& o, const Shape& dim, bool keep, MaybeDType t) {
        return (t ? x.to(*t) : x).norm(o.p, dim, keep);
      },
      "sum(|x|^p)^(1/p) over dim; p = 0 counts what is not 0, infinity and -infinity give the "
      "largest and the smallest |x|, 'fro' is 2. Floating dtypes; with a dtype the elements are "
      "converted first. The gradient at a norm of 0 is 0.\n\n"
      ">>> weft.norm(weft.tensor([3.0, 4.0]))\n"
      "tensor(5.)\n"
      ">>> weft.norm(weft.tensor([3.0, -4.0]), p=float(\"inf\"))\n"
      "tensor(4.)",
      input(), "p"_a = "fro", no_dim(), keepdim(), no_dtype(), Released());
  def_both(
      m, "logsumexp",
      [](const Tensor& x, const Shape& dim, bool keep) { return x.logsumexp(dim, keep); },
      "log(sum(exp(x))) over dim without overflow; integers are converted to float32.\n\n"
      ">>> weft.logsumexp(weft.tensor([1000.0, 1000.0]), 0)\n"
      "tensor(1000.6932)",
      input(), "dim"_a, keepdim(), Released());
}

void bind_truths(py::module_& m) {
  def_both(
      m, "all",
      [](const Tensor& x, const MaybeShape& dim, bool keep) {
        return dim ? x.all(*dim, keep) : x.all(std::nullopt, keep);
      },
      "Whether no element over dim is 0, as bool (of uint8 as uint8). dim=() reduces nothing.\n\n"
      ">>> weft.all(weft.tensor([[True, True], [True, False]]), dim=1)\n"
      "tensor([ True, False])",
      input(), no_dim(), keepdim(), Released());
  def_both(
      m, "any",
      [](const Tensor& x, const MaybeShape& dim, bool keep) {
        return dim ? x.any(*dim, keep) : x.any(std::nullopt, keep);
      },
      "Whether an element over dim is not 0, as bool (of uint8 as uint8). dim=() reduces "
      "nothing.\n\n"
      ">>> weft.any(weft.tensor([[False, True], [False, False]]), dim=1)\n"
      "tensor([ True, False])",
      input(), no_dim(), keepdim(), Released());
}

// max(x), max(x, dim) -> (values, indices) and max(x, other), for max and min.
template <class Whole, class Along, class Pairwise>
void def_extreme(py::module_& m, const char* name, const char* pair, const char* doc, Whole whole,
                 Along along, Pairwise pairwise) {
  const py::object type = named_pair(pair, "Elements and their positions.");
  const auto both = [along, type](const Tensor& x, Index dim, bool keep) {
    std::tuple<Tensor, Tensor> found;
    {
      const Unlocked unlocked;
      found = along(x, dim, keep);
    }
    return values_and_indices(type, found);
  };
  def_both(m, name, whole, doc, input(), Released());
  def_both(m, name, both, "", input(), "dim"_a, keepdim());
  def_both(m, name, pairwise, "", input(), py::arg("other").none(false), Released());
}

void bind_extremes(py::module_& m) {
  def_both(
      m, "amax", [](const Tensor& x, const Shape& dim, bool keep) { return x.amax(dim, keep); },
      "The largest element over dim; NaN wins, ties share the gradient evenly. IndexError where a "
      "dim has nothing to choose from.\n\n"
      ">>> weft.amax(weft.tensor([[1, 5], [7, 2]]), dim=0)\n"
      "tensor([7, 5])",
      input(), no_dim(), keepdim(), Released());
  def_both(
      m, "amin", [](const Tensor& x, const Shape& dim, bool keep) { return x.amin(dim, keep); },
      "The smallest element over dim; NaN wins, ties share the gradient evenly. IndexError where a "
      "dim has nothing to choose from.\n\n"
      ">>> weft.amin(weft.tensor([[1, 5], [7, 2]]), dim=0)\n"
      "tensor([1, 2])",
      input(), no_dim(), keepdim(), Released());
  def_extreme(
      m, "max", "weft.return_types.max",
      "The largest element of all; with a dim a named tuple (values, indices) along it, of equals "
      "the first; with another tensor maximum(input, other). NaN wins. IndexError where a dim "
      "has nothing to choose from, ShapeError of nothing at all.\n\n"
      ">>> weft.max(weft.tensor([[1, 5], [7, 2]]), 1).indices\n"
      "tensor([1, 0])",
      [](const Tensor& x) { return x.max(); },
      [](const Tensor& x, Index dim, bool keep) { return x.max(dim, keep); },
      [](const Tensor& x, const Tensor& y) { return x.maximum(y); });
  def_extreme(
      m, "min", "weft.return_types.min",
      "The smallest element of all; with a dim a named tuple (values, indices) along it, of equals "
      "the first; with another tensor minimum(input, other). NaN wins. IndexError where a dim "
      "has nothing to choose from, ShapeError of nothing at all.\n\n"
      ">>> weft.min(weft.tensor([[1, 5], [7, 2]]), 1)\n"
      "weft.return_types.min(values=tensor([1, 2]), indices=tensor([0, 1]))",
      [](const Tensor& x) { return x.min(); },
      [](const Tensor& x, Index dim, bool keep) { return x.min(dim, keep); },
      [](const Tensor& x, const Tensor& y) { return x.minimum(y); });
  def_both(
      m, "argmax", [](const Tensor& x, MaybeIndex dim, bool keep) { return x.argmax(dim, keep); },
      "The position of the largest element along dim, int64; without a dim in the flattened "
      "tensor. Of equals the first; NaN wins. IndexError where there is nothing to "
      "choose from.\n\n"
      ">>> weft.argmax(weft.tensor([[1, 5], [7, 2]]))\n"
      "tensor(2)\n"
      ">>> weft.argmax(weft.tensor([[1, 5], [7, 2]]), dim=1)\n"
      "tensor([1, 0])",
      input(), no_dim(), keepdim(), Released());
  def_both(
      m, "argmin", [](const Tensor& x, MaybeIndex dim, bool keep) { return x.argmin(dim, keep); },
      "The position of the smallest element along dim, int64; without a dim in the flattened "
      "tensor. Of equals the first; NaN wins. IndexError where there is nothing to "
      "choose from.\n\n"
      ">>> weft.argmin(weft.tensor([[1, 5], [7, 2]]), dim=1)\n"
      "tensor([0, 1])",
      input(), no_dim(), keepdim(), Released());
}

void bind_softmax(py::module_& m) {
  def_both(
      m, "softmax", [](const Tensor& x, Index dim, MaybeDType t) { return softmax(x, dim, t); },
      "exp(x) / sum(exp(x)) along dim, without overflow. With a dtype x is converted first; "
      "integers without one raise DTypeError.\n\n"
      ">>> weft.softmax(weft.tensor([1.0, 2.0, 3.0]), dim=0)\n"
      "tensor([0.0900, 0.2447, 0.6652])",
      input(), "dim"_a, no_dtype(), Released());
  def_both(
      m, "log_softmax",
      [](const Tensor& x, Index dim, MaybeDType t) { return log_softmax(x, dim, t); },
      "The logarithm of softmax(x) along dim, without overflow. As softmax() it converts to a "
      "dtype first.\n\n"
      ">>> weft.log_softmax(weft.tensor([0.0, 0.0]), dim=0)\n"
      "tensor([-0.6931, -0.6931])",
      input(), "dim"_a, no_dtype(), Released());
}

}  // namespace

void bind_reductions(py::module_& m) {
  bind_sums(m);
  bind_spread(m);
  bind_truths(m);
  bind_extremes(m);
  bind_softmax(m);
}

}  // namespace weft::python
