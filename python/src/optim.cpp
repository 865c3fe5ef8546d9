#include <weft/python/src/caster.h>

namespace weft::python {

void bind_optim(py::module_& m) {
  py::module_ optim = m.def_submodule("optim");
  (void)optim;
}

}  // namespace weft::python
