#include <weft/python/src/caster.h>

namespace weft::python {

void bind_system(py::module_& m) { (void)m; }

}  // namespace weft::python
