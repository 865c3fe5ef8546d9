#include <weft/python/src/caster.h>
#include <weft/python/src/errors.h>
#include <weft/python/src/nn_module.h>

// What the collector of Python sees in pybind11's objects, so that circles through them end.
namespace weft::python {
namespace {

int visit_attributes(PyObject* self, visitproc visit, void* arg) {
#if PY_VERSION_HEX >= 0x030B0000 && PY_VERSION_HEX < 0x030C0000
  // In Python 3.11 the collector is shown the attributes of an object twice if a class of Python
  // derives from one of pybind11's: by Python, then by pybind11's tp_traverse. It counts wrong
  // then, and never frees a circle through such an object.
  Py_VISIT(Py_TYPE(self));
  if (Py_TYPE(self)->tp_dictoffset != 0) return 0;  // Python's own business
  if (PyObject** attributes = _PyObject_GetDictPtr(self)) Py_VISIT(*attributes);
  return 0;
#else
  return py::detail::pybind11_traverse(self, visit, arg);
#endif
}

// The module of an object that owns it alone, or null. What others own too, they may need.
nn::Module* own_module(PyObject* self) {
  auto* instance = reinterpret_cast<py::detail::instance*>(self);
  if (!instance->simple_layout && !instance->nonsimple.values_and_holders) return nullptr;
  auto slot = instance->get_value_and_holder();
  if (!slot.value_ptr() || !slot.holder_constructed()) return nullptr;
  const bool alone = slot.holder<py::smart_holder>().vptr.use_count() == 1;
  return alone ? static_cast<nn::Module*>(slot.value_ptr()) : nullptr;
}

int visit_module(PyObject* self, visitproc visit, void* arg) {
  if (const int stop = visit_attributes(self, visit, arg)) return stop;
  const nn::Module* m = own_module(self);
  if (!m) return 0;
  const int stop = visit_parts(*m, visit, arg);
  return stop ? stop : visit_hooks(*m, visit, arg);
}

// Every circle through a module goes through attributes or hooks.
int clear_module(PyObject* self) {
  if (nn::Module* m = own_module(self)) clear_hooks(*m);
  return py::detail::pybind11_clear(self);
}

}  // namespace

void show_to_collector() {
  for (const auto& [type, infos] : py::detail::get_internals().registered_types_py) {
    const bool ours = std::string_view(type->tp_name).starts_with("weft.");
    if (!ours || type->tp_traverse != py::detail::pybind11_traverse) continue;
    const bool module = is_module_type(type);
    type->tp_traverse = module ? visit_module : visit_attributes;
    if (module) type->tp_clear = clear_module;
  }
}

}  // namespace weft::python
