#include <weft/python/src/caster.h>
#include <weft/python/src/errors.h>

// Two ways in which pybind11's objects end the process, closed for those of weft.
namespace weft::python {
namespace {

// An object that was made without __init__ (by __new__, or in a subclass before it calls
// super().__init__()) has no value. pybind11 would give it raw memory when it is passed.
void* refuse_unmade(std::size_t) {
  throw py::type_error(
      "got an object that is not made yet, expected that its __init__ has been called (in a "
      "subclass, super().__init__() comes first)");
}

// By a protocol before 2, copyreg asks for an object of pybind11's own base class, which throws
// through CPython. Protocol 2's way can be written by the old ones too.
py::object reduce(const py::object& self, int protocol) {
  const auto object =
      py::reinterpret_borrow<py::object>(reinterpret_cast<PyObject*>(&PyBaseObject_Type));
  return object.attr("__reduce_ex__")(self, std::max(protocol, 2));
}

}  // namespace

void refuse_unmade_objects() {
  auto& internals = py::detail::get_internals();
  const auto* base = reinterpret_cast<PyTypeObject*>(internals.instance_base);
  for (const auto& [type, infos] : internals.registered_types_py) {
    if (!std::string_view(type->tp_name).starts_with("weft.")) continue;
    for (py::detail::type_info* info : infos) info->operator_new = refuse_unmade;
    if (type->tp_base != base) continue;
    const py::handle handle(reinterpret_cast<PyObject*>(type));
    handle.attr("__reduce_ex__") =
        py::cpp_function(&reduce, py::name("__reduce_ex__"), py::is_method(handle));
  }
}

}  // namespace weft::python
