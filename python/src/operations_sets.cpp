#include <weft/python/src/operations_sets.h>

#include <weft/ops/make.h>
#include <weft/ops/sets.h>

// Elements as members of sets.
namespace weft::python {
namespace {

// A number beside a tensor, of its dtype by category.
Tensor as_tensor(const Operand& o, const Operand& beside) {
  if (o.tensor()) return *o.tensor();
  const Device device = beside.tensor() ? beside.tensor()->device() : kCPU;
  return make_scalar(o.scalar(), o.scalar().dtype(), device);
}

py::object distinct(const Tensor& x, bool, bool inverse, bool counts,
                    const std::optional<Index>& dim) {
  std::tuple<Tensor, Tensor, Tensor> found;
  {
    const Unlocked unlocked;
    found = dim ? unique(x, *dim, inverse, counts) : unique(x, inverse, counts);
  }
  const auto& [values, where, many] = found;
  if (!inverse && !counts) return py::cast(values);
  if (!counts) return py::make_tuple(values, where);
  if (!inverse) return py::make_tuple(values, many);
  return py::make_tuple(values, where, many);
}

bool behind(bool right, const std::optional<std::string>& side) {
  if (!side) return right;
  if (*side != "left" && *side != "right") {
    throw weft::ValueError("[searchsorted] got side '" + *side + "', expected 'left' or 'right'");
  }
  if (*side == "left" && right)
    throw weft::ValueError("[searchsorted] got side 'left' and right=True, expected one of them");
  return *side == "right";
}

Tensor narrowed(const Tensor& found, bool out_int32) {
  return out_int32 ? found.to(DType::I32) : found;
}

void bind_search(py::module_& m) {
  m.def(
      "searchsorted",
      [](const Tensor& sorted, const Operand& values, bool out_int32, bool right,
         const std::optional<std::string>& side, const Tensor& sorter) {
        const Tensor sequence = sorter.defined() ? sorted.gather(-1, sorter) : sorted;
        const Tensor found =
            searchsorted(sequence, as_tensor(values, Operand{sorted}), behind(right, side));
        return narrowed(found, out_int32);
      },
      "Where values belong in a sequence that is in order along its last dim, int64 (int32 with "
      "out_int32): before equal elements, or behind them with right or side='right'. The sequence "
      "is a vector, or has the values' sizes but for the last; sorter has the positions that bring "
      "it in order. NaN belongs behind all.\n\n"
      ">>> weft.searchsorted(weft.tensor([1, 3, 5]), weft.tensor([0, 3, 9]))\n"
      "tensor([0, 1, 3])",
      py::arg("sorted_sequence").none(false), "values"_a, py::kw_only(), "out_int32"_a = false,
      "right"_a = false, "side"_a = py::none(), "sorter"_a = py::none(), Released());
  m.def(
      "bucketize",
      [](const Operand& x, const Tensor& boundaries, bool out_int32, bool right) {
        return narrowed(bucketize(as_tensor(x, Operand{boundaries}), boundaries, right), out_int32);
      },
      "The position of each element between boundaries, a vector in order: "
      "searchsorted(boundaries, input).\n\n"
      ">>> weft.bucketize(weft.tensor([0.5, 1.0, 7.0]), weft.tensor([1.0, 2.0]))\n"
      "tensor([0, 0, 2])",
      "input"_a, py::arg("boundaries").none(false), py::kw_only(), "out_int32"_a = false,
      "right"_a = false, Released());
}

}  // namespace

void bind_sets(py::module_& m) {
  def_both(m, "unique", &distinct,
           "The different elements, in order. With return_inverse also the position of each of "
           "input's elements among them, with return_counts also how often each is there. With a "
           "dim the different slices along it, in order of their elements.\n\n"
           ">>> weft.unique(weft.tensor([3, 1, 3]), return_counts=True)\n"
           "(tensor([1, 3]), tensor([1, 2]))",
           input(), "sorted"_a = true, "return_inverse"_a = false, "return_counts"_a = false,
           no_dim());
  m.def(
      "isin",
      [](const Operand& x, const Operand& others, bool, bool invert) {
        if (!x.tensor() && !others.tensor())
          throw py::type_error("isin(): got two numbers, expected a tensor among them");
        return isin(as_tensor(x, others), as_tensor(others, x), invert);
      },
      "Whether each element is (with invert: is not) among test_elements, bool. NaN is not.\n\n"
      ">>> weft.isin(weft.tensor([1, 2, 3]), weft.tensor([2, 5]))\n"
      "tensor([False,  True, False])",
      "elements"_a, "test_elements"_a, py::kw_only(), "assume_unique"_a = false, "invert"_a = false,
      Released());
  def_both(
      m, "bincount",
      [](const Tensor& x, const Tensor& weights, Index minlength) {
        return bincount(x, weights, minlength);
      },
      "How often 0, 1, ... come in a vector of integers, int64: at least minlength numbers. With "
      "weights the sums of these, float32 of float32, else float64. ValueError for negative "
      "elements.\n\n"
      ">>> weft.bincount(weft.tensor([1, 2, 2]))\n"
      "tensor([0, 1, 2])",
      input(), "weights"_a = py::none(), "minlength"_a = 0, Released());
  bind_search(m);
}

}  // namespace weft::python
