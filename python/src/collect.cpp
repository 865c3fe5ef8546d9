#include <weft/python/src/caster.h>
#include <weft/python/src/errors.h>

namespace weft::python {

// In Python 3.11 the collector is shown the attributes of an object twice if a class of Python
// derives from one of pybind11's: by Python, then by pybind11's tp_traverse. It counts wrong then,
// and never frees a circle through such an object (a module with a hook that is its own method).
void visit_attributes_once() {
#if PY_VERSION_HEX >= 0x030B0000 && PY_VERSION_HEX < 0x030C0000
  const traverseproc once = [](PyObject* self, visitproc visit, void* arg) {
    Py_VISIT(Py_TYPE(self));
    if (Py_TYPE(self)->tp_dictoffset != 0) return 0;  // Python's own business
    if (PyObject** attributes = _PyObject_GetDictPtr(self)) Py_VISIT(*attributes);
    return 0;
  };
  for (const auto& [type, infos] : py::detail::get_internals().registered_types_py) {
    const bool ours = std::string_view(type->tp_name).starts_with("weft.");
    if (ours && type->tp_traverse == py::detail::pybind11_traverse) type->tp_traverse = once;
  }
#endif
}

}  // namespace weft::python
