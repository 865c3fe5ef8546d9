#include <weft/core/check.h>
#include <weft/ops/einsum.h>
#include <weft/ops/matmul.h>
#include <weft/python/src/operations.h>

// Products of vectors and matrices.
namespace weft::python {

namespace {

// The tensors of f(a, b) or f([a, b]).
std::vector<Tensor> tensors_in(const py::args& operands) {
  py::sequence all = operands;
  if (all.size() == 1 && !is_tensor(operands[0].ptr())) all = py::sequence(operands[0]);
  std::vector<Tensor> tensors;
  for (const auto& t : all) {
    if (!is_tensor(t.ptr())) throw py::type_error("einsum(): expected tensors as operands");
    tensors.push_back(tensor_of(t.ptr()));
  }
  return tensors;
}

// [0, ..., 1] as "A...B".
std::string letters(const py::handle& dims) {
  std::string text;
  for (const py::handle d : py::reinterpret_borrow<py::sequence>(dims)) {
    const auto n = d.ptr() == Py_Ellipsis ? -1 : d.cast<Index>();
    if (d.ptr() != Py_Ellipsis && (n < 0 || n >= 52))
      fail<ValueError>("einsum", "got {} for a dimension, expected 0 to 51 or ...", n);
    if (n < 0)
      text += "...";
    else
      text += static_cast<char>(n < 26 ? 'A' + n : 'a' + n - 26);
  }
  return text;
}

// f(a, [0, 1], b, [1, 2], [0, 2])
std::pair<std::string, std::vector<Tensor>> listed_operands(const py::object& first,
                                                            const py::args& rest) {
  std::string text;
  std::vector<Tensor> tensors{tensor_of(first.ptr())};
  for (std::size_t i = 0; i < rest.size(); ++i) {
    const bool tensor = is_tensor(rest[i].ptr());
    if (tensor != (i % 2 == 1) && !(i % 2 == 1 && i + 1 == rest.size()))
      throw py::type_error("einsum(): expected a list of dimensions behind each tensor");
    if (tensor) {
      tensors.push_back(tensor_of(rest[i].ptr()));
      text += ",";
    } else {
      text += (i % 2 == 1 ? "->" : "") + letters(rest[i]);
    }
  }
  return {text, tensors};
}

}  // namespace

void bind_products(py::module_& m) {
  const auto other = py::arg("other").none(false);
  const auto mat2 = py::arg("mat2").none(false);
  def_both(m, "matmul", &matmul,
           "The product by rank: [k] and [k] give their dot product, [n, k] and [k, m] give [n, "
           "m]; a one-dimensional operand stands for one row or column, which the result lacks; "
           "more dimensions in front are batches, which broadcast.\n\n"
           "ShapeError where inner sizes differ, DTypeError for mixed dtypes and bool.\n\n"
           ">>> weft.matmul(weft.tensor([[1, 2], [3, 4]]), weft.tensor([10, 1]))\n"
           "tensor([12, 34])\n"
           ">>> weft.matmul(weft.zeros(7, 2, 3), weft.zeros(3, 4)).shape\n"
           "weft.Size([7, 2, 4])",
           input(), other, Released());
  def_both(m, "mm", &mm,
           "The product of matrices [n, k] and [k, m]. ShapeError for other ranks and sizes.\n\n"
           ">>> weft.mm(weft.tensor([[1, 2], [3, 4]]), weft.tensor([[0, 1], [1, 0]]))\n"
           "tensor([[2, 1],\n"
           "        [4, 3]])",
           input(), mat2, Released());
  def_both(m, "bmm", &bmm,
           "The products of matrices [batch, n, k] and [batch, k, m]; batches do not broadcast.\n\n"
           ">>> weft.bmm(weft.ones(5, 2, 3), weft.ones(5, 3, 4)).shape\n"
           "weft.Size([5, 2, 4])",
           input(), mat2, Released());
  def_both(m, "dot", &dot,
           "The sum of the products of two vectors, of no dimensions. ShapeError where they differ "
           "in size.\n\n"
           ">>> weft.dot(weft.tensor([1, 2, 3]), weft.tensor([4, 5, 6]))\n"
           "tensor(32)",
           input(), py::arg("tensor").none(false), Released());
  def_both(m, "outer", &outer,
           "All products of the elements of two vectors: [n, m].\n\n"
           ">>> weft.outer(weft.tensor([1, 2]), weft.tensor([1, 10, 100]))\n"
           "tensor([[  1,  10, 100],\n"
           "        [  2,  20, 200]])",
           input(), py::arg("vec2").none(false), Released());
  def_both(m, "addmm", &addmm,
           "beta * input + alpha * mat1 @ mat2 for matrices; input broadcasts to the product's "
           "shape and is not read where beta is 0.\n\n"
           ">>> weft.addmm(weft.tensor([100, 200]), weft.tensor([[1, 2]]), weft.tensor([[1, 0], "
           "[0, 1]]))\n"
           "tensor([[101, 202]])",
           input(), py::arg("mat1").none(false), mat2, py::kw_only(), "beta"_a = 1, "alpha"_a = 1,
           Released());
  m.def(
      "einsum",
      [](const py::object& equation, const py::args& operands) {
        const auto [text, tensors] =
            is_tensor(equation.ptr())
                ? listed_operands(equation, operands)
                : std::pair(equation.cast<std::string>(), tensors_in(operands));
        const py::gil_scoped_release released;
        return einsum(text, tensors);
      },
      "einsum(equation, *operands): sums of products by Einstein's convention. The equation has a "
      "letter for each dimension of each tensor, then those of the result; what the result lacks "
      "is summed over. A letter that a tensor has twice takes its diagonal, '...' stands for "
      "dimensions without letters, which broadcast. Without '->' the result has those and the "
      "letters that come once, in alphabetical order.\n\n"
      "Also einsum(x, [0, 1], y, [1, 2], [0, 2]), with numbers below 52 and ... for letters. "
      "ValueError for an equation that says nothing, ShapeError for tensors that do not fit.\n\n"
      ">>> x, y = weft.tensor([[1, 2], [3, 4]]), weft.tensor([10, 1])\n"
      ">>> weft.einsum(\"ij,j->i\", x, y)\n"
      "tensor([12, 34])\n"
      ">>> weft.einsum(\"ii\", x)\n"
      "tensor(5)",
      "equation"_a);
}

}  // namespace weft::python
