#include <weft/python/src/operations.h>

#include <cstring>
#include <deque>

// Arguments by names that PyTorch takes and pybind11's functions do not know: NumPy's axis for dim
// and keepdims for keepdim, and size for sizes that are given one by one. Such a function gets one
// around it that translates.
namespace weft::python {
namespace {

// The keywords under their own names, a new reference; TypeError where one comes twice.
PyObject* own_names(PyObject* keywords) {
  const Py_ssize_t n = PyTuple_GET_SIZE(keywords);
  Owned names(PyTuple_New(n));
  for (Py_ssize_t i = 0; i < n; ++i) {
    PyObject* name = own_name(PyTuple_GET_ITEM(keywords, i));
    for (Py_ssize_t k = 0; k < i; ++k) {
      if (PyUnicode_Compare(PyTuple_GET_ITEM(names.get(), k), name) != 0) continue;
      PyErr_Format(PyExc_TypeError, "got the argument %R twice", name);
      throw PythonError();
    }
    PyTuple_SET_ITEM(names.get(), i, Py_NewRef(name));
  }
  return names.release();
}

PyObject* forward(PyObject* function, PyObject* const* args, Py_ssize_t n, PyObject* keywords) {
  const auto count = static_cast<std::size_t>(n);
  if (!keywords) return PyObject_Vectorcall(function, args, count, nullptr);
  return guarded([&] {
    const Owned names(own_names(keywords));
    return PyObject_Vectorcall(function, args, count, names.get());
  });
}

// The same for f(*size, ...) with `First` arguments before the sizes.
template <Py_ssize_t First>
PyObject* forward_sized(PyObject* function, PyObject* const* args, Py_ssize_t n,
                        PyObject* keywords) {
  constexpr const char* names[] = {"size"};
  const Py_ssize_t given = keywords ? PyTuple_GET_SIZE(keywords) : 0;
  Py_ssize_t at = 0;
  while (at < given && keyword_position(PyTuple_GET_ITEM(keywords, at), names, 1) != 0) ++at;
  if (at == given || n != First) {  // nothing to translate, or sizes twice, which it refuses
    return PyObject_Vectorcall(function, args, static_cast<std::size_t>(n), keywords);
  }
  return guarded([&] {
    const Owned rest(PyTuple_New(given - 1));
    std::vector<PyObject*> values(args, args + n);
    values.push_back(args[n + at]);
    for (Py_ssize_t i = 0, k = 0; i < given; ++i) {
      if (i == at) continue;
      PyTuple_SET_ITEM(rest.get(), k++, Py_NewRef(PyTuple_GET_ITEM(keywords, i)));
      values.push_back(args[n + i]);
    }
    const auto count = static_cast<std::size_t>(n + 1);
    return PyObject_Vectorcall(function, values.data(), count, rest.get());
  });
}

using Call = PyObject* (*)(PyObject*, PyObject* const*, Py_ssize_t, PyObject*);

struct Around {
  std::string name, doc;
  PyMethodDef method;
};

// A function that calls the given one, and looks like it.
py::object around(const py::object& function, Call call) {
  static std::deque<Around> all;
  Around& a = all.emplace_back();
  a.name = function.attr("__name__").cast<std::string>();
  a.doc = function.attr("__doc__").cast<std::string>();
  a.method = {a.name.c_str(), reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(call)),
              METH_FASTCALL | METH_KEYWORDS, a.doc.c_str()};
  const py::object module = function.attr("__module__");
  return py::reinterpret_steal<py::object>(
      PyCFunction_NewEx(&a.method, function.ptr(), module.ptr()));
}

// What has to stand around a function, or nothing; pybind11's have their signature as docstring.
Call call_around(PyObject* function) {
  if (!PyCFunction_Check(function)) return nullptr;
  const char* doc = reinterpret_cast<PyCFunctionObject*>(function)->m_ml->ml_doc;
  if (!doc || !std::strstr(doc, ") -> ")) return nullptr;
  const char* sizes = std::strstr(doc, "(*args, ");  // of overloads "(*args, **kwargs)"
  if (sizes && sizes[8] != '*') return forward_sized<0>;
  if (std::strstr(doc, "(self: weft.Tensor, *args, ")) return forward_sized<1>;
  return std::strstr(doc, "dim: ") ? forward : nullptr;
}

}  // namespace

void take_other_names(py::module_& m) {
  const auto members = py::reinterpret_steal<py::dict>(PyDict_Copy(PyModule_GetDict(m.ptr())));
  for (const auto& [name, value] : members) {
    const auto function = py::reinterpret_borrow<py::object>(value);
    if (const Call call = call_around(function.ptr())) m.attr(name) = around(function, call);
  }
  const auto type = py::reinterpret_borrow<py::object>(reinterpret_cast<PyObject*>(tensor_type));
  for (const auto& [name, value] : py::dict(type.attr("__dict__"))) {
    if (!PyInstanceMethod_Check(value.ptr())) continue;
    const auto function =
        py::reinterpret_borrow<py::object>(PyInstanceMethod_GET_FUNCTION(value.ptr()));
    const Call call = call_around(function.ptr());
    if (!call) continue;
    const py::object method = around(function, call);
    type.attr(name) = py::reinterpret_steal<py::object>(PyInstanceMethod_New(method.ptr()));
  }
}

}  // namespace weft::python
