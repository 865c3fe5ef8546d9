#include <pybind11/gil_safe_call_once.h>

#include <weft/python/src/array.h>
#include <weft/python/src/operations.h>

// Tensors as NumPy's arrays. NumPy is imported when first needed.
namespace weft::python {
namespace {

// Imported once, at the first call.
const py::object& numpy() {
  PYBIND11_CONSTINIT static py::gil_safe_call_once_and_store<py::object> module;
  return module.call_once_and_store_result([] { return py::module_::import("numpy"); })
      .get_stored();
}
const py::object& asarray() {
  PYBIND11_CONSTINIT static py::gil_safe_call_once_and_store<py::object> function;
  return function.call_once_and_store_result([] { return numpy().attr("asarray"); }).get_stored();
}

py::object view_of(const Tensor& t) {
  const auto self = py::reinterpret_steal<py::object>(wrap(t));
  PyObject* view = PyMemoryView_FromObject(self.ptr());
  if (!view) throw py::error_already_set();
  return asarray()(py::reinterpret_steal<py::object>(view));
}

py::object bfloat16() {
  try {
    return py::module_::import("ml_dtypes").attr("bfloat16");
  } catch (const py::error_already_set&) {
    throw py::type_error(
        "[numpy] got a bfloat16 tensor, for which NumPy needs the package ml_dtypes; "
        "float() converts it");
  }
}

py::object to_numpy(const Tensor& x, bool force) {
  if (x.requires_grad() && !force) {
    throw AutogradError(
        "[numpy] got a tensor that requires a gradient, which NumPy would not follow; use "
        "detach().numpy()");
  }
  if (x.device() != kCPU && !force)
    throw py::type_error("[numpy] got a tensor on " + x.device().str() + ", use cpu().numpy()");
  const Tensor t = (x.requires_grad() ? x.detach() : x).cpu();
  if (t.dtype() != DType::BF16) return view_of(t);
  const py::object type = bfloat16();
  return view_of(retyped(t, DType::I16)).attr("view")(type);
}

py::object to_array(const Tensor& x, const py::object& dtype, const py::object& copy) {
  const py::object array = to_numpy(x, false);
  if (dtype.is_none() && copy.is_none()) return array;
  return numpy().attr("array")(array, "dtype"_a = dtype, "copy"_a = copy);
}

// np.sin(tensor) gives a tensor.
py::object from_array(const Tensor&, const py::object& array, const py::object&, bool scalar) {
  if (scalar) return array[py::tuple()];
  return py::cast(tensor_from_buffer(array.ptr()));
}

struct RecursionLimit {
  RecursionLimit() {
    if (Py_EnterRecursiveCall(" in a NumPy function of tensors")) throw py::error_already_set();
  }
  ~RecursionLimit() { Py_LeaveRecursiveCall(); }
};

// The arguments of a function with arrays in place of tensors, at any depth.
py::object with_arrays(const py::handle& o) {
  if (is_tensor(o.ptr())) return to_numpy(tensor_of(o.ptr()), false);
  const RecursionLimit limit;  // lists may hold themselves
  if (PyTuple_CheckExact(o.ptr()) || PyList_CheckExact(o.ptr())) {
    py::list items;
    for (const py::handle item : o) items.append(with_arrays(item));
    return PyList_CheckExact(o.ptr()) ? py::object(items) : py::object(py::tuple(items));
  }
  if (PyDict_CheckExact(o.ptr())) {
    py::dict items;
    for (const auto& [key, value] : py::reinterpret_borrow<py::dict>(o)) {
      items[key] = with_arrays(value);
    }
    return items;
  }
  return py::reinterpret_borrow<py::object>(o);
}

// NumPy's functions call methods of what they get (np.mean(x) calls x.mean(axis=...)). Where ours
// take other arguments, the function is called again with arrays.
py::object call_of_numpy(const py::object&, const py::object& function, const py::iterable& types,
                         const py::tuple& args, const py::dict& keywords) {
  for (const py::handle type : types) {
    const bool tensor = PyType_IsSubtype(reinterpret_cast<PyTypeObject*>(type.ptr()), tensor_type);
    if (!tensor && !PyObject_IsSubclass(type.ptr(), numpy().attr("ndarray").ptr())) {
      return py::reinterpret_borrow<py::object>(Py_NotImplemented);
    }
  }
  try {
    return function.attr("_implementation")(*args, **keywords);
  } catch (const py::error_already_set& e) {
    if (!e.matches(PyExc_TypeError) && !e.matches(PyExc_AttributeError)) throw;
  }
  return function(*py::tuple(with_arrays(args)), **py::dict(with_arrays(keywords)));
}

}  // namespace

void bind_numpy() {
  def_method("numpy", &to_numpy,
             "A NumPy array over the same memory; bfloat16 needs the package ml_dtypes.\n\n"
             "force allows a tensor that requires a gradient, which is detached. AutogradError "
             "without it.",
             py::kw_only(), "force"_a = false);
  def_method("__array__", &to_array, "For np.asarray(tensor) and np.array(tensor).",
             "dtype"_a = py::none(), "copy"_a = py::none());
  def_method("__array_wrap__", &from_array, "For NumPy's functions of a tensor.", "array"_a,
             "context"_a = py::none(), "return_scalar"_a = false);
  def_method("__array_function__", &call_of_numpy, "For NumPy's functions of tensors.",
             "function"_a, "types"_a, "args"_a, "kwargs"_a);
  const auto type = py::reinterpret_borrow<py::object>(reinterpret_cast<PyObject*>(tensor_type));
  type.attr("__array_priority__") = 1000;  // ndarray + tensor asks the tensor
}

}  // namespace weft::python
