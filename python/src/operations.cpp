#include <weft/python/src/caster.h>

#include <weft/weft.h>

namespace weft::python {

void bind_operations(py::module_& m) {
  def_both(m, "matmul", &matmul, "The product of two matrices, by rank as PyTorch's.", "input"_a,
           "other"_a);
}

}  // namespace weft::python
