#include <weft/python/src/caster.h>
#include <weft/python/src/errors.h>

// Two ways in which pybind11's objects end the process, closed.
namespace weft::python {
namespace {

// An object that was made without __init__ (by __new__, or in a subclass before it calls
// super().__init__()) has no value. pybind11 would give it raw memory when it is passed.
void* refuse_unmade(std::size_t) {
  throw py::type_error(
      "got an object that is not made yet, expected that its __init__ has been called (in a "
      "subclass, super().__init__() comes first)");
}

// pybind11's own base class throws through CPython when an object of it, or of a class that adds
// no bound one, is asked for; copyreg does that for objects that are pickled by an old protocol.
newfunc new_of_base;
PyObject* new_bound(PyTypeObject* type, PyObject* args, PyObject* keywords) {
  if (!py::detail::all_type_info(type).empty()) return new_of_base(type, args, keywords);
  PyErr_Format(PyExc_TypeError, "cannot make an object of %s, which is no class of weft",
               type->tp_name);
  return nullptr;
}

}  // namespace

void refuse_unmade_objects() {
  auto& internals = py::detail::get_internals();
  auto* base = reinterpret_cast<PyTypeObject*>(internals.instance_base);
  const bool first = base->tp_new != new_bound;
  if (first) new_of_base = std::exchange(base->tp_new, new_bound);
  for (const auto& [type, infos] : internals.registered_types_py) {
    if (first && type->tp_new == new_of_base) type->tp_new = new_bound;  // as its subclasses' must
    if (!std::string(type->tp_name).starts_with("weft.")) continue;
    for (py::detail::type_info* info : infos) info->operator_new = refuse_unmade;
  }
}

}  // namespace weft::python
