#include <weft/nn/attempt.h>
#include <weft/ops/make.h>

#include <weft/python/src/held.h>
#include <weft/python/src/nn_module.h>

// A module as a Python object: calls, attributes, hooks.
namespace weft::python {

using nn::Module;
using nn::ModuleTree;

namespace {

PyTypeObject* module_type;

// A hook of Python; C++ copies and drops it without the interpreter's lock.
struct PythonHook {
  Held function;
  std::weak_ptr<Module> module;
  // None leaves things as they are.
  Tensor result(const py::object& o, const char* name) const {
    if (o.is_none()) return {};
    if (!is_tensor(o.ptr())) throw py::type_error(std::string(name) + " did not return a tensor");
    return tensor_of(o.ptr());
  }
  Tensor operator()(Module& m, const Tensor& x) const {
    const py::gil_scoped_acquire lock;
    py::object o = function.get()(self(m), py::make_tuple(x));
    if (py::isinstance<py::tuple>(o) && py::len(o) == 1) o = o[py::int_(0)];
    return result(o, "the forward pre-hook");
  }
  Tensor operator()(Module& m, const Tensor& x, const Tensor& y) const {
    const py::gil_scoped_acquire lock;
    return result(function.get()(self(m), py::make_tuple(x), y), "the forward hook");
  }
  py::object self(Module& m) const {
    if (PyObject* o = standing_object(m)) return py::reinterpret_borrow<py::object>(o);
    return py::cast(module.lock());
  }
};

py::object run_before(const ModuleTree::Hooks& hooks, const py::handle& self, py::object args) {
  for (const auto& hook : hooks) {
    const PythonHook* f = hook.before.target<PythonHook>();
    if (!f) continue;
    py::object o = f->function.get()(self, args);
    if (!o.is_none()) args = py::isinstance<py::tuple>(o) ? o : py::make_tuple(o);
  }
  return args;
}

py::object run_after(const ModuleTree::Hooks& hooks, const py::handle& self, const py::object& args,
                     py::object result) {
  for (const auto& hook : hooks) {
    const PythonHook* f = hook.after.target<PythonHook>();
    if (!f) continue;
    py::object o = f->function.get()(self, args, result);
    if (!o.is_none()) result = std::move(o);
  }
  return result;
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
    const auto given = run_before(hooks, self, py::reinterpret_borrow<py::object>(args));
    result = run_after(hooks, self, given, forward_of(self, given.ptr(), keywords));
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
      const Unlocked unlocked;
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
  ModuleTree::set_tensor(m, slot);
  if (!ModuleTree::find_slot(m, name)->kept) keep_attribute(self, name, value);
}

void set_part(PyObject* self, Module& m, const std::string& name, PyObject* value) {
  ModuleTree::set_child(m, name, py::cast<std::shared_ptr<Module>>(py::handle(value)));
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
  ModuleTree::remove(m, name);
  return false;
}

int module_setattr(PyObject* self, PyObject* name, PyObject* value) {
  const auto done = [&]() -> PyObject* {
    const std::string text = text_of(name);
    if (text.starts_with("__")) return nullptr;
    Module& m = module_of(self);
    if (value) return set_registered(self, m, text, value) ? Py_None : nullptr;
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

py::object module_object(const std::shared_ptr<Module>& m) {
  if (PyObject* o = standing_object(*m)) return py::reinterpret_borrow<py::object>(o);
  return py::cast(m);
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
    if (const auto child = ModuleTree::find_child(m, name)) {
      py::object o = module_object(child);
      keep_attribute(self.ptr(), name, o.ptr());
      return o;
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

// ---- Hooks

py::list hooks_of(const Module& m) {
  py::list list;
  for (const auto& hook : ModuleTree::parts(m).hooks) {
    const PythonHook* before = hook.before.target<PythonHook>();
    const PythonHook* f = before ? before : hook.after.target<PythonHook>();
    if (f) list.append(py::make_tuple(f->function.get(), before != nullptr));
  }
  return list;
}

namespace {

struct HookHandle {
  py::object module;
  Index number;
  void remove() { module_of(module.ptr()).remove_hook(number); }
};

}  // namespace

void define_hooks(py::module_& nn, py::handle type) {
  py::class_<HookHandle>(
      nn, "RemovableHandle",
      "What registering a hook returns; removes it with remove() or at the end of a with block.\n\n"
      ">>> net = nn.Linear(2, 2)\n"
      ">>> with net.register_forward_hook(lambda module, args, y: y * 0):\n"
      "...     net(weft.ones(2)).detach()\n"
      "tensor([0., 0.])")
      .def("remove", &HookHandle::remove, "Takes the hook away.")
      .def("__enter__", [](const py::object& self) { return self; })
      .def("__exit__", [](HookHandle& h, const py::args&) { h.remove(); });
  const auto def = [&](const char* name, const char* doc, auto add) {
    type.attr(name) = py::cpp_function(
        [add](const py::object& self, const py::object& hook) {
          const PythonHook h{Held(hook), self.cast<std::shared_ptr<Module>>()};
          return HookHandle{self, add(module_of(self.ptr()), h)};
        },
        py::name(name), py::is_method(type), doc, "hook"_a);
  };
  def("register_forward_hook",
      "Calls hook(module, args, output) after each call; what it returns, unless None, is the "
      "output.",
      [](Module& m, const PythonHook& h) { return m.register_forward_hook(h); });
  def("register_forward_pre_hook",
      "Calls hook(module, args) before each call; what it returns, unless None, are the args.",
      [](Module& m, const PythonHook& h) { return m.register_forward_pre_hook(h); });
}

}  // namespace weft::python
