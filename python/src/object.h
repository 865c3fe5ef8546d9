#pragma once

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <vector>

#include <weft/core/tensor.h>

// weft.Tensor: one Python object for a tensor at a time, so that `is`, sets and dictionaries work.
// Its slots and hot methods are plain CPython (number.cpp, index.cpp, methods.cpp), since a
// pybind11 call costs ten times as much; the rest is bound with pybind11 (tensor_methods.cpp).
namespace weft::python {

struct TensorObject {
  PyObject_HEAD Tensor tensor;
  PyObject* shape;  // weft.Size, made when first asked for
  PyObject* weakrefs;
};

extern PyTypeObject* tensor_type;
extern PyTypeObject* parameter_type;  // weft.nn.Parameter, a subclass
extern PyTypeObject* size_type;       // weft.Size, a tuple

inline bool is_tensor(PyObject* o) {
  return Py_TYPE(o) == tensor_type || PyType_IsSubtype(Py_TYPE(o), tensor_type);
}
inline Tensor& tensor_of(PyObject* o) { return reinterpret_cast<TensorObject*>(o)->tensor; }

// A new reference to the object of a tensor: the one that stands for it, or a new one. An undefined
// tensor is None.
PyObject* wrap(const Tensor& t);
PyObject* wrap(Tensor&& t);
// The same as a weft.nn.Parameter if there is none yet.
PyObject* wrap_parameter(const Tensor& t);
// A weft.Size.
PyObject* size_tuple(const Shape& sizes);

// Makes the types and puts them into the module; false with an error set if that fails.
bool add_types(PyObject* module);

// Parts of the type, for add_types().
extern PyType_Slot number_slots[], index_slots[], repr_slots[], parameter_repr_slots[];
extern PyGetSetDef tensor_properties[];
std::vector<PyMethodDef>& tensor_methods();  // the plain ones

}  // namespace weft::python
