#include <algorithm>

#include <weft/python/src/held.h>
#include <weft/python/src/nn_module.h>
#include <weft/python/src/nn_walk.h>

// Hooks of Python in modules.
namespace weft::python {

using nn::Module;
using nn::ModuleTree;

namespace {

[[noreturn]] void refuse(const py::handle& o, const char* hook, const char* expected) {
  throw py::type_error(std::string("[") + hook + "] got " + Py_TYPE(o.ptr())->tp_name +
                       " from the hook, expected " + expected);
}

std::pair<py::tuple, py::dict> pair_of(const py::object& o) {
  const bool pair = py::isinstance<py::tuple>(o) && py::len(o) == 2 &&
                    py::isinstance<py::tuple>(o[py::int_(0)]) &&
                    py::isinstance<py::dict>(o[py::int_(1)]);
  if (!pair) refuse(o, "register_forward_pre_hook", "a pair (args, kwargs) or None");
  return {o[py::int_(0)], o[py::int_(1)]};
}

// A module of C++ takes a tensor where it got one; what one of Python takes is its own business.
void check_tensors(const py::handle& self, const py::object& before, const py::tuple& given) {
  if (dynamic_cast<const FromPython*>(&module_of(self.ptr()))) return;
  for (std::size_t i = 0; i < std::min(given.size(), py::len(before)); ++i) {
    const py::object was = before[py::int_(i)], now = given[i];
    if (is_tensor(was.ptr()) && !is_tensor(now.ptr())) {
      refuse(now, "register_forward_pre_hook", "a tensor, a tuple of the arguments, or None");
    }
  }
}

// C++ copies and drops it without the interpreter's lock.
struct PythonHook {
  Held function;
  std::weak_ptr<Module> module;
  bool with_kwargs = false;
  // None leaves things as they are.
  Tensor result(const py::object& o, const char* name) const {
    if (o.is_none()) return {};
    if (!is_tensor(o.ptr())) refuse(o, name, "a tensor or None");
    return tensor_of(o.ptr());
  }
  Tensor operator()(Module& m, const Tensor& x) const {
    const py::gil_scoped_acquire lock;
    const PausedWalk paused;
    py::object args = py::make_tuple(x);
    py::dict keywords;
    before(self(m), args, keywords);
    if (py::len(args) != 1 || !keywords.empty()) {
      throw py::type_error("[register_forward_pre_hook] got other arguments from the hook of a " +
                           m.kind() + " (" + std::to_string(py::len(args)) + ", and " +
                           std::to_string(py::len(keywords)) +
                           " by name), expected the one tensor that it takes");
    }
    return result(args[py::int_(0)], "register_forward_pre_hook");
  }
  Tensor operator()(Module& m, const Tensor& x, const Tensor& y) const {
    const py::gil_scoped_acquire lock;
    const PausedWalk paused;
    return result(after(self(m), py::make_tuple(x), {}, py::cast(y)), "register_forward_hook");
  }
  // Puts what the hook returns in the place of the arguments.
  void before(const py::handle& self, py::object& args, py::dict& keywords) const {
    py::object o = with_kwargs ? function.get()(self, args, keywords) : function.get()(self, args);
    if (o.is_none()) return;
    if (with_kwargs) {
      std::tie(args, keywords) = pair_of(o);
    } else {
      const py::tuple given = py::isinstance<py::tuple>(o) ? py::tuple(o) : py::make_tuple(o);
      check_tensors(self, args, given);
      args = given;
    }
  }
  py::object after(const py::handle& self, const py::object& args, const py::dict& keywords,
                   const py::object& result) const {
    return with_kwargs ? function.get()(self, args, keywords, result)
                       : function.get()(self, args, result);
  }
  py::object self(Module& m) const {
    if (PyObject* o = standing_object(m)) return py::reinterpret_borrow<py::object>(o);
    return py::cast(module.lock());
  }
};

using Hook = ModuleTree::Hooks::value_type;

// Null for one of C++.
const PythonHook* python_hook(const Hook& hook) {
  const PythonHook* before = hook.before.target<PythonHook>();
  return before ? before : hook.after.target<PythonHook>();
}

}  // namespace

void call_pre_hooks(const ModuleTree::Hooks& hooks, const py::handle& self, py::object& args,
                    py::dict& keywords) {
  for (const auto& hook : hooks) {
    if (const auto* f = hook.before.target<PythonHook>()) f->before(self, args, keywords);
  }
}

py::object call_hooks(const ModuleTree::Hooks& hooks, const py::handle& self,
                      const py::object& args, const py::dict& keywords, py::object result) {
  for (const auto& hook : hooks) {
    const PythonHook* f = hook.after.target<PythonHook>();
    if (!f) continue;
    py::object o = f->after(self, args, keywords, result);
    if (!o.is_none()) result = std::move(o);
  }
  return result;
}

py::list hooks_of(const Module& m) {
  py::list list;
  for (const Hook& hook : ModuleTree::parts(m).hooks) {
    const PythonHook* f = python_hook(hook);
    if (!f) continue;
    list.append(py::make_tuple(f->function.get(), static_cast<bool>(hook.before), f->with_kwargs));
  }
  return list;
}

int visit_hooks(const Module& m, visitproc visit, void* arg) {
  for (const Hook& hook : ModuleTree::parts(m).hooks) {
    const PythonHook* f = python_hook(hook);
    if (f && f->function.is_alone()) Py_VISIT(f->function.ptr());
  }
  return 0;
}

void clear_hooks(Module& m) {
  auto& hooks = ModuleTree::parts(m).hooks;
  const auto gone = std::exchange(hooks, {});  // what they hold dies last, and may look at them
  for (const Hook& hook : gone) {
    if (!python_hook(hook)) hooks.push_back(hook);
  }
}

namespace {

// Knows its module weakly: a module that keeps the handle of its own hook is no circle.
struct HookHandle {
  py::weakref module;
  std::vector<Index> numbers;
  void remove() {
    const py::object o = module();
    if (o.is_none()) return;
    Module& m = module_of(o.ptr());
    wait_for_walks(m);
    for (Index number : numbers) m.remove_hook(number);
  }
  HookHandle with(const HookHandle& other) const {
    HookHandle both = *this;
    both.numbers.insert(both.numbers.end(), other.numbers.begin(), other.numbers.end());
    return both;
  }
};

template <class Add>
void define_registration(py::handle type, const char* name, const char* doc, Add add) {
  type.attr(name) = py::cpp_function(
      [add](const py::object& self, const py::object& hook, bool prepend, bool with_kwargs) {
        Module& m = module_of(self.ptr());
        wait_for_walks(m);
        const Index number =
            add(m, PythonHook{Held(hook), self.cast<std::shared_ptr<Module>>(), with_kwargs});
        auto& hooks = ModuleTree::parts(m).hooks;
        if (prepend) std::rotate(hooks.begin(), hooks.end() - 1, hooks.end());
        return HookHandle{py::weakref(self), {number}};
      },
      py::name(name), py::is_method(type), doc, "hook"_a, py::kw_only(), "prepend"_a = false,
      "with_kwargs"_a = false);
}

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
      .def("_with", &HookHandle::with, "other"_a)
      .def("__enter__", [](const py::object& self) { return self; })
      .def("__exit__", [](HookHandle& h, const py::args&) { h.remove(); });
  define_registration(
      type, "register_forward_hook",
      "Calls hook(module, args, output) after each call; what it returns, unless None, is the "
      "output.\n\nprepend: before the hooks that are there. with_kwargs: hook(module, args, "
      "kwargs, "
      "output).",
      [](Module& m, const PythonHook& h) { return m.register_forward_hook(h); });
  define_registration(
      type, "register_forward_pre_hook",
      "Calls hook(module, args) before each call; what it returns, unless None, are the "
      "args.\n\nprepend: before the hooks that are there. with_kwargs: hook(module, args, kwargs), "
      "which returns None or a pair of both.",
      [](Module& m, const PythonHook& h) { return m.register_forward_pre_hook(h); });
}

}  // namespace weft::python
