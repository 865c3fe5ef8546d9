#pragma once

#include <weft/python/src/caster.h>

namespace weft::python {

// A part of the compiled module. Its classes and functions call themselves members of public_name,
// the module under which users find them.
inline py::module_ add_part(py::module_& m, const char* name, const char* public_name,
                            const char* doc) {
  py::module_ part = m.def_submodule(name, doc);
  part.attr("__module__") = public_name;
  return part;
}

}  // namespace weft::python
