#pragma once

#include <memory>
#include <tuple>

#include <pybind11/trampoline_self_life_support.h>
#include <weft/nn/module_parts.h>
#include <weft/python/src/caster.h>

// How modules cross between C++ and Python. A class of Python that derives from a module is an
// Overridable<Module> in C++, which asks Python for what it overrides; C++ holds it with its Python
// part (py::trampoline_self_life_support).
namespace weft::python {

// ---- Objects (nn_object.cpp)

// The module of an object; AttributeError if __init__ was not called.
nn::Module& module_of(PyObject* self);
bool is_module(PyObject* o);
bool is_module_type(PyTypeObject* type);
// The object that stands for a module, or null; borrowed.
PyObject* standing_object(const nn::Module& m);
// The object of a module's part, an entry of its children; null if there is none of that name.
py::object module_object(std::shared_ptr<nn::Module>& part);
py::object part_object(const nn::Module& m, const std::string& name);
// For py::class_<nn::Module>: calls and attributes in plain CPython.
void set_module_slots(PyHeapTypeObject* type);
// What __getattr__ finds where the object has no attribute of its own: parameters, buffers, parts.
py::object module_attribute(const py::object& self, const std::string& name);
void register_tensor(const py::object& self, const std::string& name, const py::object& value,
                     bool is_parameter, bool persistent);
void register_part(const py::object& self, const std::string& name, const py::object& part);
// As register_tensor() for a slot that may stand already, and any tensor: what a pickle says.
void put_tensor(const py::object& self, const std::string& name, const py::object& value,
                bool is_parameter, bool persistent);
// What a copy or pickle has made may be a part that a class of C++ makes itself.
void note_loose(const py::object& module);
// Then it stands for that part of `self`, in whatever modules it has become a part of since. It
// does not if it is no such object, or of another class than the part.
void become_part(const py::object& self, const std::string& name, const py::object& loose);
// For the collector: the objects that parts hold.
int visit_parts(const nn::Module& m, visitproc visit, void* arg);

// ---- Hooks (nn_hooks.cpp)

void define_hooks(py::module_& m, py::handle module_type);
// What they make of the arguments and of the result.
void call_pre_hooks(const nn::ModuleTree::Hooks& hooks, const py::handle& self, py::object& args,
                    py::dict& keywords);
py::object call_hooks(const nn::ModuleTree::Hooks& hooks, const py::handle& self,
                      const py::object& args, const py::dict& keywords, py::object result);
// Each hook of Python, whether it comes before forward(), whether it gets keyword arguments.
py::list hooks_of(const nn::Module& m);
int visit_hooks(const nn::Module& m, visitproc visit, void* arg);
// Drops those of Python.
void clear_hooks(nn::Module& m);

// ---- What Python overrides (nn_override.cpp)

struct FromPython {
  virtual ~FromPython() = default;
};

// The class that Python sees, for a module made by one of its classes.
std::string class_name(const nn::Module& m);
// Whether a class of Python has a method of that name of its own.
bool overrides(const nn::Module& m, const char* name);
Tensor call_forward(nn::Module& m, const Tensor& x);
Shape call_output_shape(const nn::Module& m, const Shape& input);
// The shape of forward(zeros(input)).
Shape traced_shape(const nn::Module& m, const Shape& input);
std::string call_extra_repr(const nn::Module& m);
void call_reset_parameters(nn::Module& m);
Tensor relu_after(nn::Module& m, const Tensor& x);
Tensor gelu_after(nn::Module& m, const Tensor& x, const char* approximate);

template <class Base>
class Overridable : public Base, public py::trampoline_self_life_support, public FromPython {
 public:
  template <class... A>
  explicit Overridable(A&&... arguments) : Base(std::forward<A>(arguments)...) {}
  Tensor forward(const Tensor& x) override {
    return overrides(*this, "forward") ? call_forward(*this, x) : Base::forward(x);
  }
  Tensor forward_relu(const Tensor& x) override {
    return overrides(*this, "forward") ? relu_after(*this, x) : Base::forward_relu(x);
  }
  Tensor forward_gelu(const Tensor& x, const char* approximate) override {
    return overrides(*this, "forward") ? gelu_after(*this, x, approximate)
                                       : Base::forward_gelu(x, approximate);
  }
  bool fuses() const override { return true; }  // the two above look for a forward() of Python's
  Shape output_shape(const Shape& input) const override {
    if (overrides(*this, "output_shape")) return call_output_shape(*this, input);
    return overrides(*this, "forward") ? traced_shape(*this, input) : Base::output_shape(input);
  }
  void reset_parameters() override {
    overrides(*this, "reset_parameters") ? call_reset_parameters(*this) : Base::reset_parameters();
  }
  std::string kind() const override { return class_name(*this); }
  std::string extra_repr() const override {
    return overrides(*this, "extra_repr") ? call_extra_repr(*this) : Base::extra_repr();
  }
};

// ---- Binding layers

template <class M, class Base = nn::Module>
using Layer = py::classh<M, Base, Overridable<M>>;

// The methods that a class of Python may override, each as M has it.
template <class Class>
void def_overridable(Class& c) {
  using M = typename Class::type;
  c.def(
      "forward", [](M& m, const Tensor& input) { return m.M::forward(input); },
      "What the module computes; call the module itself, which also runs its hooks.", "input"_a,
      Released());
  c.def(
      "output_shape", [](const M& m, const Shape& input) { return m.M::output_shape(input); },
      "The shape of the result for an input of that shape; ShapeError if it does not fit.",
      "input"_a);
  c.def(
      "reset_parameters", [](M& m) { m.M::reset_parameters(); },
      "Draws the initial values of the module's own parameters anew.");
  c.def(
      "extra_repr", [](const M& m) { return m.M::extra_repr(); },
      "What repr() shows in the parentheses.");
}

// py::init of a layer: f makes the tuple of M's arguments from those of Python.
template <class M, class... A, class F>
auto layer_init(F f) {
  const auto make = [f]<class T>(T*, A... a) {
    return std::apply([](auto&&... x) { return std::make_unique<T>(std::move(x)...); },
                      f(std::move(a)...));
  };
  return py::init(
      [make](A... a) { return make(static_cast<M*>(nullptr), std::move(a)...); },
      [make](A... a) { return make(static_cast<Overridable<M>*>(nullptr), std::move(a)...); });
}

// The same with device and dtype behind them; None: the CPU, float32.
template <class M, class... A, class F>
auto typed_layer_init(F f) {
  using MaybeDevice = const std::optional<Device>&;
  using MaybeDType = const std::optional<DType>&;
  const auto make = [f]<class T>(T*, A... a, MaybeDevice device, MaybeDType dtype) {
    const nn::MakeAs as(dtype, device);
    return std::apply([](auto&&... x) { return std::make_unique<T>(std::move(x)...); },
                      f(std::move(a)...));
  };
  return py::init(
      [make](A... a, MaybeDevice device, MaybeDType dtype) {
        return make(static_cast<M*>(nullptr), std::move(a)..., device, dtype);
      },
      [make](A... a, MaybeDevice device, MaybeDType dtype) {
        return make(static_cast<Overridable<M>*>(nullptr), std::move(a)..., device, dtype);
      });
}

// Whether a layer changes its input.
template <class Class>
void def_inplace(Class& c) {
  using M = typename Class::type;
  c.def_property("inplace", &M::inplace, &M::set_inplace,
                 "Whether the input itself is changed and returned.");
}

// What __init__ takes, by name, for copies and pickles.
template <class Class, class F>
void def_arguments(Class& c, F arguments) {
  using M = typename Class::type;
  c.def("_arguments", [arguments](const M& m) -> py::dict { return arguments(m); });
}

// A parameter or buffer as a property; None where it is absent.
template <class Class, class F>
void def_parameter(Class& c, const char* name, F get, const char* doc) {
  using M = typename Class::type;
  c.def_property_readonly(
      name, [get](const M& m) { return py::reinterpret_steal<py::object>(wrap_parameter(get(m))); },
      doc);
}

// ---- State

py::dict to_dict(const nn::StateDict& state);
nn::StateDict to_state(const py::handle& mapping);
void bind_nn_state(py::module_& nn);
void bind_nn_module(py::module_& nn);
void bind_nn_layers(py::module_& nn);
void bind_nn_norms(py::module_& nn);
void bind_nn_activations(py::module_& nn);
void bind_nn_losses(py::module_& nn);
void bind_nn_containers(py::module_& nn);
void bind_nn_init(py::module_& nn);
void bind_module_pickles(py::module_& m);

}  // namespace weft::python
