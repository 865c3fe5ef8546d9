#include <weft/python/src/call.h>

#include <string>

#include <weft/python/src/array.h>

namespace weft::python {

std::optional<Scalar> as_scalar(PyObject* o) {
  if (PyFloat_Check(o)) return Scalar(PyFloat_AS_DOUBLE(o));
  if (PyBool_Check(o)) return Scalar(o == Py_True);
  if (PyLong_Check(o)) return Scalar(to_index(o));
  if (is_tensor(o) || PySequence_Check(o)) return {};
  const std::string type = Py_TYPE(o)->tp_name;
  if (type == "numpy.bool" || type == "numpy.bool_") return Scalar(PyObject_IsTrue(o) == 1);
  if (PyIndex_Check(o)) return Scalar(to_index(o));
  const PyNumberMethods* number = Py_TYPE(o)->tp_as_number;
  if (!number || !number->nb_float) return {};
  const Owned value(PyNumber_Float(o));
  return Scalar(PyFloat_AS_DOUBLE(value.get()));
}

Index to_index(PyObject* o) {
  if (PyLong_CheckExact(o)) {
    const long long value = PyLong_AsLongLong(o);
    if (value == -1 && PyErr_Occurred()) throw PythonError();
    return value;
  }
  if (PyFloat_Check(o)) {
    PyErr_Format(PyExc_TypeError, "got a float (%R), expected an int", o);
    throw PythonError();
  }
  return to_index(Owned(PyNumber_Index(o)).get());
}

Shape to_shape(PyObject* o) {
  if (PyIndex_Check(o) && !PySequence_Check(o)) return Shape(to_index(o));
  const Owned sequence(PySequence_Fast(o, "expected an int or a sequence of ints"));
  const Owned items(PySequence_Tuple(sequence.get()));  // __index__ may change a list
  Shape shape;
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(items.get()); ++i)
    shape.push_back(to_index(PyTuple_GET_ITEM(items.get(), i)));
  return shape;
}

Shape shape_from_args(PyObject* const* args, Py_ssize_t n) {
  if (n == 1 && (PyTuple_Check(args[0]) || PyList_Check(args[0]))) return to_shape(args[0]);
  Shape shape;
  for (Py_ssize_t i = 0; i < n; ++i) shape.push_back(to_index(args[i]));
  return shape;
}

bool is_array(PyObject* o) {
  return PyObject_CheckBuffer(o) && PySequence_Check(o) && !PyBytes_Check(o) &&
         !PyByteArray_Check(o);
}

Tensor as_tensor(PyObject* o) {
  if (is_tensor(o)) return tensor_of(o);
  if (is_array(o)) return tensor_from_buffer(o);
  if (PyObject_HasAttrString(o, "__cuda_array_interface__")) return tensor_from_cuda_array(o);
  return tensor_from_values(o, {});
}

void throw_signature(const char* signature, const char* what) {
  PyErr_Format(PyExc_TypeError, "got %s, expected %s", what, signature);
  throw PythonError();
}

PyObject* own_name(PyObject* keyword) {
  static const std::pair<const char*, PyObject*> names[] = {
      {"axis", PyUnicode_InternFromString("dim")},
      {"keepdims", PyUnicode_InternFromString("keepdim")},
      {"x", PyUnicode_InternFromString("input")},
      {"a", PyUnicode_InternFromString("input")},
      {"x1", PyUnicode_InternFromString("input")},
      {"x2", PyUnicode_InternFromString("other")},
  };
  for (const auto& [other, own] : names) {
    if (PyUnicode_CompareWithASCIIString(keyword, other) == 0) return own;
  }
  return keyword;
}

int keyword_position(PyObject* keyword, const char* const* names, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) {
    if (PyUnicode_CompareWithASCIIString(keyword, names[i]) == 0) return static_cast<int>(i);
  }
  return -1;
}

}  // namespace weft::python
