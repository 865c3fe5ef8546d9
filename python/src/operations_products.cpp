#include <weft/ops/matmul.h>
#include <weft/python/src/operations.h>

// Products of vectors and matrices.
namespace weft::python {

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
}

}  // namespace weft::python
