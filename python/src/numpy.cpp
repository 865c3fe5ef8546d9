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
  const auto type = py::reinterpret_borrow<py::object>(reinterpret_cast<PyObject*>(tensor_type));
  type.attr("__array_priority__") = 1000;  // ndarray + tensor asks the tensor
}

}  // namespace weft::python
