#pragma once

#include <weft/python/src/operations.h>

namespace weft::python {

void bind_sets(py::module_& m);
void bind_grids(py::module_& m);

}  // namespace weft::python
