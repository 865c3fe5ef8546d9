#include <weft/ops/elementwise.h>
#include <weft/ops/index.h>
#include <weft/ops/make.h>
#include <weft/python/src/operations.h>

// Elementwise operations with more arguments than tensors; the others come from their lists
// (elementwise.cpp).
namespace weft::python {
namespace {

using MaybeMode = std::optional<std::string>;
using MaybeOperand = std::optional<Operand>;

const char* text(const MaybeMode& mode) { return mode ? mode->c_str() : nullptr; }

void bind_sums(py::module_& m) {
  def_both(
      m, "add",
      [](const Operand& a, const Operand& b, const Scalar& alpha) {
        return with_operands("add", a, b, [&](auto& x, auto& y) { return add(x, y, alpha); });
      },
      "input + alpha * other; the shapes broadcast, the dtypes promote.\n\n"
      "alpha of an integer result must be an integer.\n\n"
      ">>> weft.add(weft.tensor([1, 2]), weft.tensor([[10], [20]]), alpha=2)\n"
      "tensor([[21, 22],\n"
      "        [41, 42]])",
      input(), "other"_a, py::kw_only(), "alpha"_a = 1, Released());
  def_both(
      m, "sub",
      [](const Operand& a, const Operand& b, const Scalar& alpha) {
        return with_operands("sub", a, b, [&](auto& x, auto& y) { return sub(x, y, alpha); });
      },
      "input - alpha * other; the shapes broadcast, the dtypes promote.\n\n"
      "alpha of an integer result must be an integer.\n\n"
      ">>> weft.sub(weft.tensor([5.0, 6.0]), 1)\n"
      "tensor([4., 5.])",
      input(), "other"_a, py::kw_only(), "alpha"_a = 1, Released());
}

void bind_products_and_quotients(py::module_& m) {
  def_both(
      m, "mul",
      [](const Operand& a, const Operand& b) {
        return with_operands("mul", a, b, [](auto& x, auto& y) { return mul(x, y); });
      },
      "input * other; the shapes broadcast, the dtypes promote.\n\n"
      ">>> weft.mul(weft.tensor([[1], [2]]), weft.tensor([10, 20]))\n"
      "tensor([[10, 20],\n"
      "        [20, 40]])",
      input(), "other"_a, Released());
  def_both(
      m, "div",
      [](const Operand& a, const Operand& b, const MaybeMode& mode) {
        return with_operands("div", a, b, [&](auto& x, auto& y) { return div(x, y, text(mode)); });
      },
      "input / other; integers give floating quotients.\n\n"
      "rounding_mode 'trunc' rounds towards zero and 'floor' down, both keep integers; an integer "
      "zero as their divisor raises ValueError.\n\n"
      ">>> weft.div(weft.tensor([7, -7]), 2)\n"
      "tensor([ 3.5000, -3.5000])\n"
      ">>> weft.div(weft.tensor([7, -7]), 2, rounding_mode=\"floor\")\n"
      "tensor([ 3, -4])",
      input(), "other"_a, py::kw_only(), "rounding_mode"_a = py::none(), Released());
}

template <class F>
void def_in_place(const char* name, const char* doc, F f) {
  def_method(
      name,
      [f](Tensor& x, const Operand& other, const Scalar& alpha) {
        if (other.tensor()) return f(x, *other.tensor(), alpha);
        return f(x, other.scalar(), alpha);
      },
      doc, "other"_a, py::kw_only(), "alpha"_a = 1, Released());
}

void bind_in_place() {
  def_in_place("add_", "Adds alpha * other in place, in this tensor's dtype.",
               [](Tensor& x, const auto& y, const Scalar& alpha) { return x.add_(y, alpha); });
  def_in_place("sub_", "Subtracts alpha * other in place, in this tensor's dtype.",
               [](Tensor& x, const auto& y, const Scalar& alpha) { return x.sub_(y, alpha); });
  def_method(
      "mul_",
      [](Tensor& x, const Operand& y) {
        return y.tensor() ? x.mul_(*y.tensor()) : x.mul_(y.scalar());
      },
      "Multiplies by other in place, in this tensor's dtype.", "other"_a, Released());
  def_method(
      "div_",
      [](Tensor& x, const Operand& y, const MaybeMode& mode) {
        return y.tensor() ? x.div_(*y.tensor(), text(mode)) : x.div_(y.scalar(), text(mode));
      },
      "Divides by other in place; rounding_mode as of div(). DTypeError where an integer tensor "
      "would have to hold quotients.",
      "other"_a, py::kw_only(), "rounding_mode"_a = py::none(), Released());
}

Tensor bound(const MaybeOperand& o) {
  if (!o) return {};
  return o->tensor() ? *o->tensor() : make_scalar(o->scalar(), o->scalar().dtype());
}

// f(min, max) with both as numbers or both as tensors.
template <class F>
Tensor within(const MaybeOperand& low, const MaybeOperand& high, F f) {
  if ((low && low->tensor()) || (high && high->tensor())) return f(bound(low), bound(high));
  const auto number = [](const MaybeOperand& o) {
    return o ? std::optional<Scalar>(o->scalar()) : std::nullopt;
  };
  return f(number(low), number(high));
}

void bind_clamp(py::module_& m) {
  const auto within_bounds = [](const Tensor& x, const MaybeOperand& low,
                                const MaybeOperand& high) {
    return within(low, high, [&](const auto& a, const auto& b) { return x.clamp(a, b); });
  };
  const auto in_place = [](Tensor& x, const MaybeOperand& low, const MaybeOperand& high) {
    return within(low, high, [&](const auto& a, const auto& b) { return x.clamp_(a, b); });
  };
  const auto low = "min"_a = py::none(), high = "max"_a = py::none();
  def_both(
      m, "clamp", within_bounds,
      "The elements within [min, max], of which at least one is given; NaN stays. The bounds are "
      "numbers or tensors, which broadcast; max wins where it is below min.\n\n"
      "Tensors as bounds get the gradient where they were taken, half of it where the element "
      "equals them.\n\n"
      ">>> weft.clamp(weft.tensor([-1, 5]), min=0)\n"
      "tensor([0, 5])\n"
      ">>> weft.clamp(weft.tensor([-1, 5]), max=weft.tensor([[0], [3]]))\n"
      "tensor([[-1,  0],\n"
      "        [-1,  3]])",
      input(), low, high, Released());
  def_method("clamp_", in_place, "clamp() in place.", low, high, Released());
  def_both(m, "clip", within_bounds,
           "clamp() by its other name.\n\n"
           ">>> weft.clip(weft.tensor([-1, 5]), 0, 3)\n"
           "tensor([0, 3])",
           input(), low, high, Released());
  def_method("clip_", in_place, "clamp() in place.", low, high, Released());
}

void bind_bits(py::module_& m) {
  def_both(m, "bitwise_not", &bitwise_not,
           "All bits turned: -x - 1, or not x of bool; as an operator ~x. Floating dtypes raise "
           "DTypeError.\n\n"
           ">>> weft.bitwise_not(weft.tensor([0, 5, -3]))\n"
           "tensor([-1, -6,  2])",
           input(), Released());
  def_method("bitwise_not_", &bitwise_not_, "bitwise_not() in place.", Released());
}

// Two numbers make a result of their own dtype, as PyTorch's.
Tensor choose(const Tensor& condition, const Operand& a, const Operand& b) {
  if (!a.tensor() && !b.tensor()) return where(condition, full({}, a.scalar()), b.scalar());
  return with_operands("where", a, b, [&](auto& x, auto& y) { return where(condition, x, y); });
}

py::tuple coordinates(const Tensor& x) {
  std::vector<Tensor> found;
  {
    const Unlocked unlocked;
    found = (x.dim() == 0 ? x.reshape(1) : x).nonzero().unbind(1);
  }
  py::tuple result(found.size());
  for (std::size_t i = 0; i < found.size(); ++i) result[i] = found[i];
  return result;
}

void bind_where(py::module_& m) {
  const char* doc =
      "input where condition (bool) holds, other elsewhere; all three broadcast.\n\n"
      "Of a condition alone: nonzero(condition, as_tuple=True).\n\n"
      ">>> x = weft.tensor([-1.0, 2.0])\n"
      ">>> weft.where(x > 0, x, 0.0)\n"
      "tensor([0., 2.])";
  m.def("where", &choose, doc, py::arg("condition").none(false), "input"_a, "other"_a, Released());
  m.def("where", &coordinates, py::arg("condition").none(false));
  def_method(
      "where",
      [](const Tensor& x, const Tensor& condition, const Operand& other) {
        return choose(condition, Operand{x}, other);
      },
      "The elements where condition (bool) holds, those of other elsewhere.",
      py::arg("condition").none(false), "other"_a, Released());
  def_both(
      m, "nonzero",
      [](const Tensor& x, bool as_tuple) -> py::object {
        if (as_tuple) return coordinates(x);
        Tensor found;
        {
          const Unlocked unlocked;
          found = x.nonzero();
        }
        return py::cast(found);
      },
      "The coordinates of the elements that are not zero, in row-major order: int64 [count, rank], "
      "or with as_tuple one vector a dimension (a number has one then).\n\n"
      ">>> weft.nonzero(weft.tensor([[0, 3], [5, 0]]))\n"
      "tensor([[0, 1],\n"
      "        [1, 0]])\n"
      ">>> weft.nonzero(weft.tensor([0, 3, 5]), as_tuple=True)\n"
      "(tensor([1, 2]),)",
      input(), py::kw_only(), "as_tuple"_a = false);
}

}  // namespace

void bind_arithmetic(py::module_& m) {
  bind_sums(m);
  bind_products_and_quotients(m);
  bind_in_place();
  bind_clamp(m);
  bind_bits(m);
  bind_where(m);
}

}  // namespace weft::python
