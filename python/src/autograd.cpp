#include <set>

#include <weft/autograd/engine.h>
#include <weft/autograd/function.h>
#include <weft/autograd/gradcheck.h>
#include <weft/autograd/origin.h>
#include <weft/core/error.h>
#include <weft/ops/autocast.h>
#include <weft/ops/make.h>
#include <weft/python/src/held.h>
#include <weft/python/src/part.h>

namespace weft::python {

using autograd::Edge;
using autograd::Node;

namespace {

[[noreturn]] void refuse(const py::handle& o, const std::string& op, const std::string& expected) {
  throw py::type_error("[" + op + "] got " + Py_TYPE(o.ptr())->tp_name + ", expected " + expected);
}

// None is an undefined tensor.
Tensor tensor_or_none(const py::handle& o, const char* op, const std::string& what) {
  if (o.is_none()) return {};
  if (!is_tensor(o.ptr())) refuse(o, op, "a tensor or None " + what);
  return tensor_of(o.ptr());
}

}  // namespace

std::vector<Tensor> to_tensors(const py::object& result, const char* op) {
  if (is_tensor(result.ptr())) return {tensor_of(result.ptr())};
  if (!py::isinstance<py::sequence>(result))
    refuse(result, op, "a tensor or a sequence of tensors");
  std::vector<Tensor> list;
  for (const py::handle o : result) list.push_back(tensor_or_none(o, op, "in a sequence"));
  return list;
}

namespace {

// ---- grad_fn: the node that made a tensor

struct NodeHandle {
  IntrusivePtr<Node> node;
};

std::optional<NodeHandle> handle_of(const IntrusivePtr<Node>& node) {
  if (!node) return {};
  return NodeHandle{node};
}

std::optional<NodeHandle> grad_fn(const Tensor& t) {
  if (!t.grad_fn()) return {};
  return NodeHandle{IntrusivePtr<Node>(autograd::node_of(*t.impl()))};
}

py::tuple next_functions(const NodeHandle& h) {
  const std::span<Edge> edges = h.node->edges();
  py::tuple result(edges.size());
  for (std::size_t i = 0; i < edges.size(); ++i) {
    result[i] = py::make_tuple(handle_of(edges[i].node), edges[i].output);
  }
  return result;
}

std::string node_name(const NodeHandle& h) {
  return h.node->is_leaf() ? "accumulate_grad" : h.node->name();
}

void bind_node(py::module_& m) {
  py::class_<NodeHandle>(m, "Node",
                         "What a recorded operation left on the tape.\n\n"
                         ">>> x = weft.ones(2, requires_grad=True)\n"
                         ">>> y = (x * 2).exp()\n"
                         ">>> y.grad_fn.name()\n"
                         "'exp'\n"
                         ">>> y.grad_fn.next_functions\n"
                         "((<mul>, 0),)")
      .def("name", &node_name, "The operation's name.")
      .def_property_readonly("next_functions", &next_functions,
                             "Pairs (Node or None, output) of what made the operation's inputs.")
      .def("__eq__", [](const NodeHandle& a, const NodeHandle& b) { return a.node == b.node; })
      .def("__hash__", [](const NodeHandle& h) { return std::hash<const void*>()(h.node.get()); })
      .def("__repr__", [](const NodeHandle& h) { return "<" + node_name(h) + ">"; });
  const auto type = py::reinterpret_borrow<py::object>(reinterpret_cast<PyObject*>(tensor_type));
  type.attr("grad_fn") =
      py::module_::import("builtins")
          .attr("property")(
              py::cpp_function(&grad_fn), py::none(), py::none(),
              "The weft.autograd.Node of the operation that made the tensor, or None.");
}

// ---- Functions written in Python (weft.autograd.Function)

struct Output {
  Shape sizes;
  DType dtype;
  bool on_tape = false;
};

struct Call {  // what is kept in FunctionContext::data
  Held function, attributes;
  std::vector<bool> is_tensor;  // of forward()'s arguments
  bool materialize = true;      // zeros in place of gradients that are not there
  std::vector<Output> outputs;
};
using Context = std::shared_ptr<autograd::FunctionContext>;

Call& call_of(autograd::FunctionContext& ctx) { return std::any_cast<Call&>(ctx.data.at("call")); }

// The name lives as long as the process, since nodes only point at theirs.
const char* kept_name(const std::string& name) {
  static std::set<std::string> names;
  return names.insert(name).first->c_str();
}

py::tuple arguments_of(const Context& ctx, const std::vector<Tensor>& gradients) {
  const Call& call = call_of(*ctx);
  py::tuple args(call.outputs.size() + 1);
  args[0] = ctx;
  std::size_t next = 0;
  for (std::size_t i = 0; i < call.outputs.size(); ++i) {
    const Output& y = call.outputs[i];
    Tensor gradient = y.on_tape ? gradients.at(next++) : Tensor();
    if (!gradient.defined() && call.materialize) gradient = zeros(y.sizes, y.dtype);
    args[i + 1] = gradient;
  }
  return args;
}

// Arguments that a call left to their defaults may have their None too.
bool is_for_each(const py::tuple& gradients, std::size_t arguments) {
  if (gradients.size() < arguments) return false;
  for (std::size_t i = arguments; i < gradients.size(); ++i) {
    if (!gradients[i].is_none()) return false;
  }
  return true;
}

std::vector<Tensor> run_backward(autograd::FunctionContext& ctx, std::vector<Tensor> gradients) {
  const py::gil_scoped_acquire locked;
  const Call& call = call_of(ctx);
  const Context shared = ctx.shared_from_this();
  py::object result = call.function.get().attr("backward")(*arguments_of(shared, gradients));
  if (!py::isinstance<py::tuple>(result)) result = py::make_tuple(result);
  if (!is_for_each(result, call.is_tensor.size())) {
    throw AutogradError("[backward] got " + std::to_string(py::len(result)) +
                        " gradients, expected one for each of the " +
                        std::to_string(call.is_tensor.size()) + " arguments of forward()");
  }
  std::vector<Tensor> of_tensors;
  for (std::size_t i = 0; i < call.is_tensor.size(); ++i) {
    if (!call.is_tensor[i]) continue;
    of_tensors.push_back(tensor_or_none(py::object(result[py::int_(i)]), "backward",
                                        "as the gradient of argument " + std::to_string(i)));
  }
  return of_tensors;
}

py::object apply(const py::object& function, const py::args& args) {
  Call call{Held(function), Held(py::dict()), {}, true, {}};
  std::vector<Tensor> inputs;
  for (const py::handle a : args) {
    call.is_tensor.push_back(is_tensor(a.ptr()));
    if (call.is_tensor.back()) inputs.push_back(tensor_of(a.ptr()));
  }
  const auto ctx = std::make_shared<autograd::FunctionContext>();
  autograd::FunctionCall::note_needs(*ctx, inputs);
  ctx->data["call"] = std::move(call);
  const py::object result = [&] {
    const NoGradGuard no_grad;
    if (!py::hasattr(function, "setup_context")) return function.attr("forward")(ctx, *args);
    const py::object made = function.attr("forward")(*args);
    function.attr("setup_context")(ctx, args, made);
    return made;
  }();
  std::vector<Tensor> outputs = to_tensors(result, "forward");
  for (const Tensor& y : outputs) call_of(*ctx).outputs.push_back({y.sizes(), y.dtype()});
  const std::string name = function.attr("__name__").cast<std::string>();
  autograd::FunctionCall::finish(kept_name(name), ctx, outputs, inputs, run_backward);
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    call_of(*ctx).outputs[i].on_tape = outputs[i].requires_grad();
  }
  if (is_tensor(result.ptr())) return py::cast(outputs[0]);
  return py::tuple(py::cast(outputs));
}

py::tuple needs_input_grad(autograd::FunctionContext& ctx) {
  const std::vector<bool>& is_tensor = call_of(ctx).is_tensor;
  py::tuple needs(is_tensor.size());
  std::size_t tensor = 0;
  for (std::size_t i = 0; i < is_tensor.size(); ++i) {
    needs[i] = is_tensor[i] && ctx.needs_input_grad(tensor++);
  }
  return needs;
}

std::vector<Tensor> tensors_in(const py::args& args, const char* op) {
  std::vector<Tensor> tensors;
  for (const py::handle a : args) tensors.push_back(tensor_or_none(a, op, "for each argument"));
  return tensors;
}

void bind_function(py::module_& m) {
  using C = autograd::FunctionContext;
  py::class_<C, Context>(m, "FunctionContext",
                         "What forward() hands to backward(); takes attributes of any name. See "
                         "weft.autograd.Function.\n\n"
                         ">>> class Scale(weft.autograd.Function):\n"
                         "...     @staticmethod\n"
                         "...     def forward(ctx, x, factor):\n"
                         "...         ctx.factor = factor\n"
                         "...         return x * factor\n"
                         "...     @staticmethod\n"
                         "...     def backward(ctx, g):\n"
                         "...         return g * ctx.factor, None\n"
                         ">>> x = weft.ones(1, requires_grad=True)\n"
                         ">>> Scale.apply(x, 3.0).backward()\n"
                         ">>> x.grad\n"
                         "tensor([3.])")
      .def(
          "save_for_backward",
          [](C& c, const py::args& a) { c.save_for_backward(tensors_in(a, "save_for_backward")); },
          "Keeps tensors, which are checked for changes in place, for saved_tensors.")
      .def_property_readonly(
          "saved_tensors", [](const C& c) { return py::tuple(py::cast(c.saved())); },
          "What save_for_backward() was given.")
      .def_property_readonly("needs_input_grad", &needs_input_grad,
                             "For each argument of forward() whether a gradient is wanted.")
      .def(
          "mark_non_differentiable",
          [](C& c, const py::args& a) {
            c.mark_non_differentiable(tensors_in(a, "mark_non_differentiable"));
          },
          "Names outputs that carry no gradient, such as indices; backward() gets zeros for them.")
      .def(
          "set_materialize_grads", [](C& c, bool value) { call_of(c).materialize = value; },
          "Whether backward() gets zeros, not None, for outputs without a gradient.", "value"_a)
      .def(
          "mark_dirty", [](C& c, const py::args& a) { c.mark_dirty(tensors_in(a, "mark_dirty")); },
          "Names inputs that forward() changed in place and returns.")
      .def("__setattr__",
           [](C& c, const py::str& name, const py::object& value) {
             call_of(c).attributes.get()[name] = value;
           })
      .def("__getattr__", [](C& c, const py::str& name) -> py::object {
        const py::dict attributes = call_of(c).attributes.get();
        if (attributes.contains(name)) return attributes[name];
        throw py::attribute_error("the context has no attribute '" + name.cast<std::string>() +
                                  "'");
      });
  m.def("_apply", &apply);
}

// ---- Modes

struct Autocast {  // entered and left as a context manager
  DType dtype;
  bool enabled;
  std::vector<std::unique_ptr<AutocastGuard>> guards;
};

// The calls of Python that led to where this thread is, as tracebacks show them.
std::string call_stack() {
  if (!Py_IsInitialized()) return {};
  const py::gil_scoped_acquire locked;
  try {
    const py::object lines = py::module_::import("traceback").attr("format_stack")();
    return py::str("").attr("join")(lines).cast<std::string>();
  } catch (py::error_already_set& e) {
    e.discard_as_unraisable("detect_anomaly");
    return {};
  }
}

void bind_modes(py::module_& m) {
  autograd::set_origin_function(call_stack);
  m.def("is_grad_enabled", &grad_enabled,
        "Whether operations of this thread are recorded.\n\n"
        ">>> weft.is_grad_enabled()\n"
        "True\n"
        ">>> with weft.no_grad():\n"
        "...     weft.is_grad_enabled()\n"
        "False");
  m.def("is_inference_mode_enabled", &inference_enabled,
        "Whether this thread is in inference_mode().\n\n"
        ">>> weft.is_inference_mode_enabled()\n"
        "False");
  m.def("_set_grad_enabled", [](bool on) { return std::exchange(detail::modes.grad, on); });
  m.def("_set_anomaly_enabled", [](bool on) { return std::exchange(detail::modes.anomaly, on); });
  m.def("_set_inference", [](bool on) { return std::exchange(detail::inference_mode, on); });
  m.def(
      "is_anomaly_enabled", [] { return detail::modes.anomaly; },
      "Whether this thread is in weft.autograd.detect_anomaly().\n\n"
      ">>> weft.is_anomaly_enabled()\n"
      "False");
  m.def("is_autocast_enabled", &autocast_enabled,
        "Whether this thread is in autocast().\n\n"
        ">>> with weft.autocast():\n"
        "...     weft.is_autocast_enabled()\n"
        "True");
  m.def("get_autocast_dtype", &autocast_dtype, "The dtype that autocast() computes in.");
  py::class_<Autocast>(m, "_Autocast")
      .def(py::init([](DType dtype, bool enabled) {
        return std::make_unique<Autocast>(Autocast{dtype, enabled, {}});
      }))
      .def("enter",
           [](Autocast& a) {
             a.guards.push_back(std::make_unique<AutocastGuard>(a.dtype, a.enabled));
           })
      .def("leave", [](Autocast& a) { a.guards.pop_back(); });
}

// ---- Differentiation

using Tensors = std::vector<Tensor>;

// f(*tensors) -> tensors, called from C++.
std::function<Tensors(const Tensors&)> called_with_tensors(const py::object& f, const char* op) {
  return [f = Held(f), op](const Tensors& inputs) {
    const py::gil_scoped_acquire locked;
    return to_tensors(f.get()(*py::tuple(py::cast(inputs))), op);
  };
}

Tensors gradients_for(const Tensors& outputs, const std::optional<Tensors>& given) {
  return given ? *given : Tensors(outputs.size());
}

struct HookHandle {
  Tensor tensor;
  int id;
  void remove() const { autograd::remove_hook(tensor, id); }
};

autograd::Hook called_with_gradient(const py::object& hook) {
  return [hook = Held(hook)](const Tensor& g) {
    const py::gil_scoped_acquire locked;
    return tensor_or_none(hook.get()(g), "register_hook", "from the hook of a tensor");
  };
}

// The hook gets the object itself while somebody has it; the tape must not keep it alive.
autograd::LeafHook called_with_leaf(const py::object& self, const py::object& hook) {
  return [weak = Held(py::weakref(self)), hook = Held(hook)](const Tensor& leaf) {
    const py::gil_scoped_acquire locked;
    const py::object object = weak.get()();
    const py::object result = hook.get()(
        object.is_none() ? py::reinterpret_steal<py::object>(wrap_parameter(leaf)) : object);
    if (!result.is_none()) {
      refuse(result, "register_post_accumulate_grad_hook", "None from the hook of a leaf");
    }
  };
}

void bind_differentiation(py::module_& m) {
  m.def(
      "_backward",
      [](const Tensors& tensors, const std::optional<Tensors>& grad_tensors,
         std::optional<bool> retain, bool create, const std::optional<Tensors>& inputs) {
        autograd::backward(tensors, gradients_for(tensors, grad_tensors), retain.value_or(create),
                           create, inputs.value_or(Tensors()));
      },
      Released());
  m.def(
      "_grad",
      [](const Tensors& outputs, const Tensors& inputs, const std::optional<Tensors>& grad_outputs,
         std::optional<bool> retain, bool create, bool allow_unused, bool materialize) {
        Tensors gradients = autograd::grad(outputs, inputs, gradients_for(outputs, grad_outputs),
                                           retain.value_or(create), create, allow_unused);
        for (std::size_t i = 0; materialize && i < inputs.size(); ++i) {
          if (!gradients[i].defined()) gradients[i] = zeros_like(inputs[i].detach());
        }
        return gradients;
      },
      Released());
  m.def("_gradcheck", [](const py::object& f, const Tensors& inputs, double eps, double atol,
                         double rtol, bool second) {
    const auto call = called_with_tensors(f, "gradcheck");
    const py::gil_scoped_release released;
    const autograd::GradcheckOptions options{eps, atol, rtol};
    return (second ? autograd::gradgradcheck : autograd::gradcheck)(call, inputs, options);
  });
  m.def("_checkpoint", [](const py::object& f, const Tensors& inputs) {
    const auto call = called_with_tensors(f, "checkpoint");
    const py::gil_scoped_release released;
    return autograd::checkpoint(call, inputs);
  });
  py::class_<HookHandle>(m, "HookHandle", "What register_hook() returns.")
      .def("remove", &HookHandle::remove, "Takes the hook away.");
  def_method(
      "register_hook",
      [](const Tensor& t, const py::object& hook) {
        return HookHandle{t, autograd::register_hook(t, called_with_gradient(hook))};
      },
      "Calls hook(gradient) whenever this tensor's gradient has been computed; what it returns "
      "(unless None) replaces the gradient. Returns a handle with remove().\n\n"
      ">>> x = weft.ones(2, requires_grad=True)\n"
      ">>> handle = x.register_hook(lambda g: 10 * g)\n"
      ">>> (3 * x).sum().backward()\n"
      ">>> x.grad\n"
      "tensor([30., 30.])\n"
      ">>> handle.remove()",
      "hook"_a);
  def_method(
      "register_post_accumulate_grad_hook",
      [](const py::object& self, const py::object& hook) {
        if (!is_tensor(self.ptr())) refuse(self, "register_post_accumulate_grad_hook", "a tensor");
        const Tensor& t = tensor_of(self.ptr());
        return HookHandle{
            t, autograd::register_post_accumulate_grad_hook(t, called_with_leaf(self, hook))};
      },
      "Calls hook(tensor) after each backward() that has added to this leaf's grad, for what is to "
      "happen at once, such as a step. Returns a handle with remove().\n\n"
      ">>> x = weft.ones(2, requires_grad=True)\n"
      ">>> handle = x.register_post_accumulate_grad_hook(lambda p: print(p.grad))\n"
      ">>> (3 * x).sum().backward()\n"
      "tensor([3., 3.])\n"
      ">>> handle.remove()",
      "hook"_a);
  def_method(
      "retain_grad", [](Tensor& t) { t.retain_grad(); },
      "Keeps the gradient of a tensor that is no leaf in its grad.");
  def_method(
      "requires_grad_", [](Tensor& t, bool on) { return t.requires_grad_(on); },
      "Whether operations on this leaf are recorded; returns the tensor.",
      "requires_grad"_a = true);
  def_method(
      "detach_", [](Tensor& t) { return t.detach_(); },
      "Takes the tensor off the tape and returns it.");
}

}  // namespace

void bind_autograd(py::module_& m) {
  py::module_ a = add_part(m, "autograd", "weft.autograd", "The tape.");
  bind_node(a);
  bind_function(a);
  bind_modes(a);
  bind_differentiation(a);
}

}  // namespace weft::python
