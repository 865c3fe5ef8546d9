#include <weft/python/src/caster.h>

namespace weft::python {

void bind_nn(py::module_& m) {
  py::module_ nn = m.def_submodule("nn");
  (void)nn;
}

}  // namespace weft::python
