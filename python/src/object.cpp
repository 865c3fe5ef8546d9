#include <weft/python/src/call.h>

#include <structmember.h>

#include <vector>

#include <weft/python/src/array.h>

namespace weft::python {

PyTypeObject* tensor_type;
PyTypeObject* parameter_type;
PyTypeObject* size_type;

namespace {

// Objects that were let go of, for the next tensors; under the interpreter's lock.
constexpr int kSpare = 256;
TensorObject* spare[kSpare];
int spares = 0;

TensorObject* as_object(PyObject* o) { return reinterpret_cast<TensorObject*>(o); }

PyObject* make(PyTypeObject* type, Tensor&& t) {
  TensorObject* o;
  if (type == tensor_type && spares > 0) {
    o = spare[--spares];
    PyObject_Init(reinterpret_cast<PyObject*>(o), type);
  } else {
    o = as_object(type->tp_alloc(type, 0));
    if (!o) return nullptr;
  }
  new (&o->tensor) Tensor(std::move(t));
  o->shape = nullptr;
  o->weakrefs = nullptr;
  o->tensor.impl()->wrapper = o;
  return reinterpret_cast<PyObject*>(o);
}

PyObject* standing(const Tensor& t) {
  PyObject* o = static_cast<PyObject*>(t.impl()->wrapper);
  Py_XINCREF(o);
  return o;
}

void tensor_dealloc(PyObject* self) {
  TensorObject* o = as_object(self);
  if (o->weakrefs) PyObject_ClearWeakRefs(self);
  Py_CLEAR(o->shape);
  if (o->tensor.defined() && o->tensor.impl()->wrapper == o) o->tensor.impl()->wrapper = nullptr;
  o->tensor.~Tensor();
  PyTypeObject* type = Py_TYPE(self);
  if (type == tensor_type && spares < kSpare) {
    spare[spares++] = o;
  } else {
    type->tp_free(self);
  }
  Py_DECREF(type);
}

PyObject* tensor_new(PyTypeObject* type, PyObject* args, PyObject* keywords) {
  static const char* names[] = {"data", "requires_grad", nullptr};
  PyObject* data = nullptr;
  int requires_grad = type != tensor_type && PyType_IsSubtype(type, parameter_type);
  if (!PyArg_ParseTupleAndKeywords(args, keywords, "O|p", const_cast<char**>(names), &data,
                                   &requires_grad)) {
    return nullptr;
  }
  return guarded([&] {
    Tensor t = as_tensor(data).detach();
    if (requires_grad) t.requires_grad_();
    return make(type, std::move(t));
  });
}

PyObject* size_numel(PyObject* self, PyObject*) {
  Py_ssize_t n = 1;
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(self); ++i) {
    n *= PyLong_AsSsize_t(PyTuple_GET_ITEM(self, i));
  }
  return PyLong_FromSsize_t(n);
}
PyObject* size_repr(PyObject* self) {
  PyObject* list = PySequence_List(self);
  if (!list) return nullptr;
  PyObject* text = PyUnicode_FromFormat("weft.Size(%R)", list);
  Py_DECREF(list);
  return text;
}

// What a tuple's function makes, as a Size if it is a tuple.
PyObject* as_size(PyObject* made) {
  if (!made || !PyTuple_CheckExact(made)) return made;
  const Py_ssize_t n = PyTuple_GET_SIZE(made);
  PyObject* size = size_type->tp_alloc(size_type, n);
  for (Py_ssize_t i = 0; size && i < n; ++i) {
    PyTuple_SET_ITEM(size, i, Py_NewRef(PyTuple_GET_ITEM(made, i)));
  }
  Py_DECREF(made);
  return size;
}
PyObject* size_item(PyObject* self, PyObject* key) {
  return as_size(PyTuple_Type.tp_as_mapping->mp_subscript(self, key));
}
PyObject* size_concat(PyObject* self, PyObject* other) {
  return as_size(PyTuple_Type.tp_as_sequence->sq_concat(self, other));
}
PyObject* size_repeat(PyObject* self, Py_ssize_t times) {
  return as_size(PyTuple_Type.tp_as_sequence->sq_repeat(self, times));
}

PyTypeObject* make_type(PyObject* module, PyType_Spec& spec, PyTypeObject* base, const char* name) {
  PyObject* type = PyType_FromSpecWithBases(&spec, reinterpret_cast<PyObject*>(base));
  if (!type || PyModule_AddObjectRef(module, name, type) < 0) return nullptr;
  return reinterpret_cast<PyTypeObject*>(type);
}

bool add_size(PyObject* module) {
  static PyMethodDef methods[] = {
      {"numel", size_numel, METH_NOARGS, "numel($self)\n--\n\nThe product of the sizes."}, {}};
  static PyType_Slot slots[] = {
      {Py_tp_repr, reinterpret_cast<void*>(size_repr)},
      {Py_mp_subscript, reinterpret_cast<void*>(size_item)},
      {Py_sq_concat, reinterpret_cast<void*>(size_concat)},
      {Py_sq_repeat, reinterpret_cast<void*>(size_repeat)},
      {Py_tp_methods, methods},
      {Py_tp_doc, const_cast<char*>("The sizes of a tensor, a tuple.\n\n"
                                    ">>> size = weft.zeros(2, 3).shape\n"
                                    ">>> size[0], size.numel(), size == (2, 3)\n"
                                    "(2, 6, True)")},
      {0, nullptr}};
  static PyType_Spec spec{"weft.Size", 0, 0, Py_TPFLAGS_DEFAULT, slots};
  size_type = make_type(module, spec, &PyTuple_Type, "Size");
  return size_type;
}

bool add_tensor(PyObject* module) {
  static PyMemberDef members[] = {
      {"__weaklistoffset__", T_PYSSIZET, offsetof(TensorObject, weakrefs), READONLY, nullptr}, {}};
  std::vector<PyType_Slot> slots{
      {Py_tp_new, reinterpret_cast<void*>(tensor_new)},
      {Py_tp_dealloc, reinterpret_cast<void*>(tensor_dealloc)},
      {Py_tp_members, members},
      {Py_tp_getset, tensor_properties},
      {Py_bf_getbuffer, reinterpret_cast<void*>(fill_buffer)},
      {Py_bf_releasebuffer, reinterpret_cast<void*>(release_buffer)},
      {Py_tp_methods, tensor_methods().data()},
      {Py_tp_doc, const_cast<char*>(
                      "A tensor: elements of one dtype, in as many dimensions as its shape has.\n\n"
                      "Make one with weft.tensor(), weft.zeros(), weft.from_numpy()...\n\n"
                      ">>> x = weft.tensor([[1.0, 2.0], [3.0, 4.0]])\n"
                      ">>> x.shape, x.dtype\n"
                      "(weft.Size([2, 2]), weft.float32)\n"
                      ">>> x[:, 0] + 10\n"
                      "tensor([11., 13.])\n"
                      ">>> (x @ x.T).sum()\n"
                      "tensor(52.)")}};
  for (PyType_Slot* s : {number_slots, index_slots, repr_slots}) {
    for (; s->slot; ++s) slots.push_back(*s);
  }
  slots.push_back({0, nullptr});
  PyType_Spec spec{"weft.Tensor", sizeof(TensorObject), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
                   slots.data()};
  tensor_type = make_type(module, spec, nullptr, "Tensor");
  return tensor_type;
}

bool add_parameter(PyObject* module) {
  static PyType_Slot slots[] = {
      parameter_repr_slots[0],
      {Py_tp_doc,
       const_cast<char*>(
           "Parameter(data, requires_grad=True)\n\n"
           "A tensor that a module takes for its parameter when it becomes its attribute.\n\n"
           ">>> net = nn.Module()\n"
           ">>> net.scale = nn.Parameter(weft.ones(2))\n"
           ">>> [name for name, _ in net.named_parameters()]\n"
           "['scale']")},
      {0, nullptr}};
  static PyType_Spec spec{"weft.nn.Parameter", sizeof(TensorObject), 0,
                          Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE, slots};
  parameter_type = make_type(module, spec, tensor_type, "Parameter");
  return parameter_type;
}

}  // namespace

PyObject* wrap(const Tensor& t) {
  if (!t.defined()) Py_RETURN_NONE;
  if (PyObject* o = standing(t)) return o;
  return make(tensor_type, Tensor(t));
}

PyObject* wrap(Tensor&& t) {
  if (!t.defined()) Py_RETURN_NONE;
  if (PyObject* o = standing(t)) return o;
  return make(tensor_type, std::move(t));
}

PyObject* wrap_parameter(const Tensor& t) {
  if (!t.defined()) Py_RETURN_NONE;
  if (PyObject* o = standing(t)) return o;
  return make(parameter_type, Tensor(t));
}

PyObject* size_tuple(const Shape& sizes) {
  PyObject* tuple = size_type->tp_alloc(size_type, sizes.size());
  if (!tuple) return nullptr;
  for (int i = 0; i < sizes.size(); ++i) {
    PyObject* n = PyLong_FromLongLong(sizes[i]);
    if (!n) {
      Py_DECREF(tuple);
      return nullptr;
    }
    PyTuple_SET_ITEM(tuple, i, n);
  }
  return tuple;
}

bool add_types(PyObject* module) {
  return add_size(module) && add_tensor(module) && add_parameter(module);
}

}  // namespace weft::python
