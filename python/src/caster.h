#pragma once

#include <pybind11/functional.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <weft/python/src/call.h>
#include <weft/python/src/dtype.h>

// How pybind11 reads and makes the types that are bound by hand. Included by every file that binds.
namespace pybind11::detail {

// None is an undefined tensor, both ways.
template <>
struct type_caster<weft::Tensor> {
  PYBIND11_TYPE_CASTER(weft::Tensor, const_name("weft.Tensor"));
  bool load(handle source, bool) {
    if (source.is_none()) return true;
    if (!weft::python::is_tensor(source.ptr())) return false;
    value = weft::python::tensor_of(source.ptr());
    return true;
  }
  static handle cast(const weft::Tensor& t, return_value_policy, handle) {
    PyObject* o = weft::python::wrap(t);
    if (!o) throw error_already_set();
    return o;
  }
};

template <>
struct type_caster<weft::DType> {
  PYBIND11_TYPE_CASTER(weft::DType, const_name("weft.dtype"));
  bool load(handle source, bool) {
    try {
      value = weft::python::to_dtype(source.ptr());
      return true;
    } catch (const weft::python::PythonError&) {
      PyErr_Clear();
      return false;
    }
  }
  static handle cast(weft::DType t, return_value_policy, handle) {
    return weft::python::dtype_object(t);
  }
};

// One int or a sequence of them; None is no sizes.
template <>
struct type_caster<weft::Shape> {
  PYBIND11_TYPE_CASTER(weft::Shape, const_name("int | collections.abc.Sequence[int]"));
  bool load(handle source, bool) {
    if (source.is_none()) return true;
    if (weft::python::is_tensor(source.ptr()) || PyUnicode_Check(source.ptr())) return false;
    try {
      value = weft::python::to_shape(source.ptr());
      return true;
    } catch (const weft::python::PythonError&) {
      PyErr_Clear();
      return false;
    }
  }
  static handle cast(const weft::Shape& s, return_value_policy, handle) {
    return weft::python::size_tuple(s);
  }
};

template <>
struct type_caster<weft::Scalar> {
  static constexpr auto name = const_name("bool | int | float");
  template <class T>
  using cast_op_type = weft::Scalar;
  operator weft::Scalar() const { return *value; }
  bool load(handle source, bool) {
    try {
      value = weft::python::as_scalar(source.ptr());
    } catch (const weft::python::PythonError&) {
      PyErr_Clear();
    }
    return value.has_value();
  }
  std::optional<weft::Scalar> value;
};

}  // namespace pybind11::detail

namespace weft::python {

namespace py = pybind11;
using py::literals::operator""_a;

// Other threads run during the call.
using Released = py::call_guard<py::gil_scoped_release>;

// A method of weft.Tensor, which is no pybind11 class.
template <class F, class... Extra>
void def_method(const char* name, F&& f, const Extra&... extra) {
  const auto type = py::reinterpret_borrow<py::object>(reinterpret_cast<PyObject*>(tensor_type));
  type.attr(name) = py::cpp_function(std::forward<F>(f), py::name(name), py::is_method(type),
                                     py::sibling(py::getattr(type, name, py::none())), extra...);
}

// The function weft.name(input, ...) and the method input.name(...); the first of `extra` is the
// name of the first argument.
template <class F, class... Extra>
void def_both(py::module_& m, const char* name, const F& f, const char* doc, const py::arg& first,
              const Extra&... extra) {
  m.def(name, f, doc, first, extra...);
  def_method(name, f, doc, extra...);
}

// What each file of bindings adds.
void bind_make(py::module_& m);
void bind_operations(py::module_& m);
void bind_autograd(py::module_& m);
void bind_system(py::module_& m);  // memory, threads, switches
void bind_nn(py::module_& m);
void bind_optim(py::module_& m);
void bind_data(py::module_& m);
void bind_cuda(py::module_& m);

}  // namespace weft::python
