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
           "ShapeError where inner sizes differ, DTypeError for mixed dtypes and bool.",
           input(), other, Released());
  def_both(m, "mm", &mm, "The product of matrices [n, k] and [k, m].", input(), mat2, Released());
  def_both(m, "bmm", &bmm,
           "The products of matrices [batch, n, k] and [batch, k, m]; batches do not broadcast.",
           input(), mat2, Released());
  def_both(m, "dot", &dot, "The sum of the products of two vectors, of no dimensions.", input(),
           other, Released());
  def_both(m, "outer", &outer, "All products of the elements of two vectors: [n, m].", input(),
           py::arg("vec2").none(false), Released());
  def_both(m, "addmm", &addmm,
           "beta * input + alpha * mat1 @ mat2 for matrices; input broadcasts to the product's "
           "shape and is not read where beta is 0.",
           input(), py::arg("mat1").none(false), mat2, py::kw_only(), "beta"_a = 1, "alpha"_a = 1,
           Released());
}

}  // namespace weft::python
