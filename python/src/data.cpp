#include <weft/python/src/caster.h>

namespace weft::python {

void bind_data(py::module_& m) {
  py::module_ data = m.def_submodule("data");
  (void)data;
}

}  // namespace weft::python
