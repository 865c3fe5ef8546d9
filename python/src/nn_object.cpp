#include <weft/nn/attempt.h>
#include <weft/ops/make.h>

#include <weft/python/src/held.h>
#include <weft/python/src/nn_module.h>
#include <weft/python/src/nn_walk.h>

// A module as a Python object: calls, attributes, parts.
namespace weft::python {

using nn::Module;
using nn::ModuleTree;

namespace {

PyTypeObject* module_type;

// Owns a part that has a Python object: that object does, and it has the module's memory. So the
// object lives as long as the part, and the collector can be told who holds it.
struct HeldPart {
  PyObject* object;
  void operator()(Module*) const {
    if (!Py_IsInitialized()) return;
    const py::gil_scoped_acquire lock;
    Py_DECREF(object);
  }
};

std::shared_ptr<Module> held_part(PyObject* o) {
  Module& m = py::cast<Module&>(py::handle(o));
  return {&m, HeldPart{Py_NewRef(o)}};
}

py::object forward_of(PyObject* self, PyObject* args, PyObject* keywords) {
  const Owned forward(PyObject_GetAttrString(self, "forward"));
  return py::reinterpret_steal<py::object>(
      Owned(PyObject_Call(forward.get(), args, keywords)).release());
}

// The call of a class of Python, or with more than a tensor.
PyObject* call_python(PyObject* self, Module& m, PyObject* args, PyObject* keywords) {
  const bool tensor_first = PyTuple_GET_SIZE(args) > 0 && is_tensor(PyTuple_GET_ITEM(args, 0));
  if (tensor_first) {
    const Shape& sizes = tensor_of(PyTuple_GET_ITEM(args, 0)).sizes();
    if (ModuleTree::traced()) return wrap(zeros(m.infer(sizes)));
    if (!ModuleTree::built(m)) ModuleTree::build(m, sizes);
  }
  nn::Attempt attempt;
  py::object result;
  if (!m.has_hooks()) {
    result = forward_of(self, args, keywords);
  } else {
    const auto hooks = ModuleTree::parts(m).hooks;
    auto given = py::reinterpret_borrow<py::object>(args);
    auto named = keywords ? py::reinterpret_borrow<py::dict>(keywords) : py::dict();
    call_pre_hooks(hooks, self, given, named);
    result = call_hooks(hooks, self, given, named, forward_of(self, given.ptr(), named.ptr()));
  }
  attempt.keep();
  return result.release().ptr();
}

PyObject* module_call(PyObject* self, PyObject* args, PyObject* keywords) {
  return guarded([&]() -> PyObject* {
    Module& m = module_of(self);
    const bool plain = PyTuple_GET_SIZE(args) == 1 && !keywords &&
                       is_tensor(PyTuple_GET_ITEM(args, 0)) && !dynamic_cast<FromPython*>(&m);
    if (!plain) return call_python(self, m, args, keywords);
    const Tensor x = tensor_of(PyTuple_GET_ITEM(args, 0));
    Tensor y;
    {
      const Walk walk(m);
      y = m(x);
    }
    return wrap(std::move(y));
  });
}

// ---- Attributes

std::string text_of(PyObject* name) {
  const char* text = PyUnicode_AsUTF8(name);
  if (!text) throw PythonError();
  return text;
}

[[noreturn]] void refuse(PyObject* value, const std::string& name, const char* what) {
  PyErr_Format(PyExc_TypeError, "cannot assign '%s' as '%s': a %s or None is expected",
               Py_TYPE(value)->tp_name, name.c_str(), what);
  throw PythonError();
}

// The object's own attribute of that name, for a look-up without a detour. What C++ refers to is a
// property.
void keep_attribute(PyObject* self, const std::string& name, PyObject* value) {
  const Owned dict(PyObject_GenericGetDict(self, nullptr));
  const int failed = value ? PyDict_SetItemString(dict.get(), name.c_str(), value)
                           : PyDict_DelItemString(dict.get(), name.c_str());
  if (failed && value) throw PythonError();
  PyErr_Clear();
}

bool is_parameter(PyObject* o) { return PyObject_TypeCheck(o, parameter_type); }

void set_tensor(PyObject* self, Module& m, const std::string& name, PyObject* value,
                bool is_parameter, bool persistent) {
  ModuleTree::Slot slot{name, value == Py_None ? Tensor() : tensor_of(value), is_parameter,
                        persistent};
  if (is_parameter && slot.tensor.defined() && !slot.tensor.is_leaf()) {
    PyErr_Format(PyExc_ValueError, "[register] got a parameter '%s' that an operation made",
                 name.c_str());
    throw PythonError();
  }
  wait_for_walks(m);
  ModuleTree::set_tensor(m, slot);
  if (!ModuleTree::find_slot(m, name)->kept) keep_attribute(self, name, value);
}

std::shared_ptr<Module>* find_part(const Module& m, const std::string& name) {
  for (auto& [own, part] : ModuleTree::parts(m).children) {
    if (own == name) return &part;
  }
  return nullptr;
}

// Of each module that a copy or pickle has made, by its address: weak references to those that it
// has become a part of.
py::dict& loose_modules() {
  static auto* all = new py::dict;  // never ends
  return *all;
}

py::int_ address(const py::handle& o) {
  return py::reinterpret_steal<py::int_>(PyLong_FromVoidPtr(o.ptr()));
}

void set_part(PyObject* self, Module& m, const std::string& name, PyObject* value) {
  wait_for_walks(m);
  ModuleTree::set_child(m, name, held_part(value));
  const py::object holders = loose_modules().attr("get")(address(value));
  if (!holders.is_none()) holders.attr("append")(py::weakref(py::handle(self)));
  keep_attribute(self, name, value);
}

// Whether the attribute is a parameter, buffer or part, which it then has become.
bool set_registered(PyObject* self, Module& m, const std::string& name, PyObject* value) {
  if (is_parameter(value)) return set_tensor(self, m, name, value, true, true), true;
  if (is_module(value)) return set_part(self, m, name, value), true;
  if (const auto* slot = ModuleTree::find_slot(m, name)) {
    if (value != Py_None && (slot->is_parameter || !is_tensor(value))) {
      refuse(value, name, slot->is_parameter ? "weft.nn.Parameter" : "weft.Tensor");
    }
    return set_tensor(self, m, name, value, slot->is_parameter, slot->persistent), true;
  }
  if (!ModuleTree::find_child(m, name)) return false;
  if (value != Py_None) refuse(value, name, "weft.nn.Module");
  wait_for_walks(m);
  ModuleTree::remove(m, name);
  return false;
}

int module_setattr(PyObject* self, PyObject* name, PyObject* value) {
  const auto done = [&]() -> PyObject* {
    const std::string text = text_of(name);
    if (text.starts_with("__")) return nullptr;
    Module& m = module_of(self);
    if (value) return set_registered(self, m, text, value) ? Py_None : nullptr;
    wait_for_walks(m);
    if (!ModuleTree::remove(m, text)) return nullptr;
    keep_attribute(self, text, nullptr);
    return Py_None;
  };
  if (guarded(done)) return 0;
  return PyErr_Occurred() ? -1 : PyObject_GenericSetAttr(self, name, value);
}

}  // namespace

// ---- Objects

Module& module_of(PyObject* self) {
  const auto* instance = reinterpret_cast<py::detail::instance*>(self);
  void* value = instance->simple_layout ? instance->simple_value_holder[0]
                                        : instance->nonsimple.values_and_holders[0];
  if (!value) {
    PyErr_Format(PyExc_AttributeError,
                 "%s is not made yet: call super().__init__() before anything else in its __init__",
                 Py_TYPE(self)->tp_name);
    throw PythonError();
  }
  return *static_cast<Module*>(value);
}

bool is_module(PyObject* o) { return PyObject_TypeCheck(o, module_type); }

bool is_module_type(PyTypeObject* type) { return PyType_IsSubtype(type, module_type); }

PyObject* standing_object(const Module& m) {
  return py::detail::with_instance_map(&m, [&](py::detail::instance_map& map) -> PyObject* {
    const auto [first, last] = map.equal_range(&m);
    for (auto at = first; at != last; ++at) {
      auto* o = reinterpret_cast<PyObject*>(at->second);
      if (is_module(o)) return o;
    }
    return nullptr;
  });
}

py::object module_object(std::shared_ptr<Module>& part) {
  if (const auto* held = std::get_deleter<HeldPart>(part)) {
    return py::reinterpret_borrow<py::object>(held->object);
  }
  py::object o = py::cast(part);
  part = held_part(o.ptr());
  return o;
}

py::object part_object(const Module& m, const std::string& name) {
  std::shared_ptr<Module>* part = find_part(m, name);
  return part ? module_object(*part) : py::object();
}

void note_loose(const py::object& module) {
  const py::int_ key = address(module);
  loose_modules()[key] = py::list();
  const py::cpp_function forget([key](const py::handle& weak) {
    loose_modules().attr("pop")(key, py::none());
    weak.dec_ref();
  });
  py::weakref(module, forget).release();
}

namespace {

// The object lets go of its module and stands for another one of the same class.
void stand_for(PyObject* o, const std::shared_ptr<Module>& m) {
  using Holder = py::smart_holder;
  auto* instance = reinterpret_cast<py::detail::instance*>(o);
  const auto* type = py::detail::get_type_info(Py_TYPE(o));
  auto slot = instance->get_value_and_holder();
  py::detail::deregister_instance(instance, slot.value_ptr(), type);
  Holder& holder = slot.holder<Holder>();
  holder.~Holder();
  new (&holder) Holder(Holder::from_shared_ptr(m));
  slot.value_ptr() = m.get();
  py::detail::register_instance(instance, m.get(), type);
}

}  // namespace

void become_part(const py::object& self, const std::string& name, const py::object& loose) {
  std::shared_ptr<Module>* part = find_part(module_of(self.ptr()), name);
  if (!part || std::get_deleter<HeldPart>(*part) || !loose_modules().contains(address(loose)))
    return;
  const Module* before = &module_of(loose.ptr());
  const Module& now = **part;
  if (typeid(*before) != typeid(now)) return;
  const py::object holders = loose_modules().attr("pop")(address(loose));
  stand_for(loose.ptr(), *part);
  *part = held_part(loose.ptr());
  for (const py::handle weak : holders) {
    const py::object holder = weak();
    if (holder.is_none()) continue;
    for (auto& [own, held] : ModuleTree::parts(module_of(holder.ptr())).children) {
      if (held.get() == before) held = held_part(loose.ptr());
    }
  }
}

int visit_parts(const Module& m, visitproc visit, void* arg) {
  for (const auto& [name, part] : ModuleTree::parts(m).children) {
    const auto* held = std::get_deleter<HeldPart>(part);
    if (held && part.use_count() == 1) Py_VISIT(held->object);
  }
  return 0;
}

void set_module_slots(PyHeapTypeObject* type) {
  module_type = &type->ht_type;
  module_type->tp_call = module_call;
  module_type->tp_setattro = module_setattr;
}

py::object module_attribute(const py::object& self, const std::string& name) {
  const auto* instance = reinterpret_cast<py::detail::instance*>(self.ptr());
  if (!instance->simple_layout || instance->simple_value_holder[0]) {
    const Module& m = module_of(self.ptr());
    if (const auto* slot = ModuleTree::find_slot(m, name)) {
      PyObject* o = slot->is_parameter ? wrap_parameter(slot->tensor) : wrap(slot->tensor);
      return py::reinterpret_steal<py::object>(o);
    }
    if (py::object part = part_object(m, name)) {
      keep_attribute(self.ptr(), name, part.ptr());
      return part;
    }
  }
  throw py::attribute_error("'" + std::string(Py_TYPE(self.ptr())->tp_name) +
                            "' object has no attribute '" + name + "'");
}

void register_tensor(const py::object& self, const std::string& name, const py::object& value,
                     bool parameter, bool persistent) {
  Module& m = module_of(self.ptr());
  PyObject* v = value.ptr();
  if (v != Py_None && !(parameter ? is_parameter(v) : is_tensor(v))) {
    refuse(v, name, parameter ? "weft.nn.Parameter" : "weft.Tensor");
  }
  const auto* slot = ModuleTree::find_slot(m, name);
  if (!slot && py::hasattr(self, name.c_str())) {
    PyErr_Format(PyExc_KeyError, "attribute '%s' already exists", name.c_str());
    throw PythonError();
  }
  set_tensor(self.ptr(), m, name, v, parameter, persistent);
}

void register_part(const py::object& self, const std::string& name, const py::object& part) {
  if (!is_module(part.ptr())) refuse(part.ptr(), name, "weft.nn.Module");
  set_part(self.ptr(), module_of(self.ptr()), name, part.ptr());
}

void put_tensor(const py::object& self, const std::string& name, const py::object& value,
                bool is_parameter, bool persistent) {
  if (!value.is_none() && !is_tensor(value.ptr())) refuse(value.ptr(), name, "weft.Tensor");
  set_tensor(self.ptr(), module_of(self.ptr()), name, value.ptr(), is_parameter, persistent);
}

}  // namespace weft::python
