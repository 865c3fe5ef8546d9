#include <weft/autograd/mode.h>
#include <weft/ops/elementwise.h>
#include <weft/ops/make.h>

#include <weft/python/src/nn_module.h>
#include <weft/python/src/nn_walk.h>

// What C++ asks of a module whose class is Python's.
namespace weft::python {

using nn::Module;

namespace {

// A method of the object, if Python wrote it.
py::object own_method(const Module& m, const char* name) {
  PyObject* self = standing_object(m);
  if (!self) return {};
  auto method = py::reinterpret_steal<py::object>(PyObject_GetAttrString(self, name));
  if (!method) throw py::error_already_set();
  PyObject* f = method.ptr();
  if (PyMethod_Check(f)) f = PyMethod_GET_FUNCTION(f);
  return PyCFunction_Check(f) ? py::object() : method;
}

template <class T>
T result(const Module& m, const char* name, const py::object& value) {
  try {
    return value.cast<T>();
  } catch (const py::cast_error&) {
    throw py::type_error(m.kind() + "." + name + "() returned a " + Py_TYPE(value.ptr())->tp_name);
  }
}

}  // namespace

std::string class_name(const Module& m) {
  const py::gil_scoped_acquire lock;
  PyObject* self = standing_object(m);
  return self ? py::cast<std::string>(py::type::handle_of(py::handle(self)).attr("__name__"))
              : "Module";
}

bool overrides(const Module& m, const char* name) {
  const py::gil_scoped_acquire lock;
  return static_cast<bool>(own_method(m, name));
}

Tensor call_forward(Module& m, const Tensor& x) {
  const py::gil_scoped_acquire lock;
  const PausedWalk paused;
  const py::object y = own_method(m, "forward")(x);
  if (!is_tensor(y.ptr())) {
    throw py::type_error(m.kind() + ".forward() returned a " + Py_TYPE(y.ptr())->tp_name +
                         " to a module of C++, which takes one tensor");
  }
  return tensor_of(y.ptr());
}

Shape call_output_shape(const Module& m, const Shape& input) {
  const py::gil_scoped_acquire lock;
  return result<Shape>(m, "output_shape", own_method(m, "output_shape")(input));
}

Shape traced_shape(const Module& m, const Shape& input) {
  const NoGradGuard guard;
  return call_forward(const_cast<Module&>(m), zeros(input)).sizes();  // NOLINT
}

std::string call_extra_repr(const Module& m) {
  const py::gil_scoped_acquire lock;
  return result<std::string>(m, "extra_repr", own_method(m, "extra_repr")());
}

void call_reset_parameters(Module& m) {
  const py::gil_scoped_acquire lock;
  own_method(m, "reset_parameters")();
}

Tensor relu_after(Module& m, const Tensor& x) { return relu(m(x)); }
Tensor gelu_after(Module& m, const Tensor& x, const char* approximate) {
  return gelu(m(x), approximate);
}

}  // namespace weft::python
