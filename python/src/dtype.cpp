#include <weft/python/src/dtype.h>

#include <weft/python/src/call.h>

namespace weft::python {
namespace {

struct DTypeObject {
  PyObject_HEAD DType value;
};

PyTypeObject* type;
PyObject* objects[kDTypeCount];

DType value_of(PyObject* o) { return reinterpret_cast<DTypeObject*>(o)->value; }

PyObject* repr(PyObject* self) {
  const std::string text = "weft." + std::string(name(value_of(self)));
  return PyUnicode_FromString(text.c_str());
}
PyObject* reduce(PyObject* self,
                 PyObject*) {  // pickled by name: the object of that name comes back
  return PyUnicode_FromString(std::string(name(value_of(self))).c_str());
}
PyObject* itemsize(PyObject* self, void*) { return PyLong_FromSize_t(size_of(value_of(self))); }
PyObject* floating(PyObject* self, void*) { return PyBool_FromLong(is_floating(value_of(self))); }

PyGetSetDef properties[] = {{"itemsize", itemsize, nullptr, "Bytes of an element.", nullptr},
                            {"is_floating_point", floating, nullptr,
                             "Whether it is float16, bfloat16, float32 or float64.", nullptr},
                            {}};
PyMethodDef methods[] = {{"__reduce__", reduce, METH_NOARGS, nullptr}, {}};
PyType_Slot slots[] = {
    {Py_tp_repr, reinterpret_cast<void*>(repr)},
    {Py_tp_getset, properties},
    {Py_tp_methods, methods},
    {Py_tp_doc,
     const_cast<char*>("What the elements of a tensor are: weft.float32, weft.int64...\n\n"
                       ">>> weft.ones(2).dtype\n"
                       "weft.float32\n"
                       ">>> weft.bfloat16.itemsize, weft.bfloat16.is_floating_point\n"
                       "(2, True)")},
    {0, nullptr}};
PyType_Spec spec{"weft.dtype", sizeof(DTypeObject), 0,
                 Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION, slots};

struct Alias {
  const char* name;
  DType value;
};
constexpr Alias aliases[] = {{"float", DType::F32}, {"double", DType::F64}, {"half", DType::F16},
                             {"short", DType::I16}, {"int", DType::I32},    {"long", DType::I64}};

}  // namespace

bool add_dtypes(PyObject* module) {
  PyObject* made = PyType_FromSpec(&spec);
  if (!made || PyModule_AddObjectRef(module, "dtype", made) < 0) return false;
  type = reinterpret_cast<PyTypeObject*>(made);
  for (int i = 0; i < kDTypeCount; ++i) {
    objects[i] = type->tp_alloc(type, 0);
    if (!objects[i]) return false;
    const auto value = static_cast<DType>(i);
    reinterpret_cast<DTypeObject*>(objects[i])->value = value;
    const std::string text(name(value));
    if (PyModule_AddObjectRef(module, text.c_str(), objects[i]) < 0) return false;
  }
  for (const Alias& a : aliases) {
    if (PyModule_AddObjectRef(module, a.name, objects[static_cast<int>(a.value)]) < 0) return false;
  }
  return true;
}

bool is_dtype(PyObject* o) { return Py_TYPE(o) == type; }

PyObject* dtype_object(DType t) {
  PyObject* o = objects[static_cast<int>(t)];
  Py_INCREF(o);
  return o;
}

DType to_dtype(PyObject* o) {
  if (is_dtype(o)) return value_of(o);
  if (o == reinterpret_cast<PyObject*>(&PyFloat_Type)) return DType::F64;
  if (o == reinterpret_cast<PyObject*>(&PyLong_Type)) return DType::I64;
  if (o == reinterpret_cast<PyObject*>(&PyBool_Type)) return DType::Bool;
  PyErr_Format(PyExc_TypeError, "[dtype] got %R, expected a weft.dtype", o);
  throw PythonError();
}

}  // namespace weft::python
