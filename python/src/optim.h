#pragma once

#include <weft/python/src/caster.h>

namespace weft::python {

void bind_schedules(py::module_& optim);

}  // namespace weft::python
