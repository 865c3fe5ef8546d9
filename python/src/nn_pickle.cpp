#include <algorithm>

#include <weft/python/src/nn_module.h>

// Copies and pickles of modules. A module is made anew with the arguments of its compiled class and
// then given what it had: parameters, buffers, parts, hooks, attributes, modes. All these are
// Python objects, so that what several modules share stays shared within one copy or pickle.
namespace weft::python {

using nn::Module;
using nn::ModuleTree;

namespace {

constexpr const char* kOwn = "_weft";  // the entry of a state that is not the object's attributes

py::object slot_object(const ModuleTree::Slot& slot) {
  return py::reinterpret_steal<py::object>(slot.is_parameter ? wrap_parameter(slot.tensor)
                                                             : wrap(slot.tensor));
}

py::list slots_of(const Module& m) {
  py::list list;
  for (const auto& slot : ModuleTree::parts(m).slots) {
    list.append(py::make_tuple(slot.name, slot_object(slot), slot.is_parameter, slot.persistent));
  }
  return list;
}

bool is_kept(const Module& m, const Module* part) {
  const auto& kept = ModuleTree::parts(m).kept;
  return std::find(kept.begin(), kept.end(), part) != kept.end();
}

// Each with whether the class itself makes it.
py::list children_of(const Module& m) {
  py::list list;
  for (auto& [name, part] : ModuleTree::parts(m).children) {
    list.append(py::make_tuple(name, module_object(part), is_kept(m, part.get())));
  }
  return list;
}

py::dict attributes_of(const py::object& self, const Module& m) {
  py::dict own;
  for (const auto& [key, value] : self.attr("__dict__").cast<py::dict>()) {
    const auto name = py::cast<std::string>(key);
    if (!ModuleTree::find_slot(m, name) && !ModuleTree::find_child(m, name)) own[key] = value;
  }
  return own;
}

py::dict get_state(const py::object& self) {
  const Module& m = module_of(self.ptr());
  const auto& parts = ModuleTree::parts(m);
  py::dict state = attributes_of(self, m);
  state[kOwn] = py::dict("version"_a = 1, "training"_a = m.training(), "dtype"_a = parts.dtype,
                         "device"_a = parts.device.str(), "requires_grad"_a = parts.requires_grad,
                         "built"_a = parts.built, "slots"_a = slots_of(m),
                         "children"_a = children_of(m), "hooks"_a = hooks_of(m));
  return state;
}

py::dict checked(const py::object& state, const py::object& self, const char* what) {
  if (!py::isinstance<py::dict>(state) || !state.contains(kOwn)) {
    throw py::type_error(std::string(Py_TYPE(self.ptr())->tp_name) + what +
                         " a state without a module's, expected what nn.Module.__getstate__() "
                         "returns, with changes");
  }
  return state.attr("copy")();
}

// The parts that the class put there and that the module may lack.
void clear_children(Module& m) {
  std::vector<std::string> names;
  for (const auto& [name, part] : ModuleTree::parts(m).children) {
    if (!is_kept(m, part.get())) names.push_back(name);
  }
  for (const std::string& name : names) ModuleTree::remove(m, name);
}

// A part that the class makes itself stays, and takes the other's state. An object that the copy or
// pickle made for it stands for it from then on, wherever that object went.
void put_child(const py::object& self, const py::tuple& child) {
  const auto name = child[0].cast<std::string>();
  const py::object given = child[1];
  if (!child[2].cast<bool>()) return register_part(self, name, given);
  const py::object state = is_module(given.ptr()) ? given.attr("__getstate__")() : given;
  become_part(self, name, given);
  self.attr(name.c_str()).attr("__setstate__")(state);
}

void set_state(const py::object& self, const py::object& given) {
  const py::dict state = checked(given, self, ".__setstate__() got");
  const py::dict own = state.attr("pop")(kOwn);
  Module& m = module_of(self.ptr());
  self.attr("__dict__").attr("update")(state);
  auto& parts = ModuleTree::parts(m);
  parts.dtype = own["dtype"].cast<DType>();
  parts.device = Device(own["device"].cast<std::string>());
  parts.requires_grad = own["requires_grad"].cast<bool>();
  for (const py::handle s : own["slots"]) {
    const auto slot = s.cast<py::tuple>();
    put_tensor(self, slot[0].cast<std::string>(), slot[1], slot[2].cast<bool>(),
               slot[3].cast<bool>());
  }
  clear_children(m);
  for (const py::handle child : own["children"]) put_child(self, child.cast<py::tuple>());
  for (const py::handle hook : own["hooks"]) {
    const auto given = hook.cast<py::tuple>();
    const bool before = given[1].cast<bool>();
    self.attr(before ? "register_forward_pre_hook" : "register_forward_hook")(
        given[0], "with_kwargs"_a = given.size() > 2 && given[2].cast<bool>());
  }
  parts.built = own["built"].cast<bool>();
  ModuleTree::set_training(m, own["training"].cast<bool>());
}

py::tuple reduce(const py::object& self) {
  const py::object state = self.attr("__getstate__")();
  checked(state, self, ".__getstate__() returned");
  const py::object rebuild = py::module_::import("weft._weft").attr("_rebuild_module");
  const py::object arguments = self.attr("_arguments")();
  return py::make_tuple(rebuild, py::make_tuple(py::type::of(self), arguments), state);
}

// The compiled class that an object of a class has inside.
py::object compiled_class(PyObject* type) {
  const auto& inside = py::detail::all_type_info(reinterpret_cast<PyTypeObject*>(type));
  if (inside.size() == 1) {
    const py::handle base(reinterpret_cast<PyObject*>(inside[0]->type));
    if (base.attr("__dict__").contains("_arguments")) {
      return py::reinterpret_borrow<py::object>(base);
    }
  }
  throw py::type_error("[pickle] got another type, expected one of modules");
}

PyObject* rebuild(PyObject*, PyObject* args) {
  PyObject *type, *arguments;
  if (!PyArg_ParseTuple(args, "O!O!", &PyType_Type, &type, &PyDict_Type, &arguments)) {
    return nullptr;
  }
  return guarded([&]() -> PyObject* {
    const py::object base = compiled_class(type);
    const nn::LeaveUnbuilt unbuilt;
    py::object made = py::handle(type).attr("__new__")(py::handle(type));
    base.attr("__init__")(made, **py::reinterpret_borrow<py::dict>(arguments));
    note_loose(made);
    return made.release().ptr();
  });
}

// Pickled by its name, which pybind11's functions are not.
PyMethodDef functions[] = {
    {"_rebuild_module", rebuild, METH_VARARGS, "A module of a class and __init__'s arguments."},
    {}};

}  // namespace

void bind_module_pickles(py::module_& m) {
  const py::object type = m.attr("nn").attr("Module");
  if (PyModule_AddFunctions(m.ptr(), functions) != 0) throw py::error_already_set();
  const auto def = [&](const char* name, auto f, const auto&... extra) {
    return py::cpp_function(f, py::name(name), py::is_method(type), extra...);
  };
  type.attr("__reduce__") =
      def("__reduce__", &reduce, "For pickle and copy: class, arguments, state.");
  type.attr("__getstate__") =
      def("__getstate__", &get_state, "The attributes, and all that the module holds.");
  // pybind11 would take a function of that name for a constructor.
  type.attr("__setstate__") =
      def("_set_state", &set_state, "Takes over what __getstate__() returned.", "state"_a);
}

}  // namespace weft::python
