#include <weft/ops/blend.h>
#include <weft/ops/compare.h>
#include <weft/python/src/operations.h>

// Whether tensors agree, and what lies between them.
namespace weft::python {
namespace {

py::arg other() { return py::arg("other").none(false); }
py::arg_v rtol() { return "rtol"_a = 1e-5; }
py::arg_v atol() { return "atol"_a = 1e-8; }
py::arg_v equal_nan() { return "equal_nan"_a = false; }

void bind_close(py::module_& m) {
  def_both(m, "equal", &equal,
           "Whether sizes and all elements are the same: a bool. NaN equals nothing.\n\n"
           ">>> weft.equal(weft.tensor([1, 2]), weft.tensor([1, 2]))\n"
           "True\n"
           ">>> weft.equal(weft.ones(2), weft.ones(1, 2))\n"
           "False",
           input(), other(), Released());
  def_both(m, "isclose", &isclose,
           "|input - other| <= atol + rtol * |other|, element by element. Infinities are close to "
           "themselves alone, NaN to NaN with equal_nan. Both have one dtype and broadcast; "
           "DTypeError for two.\n\n"
           ">>> weft.isclose(weft.tensor([1.0, 2.0]), weft.tensor([1.0 + 1e-6, 2.1]))\n"
           "tensor([ True, False])",
           input(), other(), rtol(), atol(), equal_nan(), Released());
  def_both(m, "allclose", &allclose,
           "Whether isclose() holds of all elements: a bool.\n\n"
           ">>> weft.allclose(weft.tensor([0.1]) * 3, weft.tensor([0.3]))\n"
           "True",
           input(), other(), rtol(), atol(), equal_nan(), Released());
}

void bind_lerp(py::module_& m) {
  def_both(
      m, "lerp",
      [](const Tensor& start, const Tensor& end, const Operand& weight) {
        if (weight.tensor()) return lerp(start, end, *weight.tensor());
        return lerp(start, end, weight.scalar().to_double());
      },
      "input + weight * (end - input), exact at weight 0 and 1; weight is a number or a tensor, "
      "and "
      "all broadcast. One floating dtype; DTypeError for others.\n\n"
      ">>> weft.lerp(weft.tensor([0.0, 10.0]), weft.tensor([1.0, 20.0]), 0.25)\n"
      "tensor([ 0.2500, 12.5000])",
      input(), py::arg("end").none(false), "weight"_a, Released());
  def_method(
      "lerp_",
      [](Tensor& start, const Tensor& end, const Operand& weight) -> Tensor& {
        if (weight.tensor()) return lerp_(start, end, *weight.tensor());
        return lerp_(start, end, weight.scalar().to_double());
      },
      "lerp() in place.", py::arg("end").none(false), "weight"_a, Released());
}

}  // namespace

void bind_comparisons(py::module_& m) {
  bind_close(m);
  bind_lerp(m);
}

}  // namespace weft::python
