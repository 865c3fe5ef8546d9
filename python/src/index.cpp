#include <weft/python/src/index.h>

#include <weft/ops/make.h>
#include <weft/python/src/call.h>

// x[...] and x[...] = value: everything that NumPy takes.
namespace weft::python {
namespace {

std::optional<Index> bound(PyObject* o) {
  if (o == Py_None) return {};
  Index value = PyNumber_AsSsize_t(o, nullptr);  // saturates
  if (value == -1 && PyErr_Occurred()) throw PythonError();
  return value;
}

Slice to_slice(PyObject* o) {
  const auto* s = reinterpret_cast<PySliceObject*>(o);
  const std::optional<Index> step = bound(s->step);
  return Slice(bound(s->start), bound(s->stop), step.value_or(1));
}

[[noreturn]] void throw_index(PyObject* o) {
  PyErr_Format(PyExc_IndexError,
               "[index] got %s, expected int, slice, None, ..., bool, or an array, list or tensor "
               "of integers or bool",
               Py_TYPE(o)->tp_name);
  throw PythonError();
}

bool is_sequence(PyObject* o) {
  return PySequence_Check(o) && !PyUnicode_Check(o) && !PyBytes_Check(o);
}

// Positions may have any integer dtype. A tensor of uint8 stays what it is, and is refused: it
// might be meant as a mask.
Tensor positions(const Tensor& t) {
  const bool narrow = t.dtype() == DType::I8 || t.dtype() == DType::I16;
  return narrow ? t.to(i64) : t;
}

Tensor array_of_positions(const Tensor& t) {
  const bool empty = t.numel() == 0 && t.is_floating_point();  // []
  return empty || t.dtype() == DType::U8 ? t.to(i64) : positions(t);
}

TensorIndex to_tensor_index(PyObject* o) {
  if (o == Py_None) return None;
  if (o == Py_Ellipsis) return Ellipsis;
  if (PyBool_Check(o)) return o == Py_True;
  if (PySlice_Check(o)) return to_slice(o);
  if (is_tensor(o)) return positions(tensor_of(o));
  if (PyList_Check(o) || PyTuple_Check(o) || is_array(o)) return array_of_positions(as_tensor(o));
  if (PyIndex_Check(o)) return to_index(o);
  if (is_sequence(o)) return array_of_positions(as_tensor(o));
  const std::optional<Scalar> s = as_scalar(o);
  if (s && s->dtype() == DType::Bool) return s->to_bool();  // NumPy's
  throw_index(o);
}

}  // namespace

std::vector<TensorIndex> to_indices(PyObject* key) {
  std::vector<TensorIndex> indices;
  if (!PyTuple_Check(key)) {
    indices.push_back(to_tensor_index(key));
    return indices;
  }
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(key); ++i) {
    indices.push_back(to_tensor_index(PyTuple_GET_ITEM(key, i)));
  }
  return indices;
}

namespace {

PyObject* get(PyObject* self, PyObject* key) {
  return guarded([&] {
    const Tensor& t = tensor_of(self);
    if (PyLong_CheckExact(key)) return wrap(t.select(0, to_index(key)));
    return wrap(t.index(to_indices(key)));
  });
}

int set(PyObject* self, PyObject* key, PyObject* value) {
  if (!value) {
    PyErr_SetString(PyExc_TypeError, "[index] elements of a tensor cannot be deleted");
    return -1;
  }
  PyObject* done = guarded([&] {
    Tensor& t = tensor_of(self);
    const std::optional<Scalar> s = as_scalar(value);
    t.index_put_(to_indices(key),
                 s ? make_scalar(*s, t.dtype(), t.device()) : as_tensor(value).to(t.dtype()));
    return Py_None;
  });
  return done ? 0 : -1;
}

Py_ssize_t length(PyObject* self) {
  const Tensor& t = tensor_of(self);
  if (t.dim() > 0) return t.sizes()[0];
  PyErr_SetString(PyExc_TypeError, "[len] got a tensor of no dimensions, expected one or more");
  return -1;
}

PyObject* iterate(PyObject* self) {
  return guarded([&]() -> PyObject* {
    const Tensor& t = tensor_of(self);
    if (t.dim() == 0) {
      PyErr_SetString(PyExc_TypeError,
                      "[iter] got a tensor of no dimensions, expected one or more");
      return nullptr;
    }
    const std::vector<Tensor> parts = t.unbind(0);
    Owned list(PyTuple_New(static_cast<Py_ssize_t>(parts.size())));
    for (std::size_t i = 0; i < parts.size(); ++i) {
      PyTuple_SET_ITEM(list.get(), static_cast<Py_ssize_t>(i), Owned(wrap(parts[i])).release());
    }
    return PyObject_GetIter(list.get());
  });
}

int contains(PyObject* self, PyObject* value) {
  int found = -1;
  PyObject* done = guarded([&] {
    const std::optional<Scalar> s = as_scalar(value);
    if (!s && !is_tensor(value)) {
      PyErr_Format(PyExc_TypeError, "[in] got %s, expected a number or a tensor",
                   Py_TYPE(value)->tp_name);
      throw PythonError();
    }
    const Tensor& t = tensor_of(self);
    found = (s ? t.eq(make_scalar(*s, s->dtype())) : t.eq(tensor_of(value))).any().item().to_bool();
    return Py_None;
  });
  return done ? found : -1;
}

}  // namespace

PyType_Slot index_slots[] = {{Py_mp_subscript, reinterpret_cast<void*>(get)},
                             {Py_mp_ass_subscript, reinterpret_cast<void*>(set)},
                             {Py_mp_length, reinterpret_cast<void*>(length)},
                             {Py_sq_contains, reinterpret_cast<void*>(contains)},
                             {Py_tp_iter, reinterpret_cast<void*>(iterate)},
                             {0, nullptr}};

}  // namespace weft::python
