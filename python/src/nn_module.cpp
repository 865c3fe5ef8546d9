#include <algorithm>
#include <unordered_set>

#include <weft/python/src/cuda.h>
#include <weft/python/src/nn_module.h>
#include <weft/python/src/nn_walk.h>

// weft.nn.Module.
namespace weft::python {

using nn::Module;
using nn::ModuleTree;
using nn::NamedTensors;

py::dict to_dict(const nn::StateDict& state) {
  py::dict d;
  for (const auto& [name, tensor] : state) d[py::str(name)] = tensor;
  return d;
}

nn::StateDict to_state(const py::handle& mapping) {
  nn::StateDict state;
  for (const py::handle key : mapping) {
    const py::object value = mapping[key];
    if (!is_tensor(value.ptr()) && !is_array(value.ptr())) {
      throw py::type_error("got " + std::string(Py_TYPE(value.ptr())->tp_name) +
                           " under the name " + py::str(key).cast<std::string>() +
                           " of a state, expected a tensor");
    }
    state.emplace_back(py::str(key).cast<std::string>(), as_tensor(value.ptr()));
  }
  return state;
}

namespace {

using NamedObjects = std::vector<std::pair<std::string, py::object>>;

py::object tensor_object(const Tensor& t, bool parameter) {
  PyObject* o = parameter ? wrap_parameter(t) : wrap(t);
  if (!o) throw py::error_already_set();
  return py::reinterpret_steal<py::object>(o);
}

bool is_own(const std::string& name) { return name.find('.') == std::string::npos; }

py::iterator named_tensors(const NamedTensors& all, bool parameters, const std::string& prefix,
                           bool recurse) {
  py::list list;
  for (const auto& [name, t] : all) {
    if (!recurse && !is_own(name)) continue;
    list.append(
        py::make_tuple(prefix + (prefix.empty() ? "" : ".") + name, tensor_object(t, parameters)));
  }
  return py::iter(list);
}

py::iterator tensors(const NamedTensors& all, bool parameters, bool recurse) {
  py::list list;
  for (const auto& [name, t] : all) {
    if (recurse || is_own(name)) list.append(tensor_object(t, parameters));
  }
  return py::iter(list);
}

using Seen = std::unordered_set<const Module*>;

// seen: null where each module may come more than once.
void gather(const py::object& self, const std::string& name, Seen* seen, NamedObjects& list) {
  const Module& m = module_of(self.ptr());
  if (seen && !seen->insert(&m).second) return;
  list.emplace_back(name, self);
  for (auto& [child, part] : ModuleTree::parts(m).children) {
    gather(module_object(part), name + (name.empty() ? "" : ".") + child, seen, list);
  }
}

NamedObjects named_modules(const py::object& self, const py::object& memo,
                           const std::string& prefix, bool once) {
  NamedObjects list;
  Seen seen;
  if (!memo.is_none()) {
    for (const py::handle known : memo) {
      if (!is_module(known.ptr()))
        throw py::type_error("[named_modules] got a memo with something else, expected modules");
      seen.insert(&module_of(known.ptr()));
    }
  }
  gather(self, prefix, once ? &seen : nullptr, list);
  if (!memo.is_none() && once) {
    for (const auto& [name, module] : list) memo.attr("add")(module);
  }
  return list;
}

NamedObjects named_children(const Module& m) {
  NamedObjects list;
  Seen seen;
  for (auto& [name, part] : ModuleTree::parts(m).children) {
    if (seen.insert(part.get()).second) list.emplace_back(name, module_object(part));
  }
  return list;
}

py::iterator named(const NamedObjects& objects) {
  py::list list;
  for (const auto& [name, o] : objects) list.append(py::make_tuple(name, o));
  return py::iter(list);
}

py::iterator alone(const NamedObjects& objects) {
  py::list list;
  for (const auto& [name, o] : objects) list.append(o);
  return py::iter(list);
}

py::object apply(const py::object& self, const py::object& f) {
  auto children = ModuleTree::parts(module_of(self.ptr())).children;  // f may change them
  for (auto& [name, part] : children) module_object(part).attr("apply")(f);
  f(self);
  return self;
}

// Parts whose class has a train() of its own get their call.
void train(Module& m, bool mode) {
  ModuleTree::set_training(m, mode);
  auto children = ModuleTree::parts(m).children;
  for (auto& [name, part] : children) {
    if (dynamic_cast<const FromPython*>(part.get())) {
      module_object(part).attr("train")(mode);
    } else {
      train(*part, mode);
    }
  }
}

py::object find_module(py::object self, const std::string& path) {
  std::size_t from = 0;
  while (from < path.size()) {
    const std::size_t to = std::min(path.find('.', from), path.size());
    const std::string name = path.substr(from, to - from);
    py::object part = part_object(module_of(self.ptr()), name);
    if (!part) {
      throw py::attribute_error("there is no module '" + path + "': '" + name + "' is missing");
    }
    self = std::move(part);
    from = to + 1;
  }
  return self;
}

py::object find_tensor(const py::object& self, const std::string& path, bool parameter) {
  const std::size_t dot = path.rfind('.');
  const py::object owner = find_module(self, dot == std::string::npos ? "" : path.substr(0, dot));
  const auto* slot = ModuleTree::find_slot(module_of(owner.ptr()),
                                           dot == std::string::npos ? path : path.substr(dot + 1));
  if (!slot || slot->is_parameter != parameter) {
    throw py::attribute_error("there is no " + std::string(parameter ? "parameter" : "buffer") +
                              " '" + path + "'");
  }
  return tensor_object(slot->tensor, parameter);
}

// After *args pybind11 converts no last argument: that is the dtype, which needs it not.
Module& module_to_change(const py::object& self) {
  Module& m = module_of(self.ptr());
  wait_for_walks(m);
  return m;
}

py::object convert(const py::object& self, const py::args& args,
                   const std::optional<Device>& device, const std::optional<DType>& dtype) {
  Module& m = module_to_change(self);
  if (device) m.to(*device);
  if (dtype) m.to(*dtype);
  for (const py::handle a : args) {
    if (py::isinstance<py::str>(a) || py::isinstance<py::int_>(a) || py::isinstance<Device>(a)) {
      m.to(a.cast<Device>());
    } else {
      m.to(is_tensor(a.ptr()) ? tensor_of(a.ptr()).dtype() : a.cast<DType>());
    }
  }
  return self;
}

// The copying may take long: other threads run.
std::vector<std::string> load_matching(Module& m, const py::object& state, bool strict) {
  const nn::StateDict given = to_state(state);
  const py::gil_scoped_release released;
  if (!strict) return m.load_matching(given);
  m.load_state_dict(given);
  return {};
}

py::object load(Module& m, const py::object& state, bool strict) {
  py::list missing, unexpected;
  for (const std::string& line : load_matching(m, state, strict)) {
    const std::size_t end = line.find(" is ");
    (line.ends_with("missing") ? missing : unexpected).append(line.substr(0, end));
  }
  PYBIND11_CONSTINIT static py::gil_safe_call_once_and_store<py::object> type;
  type.call_once_and_store_result([] {
    return py::module_::import("collections")
        .attr("namedtuple")("IncompatibleKeys", py::make_tuple("missing_keys", "unexpected_keys"));
  });
  return type.get_stored()(missing, unexpected);
}

template <class Class>
void def_lists(Class& c) {
  c.def(
      "parameters",
      [](const Module& m, bool recurse) { return tensors(m.named_parameters(), true, recurse); },
      "The parameters, each once, in the order of registration; an iterator.\n\n"
      "weft.Error while one waits for an input's shape.",
      "recurse"_a = true);
  c.def(
      "named_parameters",
      [](const Module& m, const std::string& prefix, bool recurse, bool once) {
        return named_tensors(m.named_parameters(once), true, prefix, recurse);
      },
      "Pairs of name and parameter, each once unless remove_duplicate is False.", "prefix"_a = "",
      "recurse"_a = true, "remove_duplicate"_a = true);
  c.def(
      "buffers",
      [](const Module& m, bool recurse) { return tensors(m.named_buffers(), false, recurse); },
      "The buffers, each once.", "recurse"_a = true);
  c.def(
      "named_buffers",
      [](const Module& m, const std::string& prefix, bool recurse, bool once) {
        return named_tensors(m.named_buffers(once), false, prefix, recurse);
      },
      "Pairs of name and buffer, each once unless remove_duplicate is False.", "prefix"_a = "",
      "recurse"_a = true, "remove_duplicate"_a = true);
  c.def(
      "children", [](const Module& m) { return alone(named_children(m)); },
      "The module's own parts.");
  c.def(
      "named_children", [](const Module& m) { return named(named_children(m)); },
      "Pairs of name and part.");
  c.def(
      "modules",
      [](const py::object& self) { return alone(named_modules(self, py::none(), "", true)); },
      "The module, its parts, theirs and so on, each once.");
  c.def(
      "named_modules",
      [](const py::object& self, const py::object& memo, const std::string& prefix, bool once) {
        return named(named_modules(self, memo, prefix, once));
      },
      "Pairs of name and module, each once unless remove_duplicate is False; the first is this "
      "one, named \"\".\n\nmemo: a set of modules to leave out, to which those that come are "
      "added.",
      "memo"_a = py::none(), "prefix"_a = "", "remove_duplicate"_a = true);
  c.def("parameter_count", &Module::parameter_count, "The elements of all parameters.");
  c.def("get_submodule", &find_module, "The part of that name, such as \"features.0\".",
        "target"_a);
  c.def(
      "get_parameter",
      [](const py::object& self, const std::string& t) { return find_tensor(self, t, true); },
      "The parameter of that name.", "target"_a);
  c.def(
      "get_buffer",
      [](const py::object& self, const std::string& t) { return find_tensor(self, t, false); },
      "The buffer of that name.", "target"_a);
}

template <class Class>
void def_registration(Class& c) {
  c.def("__getattr__", &module_attribute, "name"_a);
  c.def(
      "register_parameter",
      [](const py::object& self, const std::string& name, const py::object& param) {
        register_tensor(self, name, param, true, true);
      },
      "Makes a weft.nn.Parameter, or None, the module's under that name.", "name"_a, "param"_a);
  c.def(
      "register_buffer",
      [](const py::object& self, const std::string& name, const py::object& tensor,
         bool persistent) { register_tensor(self, name, tensor, false, persistent); },
      "Makes a tensor, or None, part of the module that is no parameter; it stands in state_dict() "
      "if persistent.",
      "name"_a, "tensor"_a, "persistent"_a = true);
  for (const char* name : {"add_module", "register_module"}) {
    c.def(name, &register_part, "Makes a module a part of this one.", "name"_a, "module"_a);
  }
}

template <class Class>
void def_changes(Class& c) {
  c.def("apply", &apply, "Calls fn(module) for every part, then for this module; returns it.",
        "fn"_a);
  c.def("zero_grad", &Module::zero_grad,
        "Sets the grad of every parameter to None, or fills those that are there with zeros.",
        "set_to_none"_a = true);
  c.def(
      "requires_grad_",
      [](const py::object& self, bool value) {
        module_of(self.ptr()).requires_grad_(value);
        return self;
      },
      "Whether the parameters get gradients.", "requires_grad"_a = true);
  c.def(
      "train",
      [](const py::object& self, bool mode) {
        train(module_of(self.ptr()), mode);
        return self;
      },
      "Whether dropout drops and batch norm takes the batch's statistics; parts follow.",
      "mode"_a = true);
  c.def(
      "eval", [](const py::object& self) { return self.attr("train")(false); },
      "Puts the module into evaluation: train(False).");
  c.def_property("training", &Module::training, &ModuleTree::set_training,
                 "Whether the module is in training.");
  c.def("to", &convert,
        "to(dtype), to(device), to(device, dtype): converts parameters and buffers of floating "
        "dtype in place; an optimiser's go along.",
        "device"_a = py::none(), "dtype"_a = py::none());
  for (auto [name, dtype] : {std::pair{"float", DType::F32},
                             {"double", DType::F64},
                             {"half", DType::F16},
                             {"bfloat16", DType::BF16}}) {
    c.def(
        name,
        [dtype = dtype](const py::object& self) {
          module_to_change(self).to(dtype);
          return self;
        },
        "to() of that dtype.");
  }
  c.def(
      "cpu",
      [](const py::object& self) {
        module_to_change(self).to(kCPU);
        return self;
      },
      "Moves parameters and buffers to the CPU; an optimiser's go along.");
  c.def(
      "cuda",
      [](const py::object& self, const py::object& device) {
        module_to_change(self).to(cuda_device(device));
        return self;
      },
      "Moves parameters and buffers to a CUDA device (the current one at None); an optimiser's go "
      "along. DeviceError without one.",
      "device"_a = py::none());
}

template <class Class>
void def_shapes(Class& c) {
  c.def("infer", &Module::infer, "The shape of the result for an input of that shape.", "input"_a);
  c.def(
      "summary", [](const Module& m, const Shape& input) { return m.summary(input); },
      "A row for each layer with output shape, parameters and memory; nothing is computed.\n\n"
      "input_shape: with the batch dimension. A forward() of Python is run on zeros.",
      "input_shape"_a);
  c.def("materialize", &Module::materialize,
        "Makes the parameters that wait for an input's shape; returns the output's.",
        "input_shape"_a);
  c.def("__repr__", &Module::str);
  c.def("str", &Module::str, "The tree, as repr() shows it.");
  c.def("kind", &Module::kind, "The name of the class.");
  c.def("_get_name", &Module::kind);
}

template <class Class>
void def_module_state(Class& c) {
  c.def(
      "state_dict",
      [](const Module& m, const std::string& prefix) {
        auto state = m.state_dict();
        for (auto& entry : state) entry.first = prefix + entry.first;
        return to_dict(state);
      },
      "Parameters and persistent buffers by name, off the tape; they share their memory.",
      py::kw_only(), "prefix"_a = "");
  c.def("load_state_dict", &load,
        "Copies values into parameters and buffers by name, converting dtypes.\n\n"
        "With strict, names that are missing or unknown are a ValueError; a shape that differs "
        "always is. Nothing has changed then. Returns (missing_keys, unexpected_keys).",
        "state_dict"_a, "strict"_a = true);
  c.def(
      "load_matching",
      [](Module& m, const py::object& state) { return load_matching(m, state, false); },
      "Loads what fits by name, and returns a line for each name that does not.", "state_dict"_a);
}

void bind_summary(py::module_& nn) {
  using nn::Summary, nn::SummaryRow;
  py::class_<SummaryRow>(nn, "SummaryRow", "One layer in a summary.")
      .def_readonly("name", &SummaryRow::name, "The name in the module it belongs to.")
      .def_readonly("kind", &SummaryRow::kind, "The name of its class.")
      .def_readonly("depth", &SummaryRow::depth, "How many modules it is inside of.")
      .def_readonly("leaf", &SummaryRow::leaf, "Has no parts.")
      .def_readonly("output", &SummaryRow::output, "The shape of its result.")
      .def_readonly("parameters", &SummaryRow::parameters, "Its own, without those of its parts.");
  py::class_<Summary>(nn, "Summary",
                      "What Module.summary() returns; str() makes a table of it.\n\n"
                      ">>> net = nn.Sequential(nn.Linear(4, 3), nn.ReLU())\n"
                      ">>> summary = net.summary((1, 4))\n"
                      ">>> summary.parameters, summary.output\n"
                      "(15, weft.Size([1, 3]))\n"
                      ">>> [row.kind for row in summary.rows]\n"
                      "['Sequential', 'Linear', 'ReLU']")
      .def_readonly("rows", &Summary::rows, "A SummaryRow for each layer.")
      .def_readonly("input", &Summary::input, "The shape that was given.")
      .def_readonly("output", &Summary::output, "The shape of the result.")
      .def_readonly("parameters", &Summary::parameters, "Elements of all parameters.")
      .def_readonly("trainable", &Summary::trainable, "Of these, those that get gradients.")
      .def_readonly("parameter_bytes", &Summary::parameter_bytes,
                    "Bytes of parameters and buffers.")
      .def_readonly("activation_bytes", &Summary::activation_bytes, "Bytes of the layers' results.")
      .def("__repr__", &Summary::str)
      .def("str", &Summary::str, "The table.");
}

}  // namespace

void bind_nn_state(py::module_& nn) {
  using nn::Stateful;
  py::classh<Stateful>(nn, "Stateful", "What has a state: modules, optimisers, schedules.")
      .def(
          "state_dict", [](const Stateful& o) { return to_dict(o.state_dict()); },
          "The state as a dict of tensors by name, which share memory with the object.")
      .def(
          "load_state_dict",
          [](Stateful& o, const py::object& state) {
            const nn::StateDict given = to_state(state);
            const py::gil_scoped_release released;
            o.load_state_dict(given);
          },
          "Copies a state into the object; ValueError that lists what does not fit, and nothing "
          "has changed then.",
          "state_dict"_a)
      .def(
          "mismatches",
          [](const Stateful& o, const py::object& state) { return o.mismatches(to_state(state)); },
          "What keeps a state from being loaded, a line each.", "state_dict"_a);
}

void bind_nn_module(py::module_& nn) {
  bind_summary(nn);
  py::classh<Module, nn::Stateful, Overridable<Module>> c(
      nn, "Module",
      "A function with parameters; derive from it, set parts in __init__, and write forward().\n\n"
      ">>> class Net(nn.Module):\n"
      "...     def __init__(self):\n"
      "...         super().__init__()\n"
      "...         self.first = nn.Linear(4, 8)\n"
      "...         self.last = nn.Linear(8, 2)\n"
      "...     def forward(self, x):\n"
      "...         return self.last(self.first(x).relu())\n"
      ">>> net = Net()\n"
      ">>> net(weft.ones(1, 4)).shape\n"
      "weft.Size([1, 2])\n"
      ">>> net\n"
      "Net(\n"
      "  (first): Linear(in_features=4, out_features=8, bias=True)\n"
      "  (last): Linear(in_features=8, out_features=2, bias=True)\n"
      ")\n"
      ">>> [name for name, _ in net.named_parameters()]\n"
      "['first.weight', 'first.bias', 'last.weight', 'last.bias']",
      py::dynamic_attr(), py::custom_type_setup(&set_module_slots));
  c.def(py::init_alias<>());
  def_overridable(c);
  def_lists(c);
  def_registration(c);
  def_changes(c);
  def_shapes(c);
  def_module_state(c);
  define_hooks(nn, c);
  def_arguments(c, [](const Module&) { return py::dict(); });
}

}  // namespace weft::python
