#include <weft/python/src/call.h>

#include <chrono>

#include <weft/autograd/engine.h>
#include <weft/core/error.h>
#include <weft/core/interrupt.h>
#include <weft/ops/shape.h>
#include <weft/python/src/dtype.h>
#include <weft/python/src/elementwise.h>

// Properties of a tensor, and the methods that are called most.
namespace weft::python {
namespace {

PyCFunction fast(PyObject* (*f)(PyObject*, PyObject* const*, Py_ssize_t, PyObject*)) {
  return reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(f));
}

bool is_true(PyObject* o) {
  const int truth = PyObject_IsTrue(o);
  if (truth < 0) throw PythonError();
  return truth == 1;
}

// ---- Properties

// A tensor's sizes change with its data alone, so one tuple serves.
PyObject* shape(PyObject* self, void*) {
  auto* o = reinterpret_cast<TensorObject*>(self);
  if (!o->shape) o->shape = size_tuple(o->tensor.sizes());
  Py_XINCREF(o->shape);
  return o->shape;
}
PyObject* dtype(PyObject* self, void*) { return dtype_object(tensor_of(self).dtype()); }
PyObject* ndim(PyObject* self, void*) { return PyLong_FromLong(tensor_of(self).dim()); }
PyObject* itemsize(PyObject* self, void*) { return PyLong_FromSize_t(tensor_of(self).itemsize()); }
PyObject* nbytes(PyObject* self, void*) { return PyLong_FromSize_t(tensor_of(self).nbytes()); }
PyObject* is_leaf(PyObject* self, void*) { return PyBool_FromLong(tensor_of(self).is_leaf()); }
PyObject* version(PyObject* self, void*) {
  return PyLong_FromUnsignedLong(tensor_of(self).version());
}
PyObject* transposed(PyObject* self, void*) {
  return guarded([&] {
    const Tensor& t = tensor_of(self);
    Shape dims;
    for (int d = t.dim(); d-- > 0;) dims.push_back(d);
    return wrap(t.permute(dims));
  });
}
PyObject* matrix_transposed(PyObject* self, void*) {
  return guarded([&] { return wrap(tensor_of(self).transpose(-2, -1)); });
}
PyObject* data(PyObject* self, void*) {
  return guarded([&] { return wrap(tensor_of(self).detach()); });
}
int set_data(PyObject* self, PyObject* value, void*) {
  if (!value || !is_tensor(value)) {
    PyErr_Format(PyExc_TypeError, "[data] got %s, expected a tensor",
                 value ? Py_TYPE(value)->tp_name : "a deletion");
    return -1;
  }
  const auto done = guarded([&] {
    autograd::set_data(tensor_of(self), tensor_of(value));
    return Py_None;
  });
  if (done) Py_CLEAR(reinterpret_cast<TensorObject*>(self)->shape);
  return done ? 0 : -1;
}
PyObject* retains_grad(PyObject* self, void*) {
  return guarded([&] { return PyBool_FromLong(autograd::retains_grad(tensor_of(self))); });
}

PyObject* requires_grad(PyObject* self, void*) {
  return PyBool_FromLong(tensor_of(self).requires_grad());
}
int set_requires_grad(PyObject* self, PyObject* value, void*) {
  const int on = value ? PyObject_IsTrue(value) : -1;
  if (on < 0) return -1;
  return guarded([&] {
    tensor_of(self).requires_grad_(on);
    return Py_None;
  })
             ? 0
             : -1;
}
PyObject* grad(PyObject* self, void*) {
  return guarded([&] { return wrap(tensor_of(self).grad()); });
}
int set_grad(PyObject* self, PyObject* value, void*) {
  if (value && value != Py_None && !is_tensor(value)) {
    PyErr_Format(PyExc_TypeError, "[grad] got %s, expected a tensor or None",
                 Py_TYPE(value)->tp_name);
    return -1;
  }
  return guarded([&] {
    tensor_of(self).set_grad(value && value != Py_None ? tensor_of(value) : Tensor());
    return Py_None;
  })
             ? 0
             : -1;
}

// ---- Methods

PyObject* item(PyObject* self, PyObject*) {
  return guarded([&]() -> PyObject* {
    const Scalar s = tensor_of(self).item();
    if (s.dtype() == DType::Bool) return PyBool_FromLong(s.to_bool());
    return s.is_floating() ? PyFloat_FromDouble(s.to_double()) : PyLong_FromLongLong(s.to_int());
  });
}
PyObject* numel(PyObject* self, PyObject*) { return PyLong_FromLongLong(tensor_of(self).numel()); }
PyObject* dim(PyObject* self, PyObject*) { return PyLong_FromLong(tensor_of(self).dim()); }
PyObject* detach(PyObject* self, PyObject*) {
  return guarded([&] { return wrap(tensor_of(self).detach()); });
}
PyObject* t(PyObject* self, PyObject*) {
  return guarded([&] { return wrap(tensor_of(self).t()); });
}

PyObject* size(PyObject* self, PyObject* const* args, Py_ssize_t n, PyObject* keywords) {
  static constexpr const char* names[] = {"dim"};
  return guarded([&] {
    const Arguments<1> a("size(dim=None)", names, args, n, keywords);
    return a[0] ? PyLong_FromLongLong(tensor_of(self).size(to_index(a[0]))) : shape(self, nullptr);
  });
}
PyObject* stride(PyObject* self, PyObject* const* args, Py_ssize_t n, PyObject* keywords) {
  static constexpr const char* names[] = {"dim"};
  return guarded([&]() -> PyObject* {
    const Arguments<1> a("stride(dim=None)", names, args, n, keywords);
    const Tensor& x = tensor_of(self);
    if (a[0]) return PyLong_FromLongLong(x.stride(to_index(a[0])));
    Owned tuple(PyTuple_New(x.dim()));
    for (int d = 0; d < x.dim(); ++d) {
      PyTuple_SET_ITEM(tuple.get(), d, Owned(PyLong_FromLongLong(x.strides()[d])).release());
    }
    return tuple.release();
  });
}
PyObject* strides(PyObject* self, void*) { return stride(self, nullptr, 0, nullptr); }

// The sizes of f(2, 3), f((2, 3)) or f(name=(2, 3)).
Shape sizes_given(const char* name, PyObject* const* args, Py_ssize_t n, PyObject* keywords) {
  if (!keywords) [[likely]]
    return shape_from_args(args, n);
  if (n != 0 || PyTuple_GET_SIZE(keywords) != 1 ||
      keyword_position(PyTuple_GET_ITEM(keywords, 0), &name, 1) != 0) {
    throw_signature((std::string("(*") + name + ")").c_str(), "other arguments");
  }
  return to_shape(args[0]);
}

constexpr char kSize[] = "size", kShape[] = "shape", kDims[] = "dims", kRepeats[] = "repeats";

template <Tensor (Tensor::*F)(const Shape&) const, const char* Name>
PyObject* shaped(PyObject* self, PyObject* const* args, Py_ssize_t n, PyObject* keywords) {
  return guarded([&] { return wrap((tensor_of(self).*F)(sizes_given(Name, args, n, keywords))); });
}

template <Tensor (*F)(const Tensor&, const Shape&), const char* Name>
PyObject* copied(PyObject* self, PyObject* const* args, Py_ssize_t n, PyObject* keywords) {
  return guarded([&] {
    const Shape sizes = sizes_given(Name, args, n, keywords);
    Tensor y;
    {
      const Unlocked unlocked;
      y = F(tensor_of(self), sizes);
    }
    return wrap(y);
  });
}

// view(*size), view(dtype), or either by its name.
PyObject* view(PyObject* self, PyObject* const* args, Py_ssize_t n, PyObject* keywords) {
  static constexpr const char* names[] = {"dtype"};
  const bool one = n + (keywords ? PyTuple_GET_SIZE(keywords) : 0) == 1;
  const bool of_dtype =
      one && (keywords ? keyword_position(PyTuple_GET_ITEM(keywords, 0), names, 1) == 0
                       : is_dtype(args[0]) || PyType_Check(args[0]));
  if (!of_dtype) return shaped<&Tensor::view, kSize>(self, args, n, keywords);
  return guarded([&] { return wrap(tensor_of(self).view(to_dtype(args[0]))); });
}

using Reduction = Tensor (Tensor::*)(const Shape&, bool, std::optional<DType>) const;
template <Reduction F>
PyObject* reduced(PyObject* self, PyObject* const* args, Py_ssize_t n, PyObject* keywords) {
  static constexpr const char* names[] = {"dim", "keepdim", "dtype"};
  return guarded([&] {
    const Arguments<3> a("(dim=None, keepdim=False, dtype=None)", names, args, n, keywords);
    const Shape dims = a[0] ? to_shape(a[0]) : Shape();
    const bool keepdim = a[1] && is_true(a[1]);
    std::optional<DType> type;
    if (a[2]) type = to_dtype(a[2]);
    Tensor y;
    {
      const Tensor& x = tensor_of(self);
      const Unlocked unlocked(long_work(x));
      y = (x.*F)(dims, keepdim, type);
    }
    return wrap(std::move(y));
  });
}

// A tensor or a sequence of them: those whose gradients are asked for.
std::vector<Tensor> inputs_of(PyObject* given) {
  if (is_tensor(given)) return {tensor_of(given)};
  const Owned list(PySequence_Fast(given, "[backward] expected a tensor or a sequence for inputs"));
  std::vector<Tensor> inputs;
  for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(list.get()); ++i) {
    PyObject* o = PySequence_Fast_GET_ITEM(list.get(), i);
    if (!is_tensor(o)) {
      PyErr_Format(PyExc_TypeError, "[backward] got %s among inputs, expected tensors",
                   Py_TYPE(o)->tp_name);
      throw PythonError();
    }
    inputs.push_back(tensor_of(o));
  }
  if (inputs.empty())
    throw AutogradError("[backward] got no inputs, expected one or more, or None for all leaves");
  return inputs;
}

PyObject* backward(PyObject* self, PyObject* const* args, Py_ssize_t n, PyObject* keywords) {
  static constexpr const char* names[] = {"gradient", "retain_graph", "create_graph", "inputs"};
  return guarded([&]() -> PyObject* {
    const Arguments<4> a(
        "backward(gradient=None, retain_graph=None, create_graph=False, inputs=None)", names, args,
        n, keywords);
    const bool create = a[2] && is_true(a[2]);
    const bool retain = a[1] ? is_true(a[1]) : create;
    const Tensor gradient = a[0] ? as_tensor(a[0]) : Tensor();
    const std::vector<Tensor> inputs = a[3] ? inputs_of(a[3]) : std::vector<Tensor>();
    {
      const Unlocked unlocked;
      const Tensor& t = tensor_of(self);
      t.get("backward");
      autograd::backward(std::span(&t, 1), std::span(&gradient, 1), retain, create, inputs);
    }
    Py_RETURN_NONE;
  });
}

PyObject* repr(PyObject* self) {
  return guarded([&] { return PyUnicode_FromString(tensor_of(self).str().c_str()); });
}
PyObject* parameter_repr(PyObject* self) {
  return guarded([&] {
    return PyUnicode_FromString(("Parameter containing:\n" + tensor_of(self).str()).c_str());
  });
}

// ---- tolist()

// Lets go of a list that nobody will see a little at a time, between what Python does next: ten
// million numbers at once would take a fifth of a second, after Ctrl-C.
int drop_some(void* list) {
  constexpr auto kTime = std::chrono::milliseconds(1);
  const auto start = std::chrono::steady_clock::now();
  auto* o = static_cast<PyObject*>(list);
  while (const Py_ssize_t n = PyList_GET_SIZE(o)) {
    const Py_ssize_t some = PyList_Check(PyList_GET_ITEM(o, n - 1)) ? 1 : 1000;
    PyList_SetSlice(o, std::max<Py_ssize_t>(n - some, 0), n, nullptr);
    if (std::chrono::steady_clock::now() - start > kTime) break;
  }
  if (PyList_GET_SIZE(o) == 0 || Py_AddPendingCall(drop_some, o) != 0) Py_DECREF(o);
  return 0;
}

PyObject* list_of(const Tensor& x, const char* at, int d) {
  if (d == x.dim()) {
    return dispatch(x.dtype(), [&](auto tag) -> PyObject* {
      using T = typename decltype(tag)::type;
      const T v = *reinterpret_cast<const T*>(at);
      if constexpr (std::is_same_v<T, bool>)
        return PyBool_FromLong(v);
      else if constexpr (std::is_integral_v<T>)
        return PyLong_FromLongLong(v);
      else
        return PyFloat_FromDouble(static_cast<double>(v));
    });
  }
  Owned list(PyList_New(x.sizes()[d]));
  Index i = 0;
  try {
    for (; i < x.sizes()[d]; ++i) {
      if (i % (1 << 14) == 0) check_interrupt("tolist");
      const Index step = i * x.strides()[d] * static_cast<Index>(x.itemsize());
      PyList_SET_ITEM(list.get(), i, Owned(list_of(x, at + step, d + 1)).release());
    }
  } catch (...) {
    Py_SET_SIZE(list.get(), i);  // a walk over what was never set would take its time
    if (i > 1000 || d + 1 < x.dim()) drop_some(list.release());
    throw;
  }
  return list.release();
}
PyObject* tolist(PyObject* self, PyObject*) {
  return guarded([&] {
    const Tensor x = tensor_of(self).cpu();
    return list_of(x, static_cast<const char*>(x.data()), 0);
  });
}

const PyMethodDef hot[] = {
    {"item", item, METH_NOARGS, "item($self)\n--\n\nThe number of a tensor of one element."},
    {"tolist", tolist, METH_NOARGS, "tolist($self)\n--\n\nNested lists of numbers, or a number."},
    {"numel", numel, METH_NOARGS, "numel($self)\n--\n\nHow many elements there are."},
    {"dim", dim, METH_NOARGS, "dim($self)\n--\n\nHow many dimensions there are."},
    {"detach", detach, METH_NOARGS,
     "detach($self)\n--\n\nThe same memory as a tensor that the tape does not know."},
    {"t", t, METH_NOARGS, "t($self)\n--\n\nThe transpose of a matrix, a view."},
    {"size", fast(size), METH_FASTCALL | METH_KEYWORDS,
     "size($self, dim=None, *, axis=None)\n--\n\nThe sizes, or that of one dimension."},
    {"stride", fast(stride), METH_FASTCALL | METH_KEYWORDS,
     "stride($self, dim=None, *, axis=None)\n--\n\nThe strides in elements, or that of one "
     "dimension."},
    {"view", fast(view), METH_FASTCALL | METH_KEYWORDS,
     "view(*size) or view(dtype): the same memory in another shape, ShapeError where that needs a "
     "copy; or the same bytes as elements of another dtype, unknown to the tape. Where those are "
     "wider or narrower the last dimension, whose stride is 1, gets shorter or longer."},
    {"reshape", fast(shaped<&Tensor::reshape, kShape>), METH_FASTCALL | METH_KEYWORDS,
     "reshape(*shape): the elements in another shape, a view where the memory allows it."},
    {"permute", fast(shaped<&Tensor::permute, kDims>), METH_FASTCALL | METH_KEYWORDS,
     "permute(*dims): a view with the dimensions in another order."},
    {"repeat", fast(copied<&weft::repeat, kRepeats>), METH_FASTCALL | METH_KEYWORDS,
     "repeat(*repeats): a copy of the tensor so many times along each dim; dims that it lacks come "
     "in front."},
    {"tile", fast(copied<&weft::tile, kDims>), METH_FASTCALL | METH_KEYWORDS,
     "tile(*dims): repeat(), where repeats that are missing in front are 1."},
    {"expand", fast(shaped<&Tensor::expand, kSize>), METH_FASTCALL | METH_KEYWORDS,
     "expand(*size): a view that repeats dimensions of size 1; -1 keeps a size."},
    {"flip", fast(shaped<&Tensor::flip, kDims>), METH_FASTCALL | METH_KEYWORDS,
     "flip(*dims): a copy with the order of elements reversed along dims."},
    {"sum", fast(reduced<&Tensor::sum>), METH_FASTCALL | METH_KEYWORDS,
     "sum($self, dim=None, keepdim=False, dtype=None, *, axis=None, keepdims=False)\n--\n\nThe sum "
     "over dims, or over all."},
    {"mean", fast(reduced<&Tensor::mean>), METH_FASTCALL | METH_KEYWORDS,
     "mean($self, dim=None, keepdim=False, dtype=None, *, axis=None, keepdims=False)\n--\n\nThe "
     "mean over dims, or over all."},
    {"prod", fast(reduced<&Tensor::prod>), METH_FASTCALL | METH_KEYWORDS,
     "prod($self, dim=None, keepdim=False, dtype=None, *, axis=None, keepdims=False)\n--\n\nThe "
     "product over dims, or over all."},
    {"backward", fast(backward), METH_FASTCALL | METH_KEYWORDS,
     "backward($self, gradient=None, retain_graph=None, create_graph=False, inputs=None)\n--\n\n"
     "Adds the gradients of this tensor (times gradient) to the grad of its leaves, or of inputs "
     "alone."}};

}  // namespace

PyGetSetDef tensor_properties[] = {
    {"shape", shape, nullptr, "The sizes, a weft.Size.", nullptr},
    {"dtype", dtype, nullptr, "The weft.dtype of the elements.", nullptr},
    {"ndim", ndim, nullptr, "How many dimensions there are.", nullptr},
    {"strides", strides, nullptr, "The strides in elements.", nullptr},
    {"itemsize", itemsize, nullptr, "Bytes of an element.", nullptr},
    {"nbytes", nbytes, nullptr, "Bytes of all elements.", nullptr},
    {"T", transposed, nullptr, "A view with the dimensions in reverse order.", nullptr},
    {"mT", matrix_transposed, nullptr, "A view with the last two dimensions swapped.", nullptr},
    {"data", data, set_data,
     "The same memory as a tensor that the tape does not know. What is assigned becomes this "
     "tensor's memory, with its shape and dtype; grad, hooks and optimisers keep the tensor.",
     nullptr},
    {"grad", grad, set_grad, "The gradient that backward() gathered, or None.", nullptr},
    {"requires_grad", requires_grad, set_requires_grad,
     "Whether operations on this tensor are recorded.", nullptr},
    {"retains_grad", retains_grad, nullptr, "Whether retain_grad() was called for no leaf.",
     nullptr},
    {"is_leaf", is_leaf, nullptr, "Whether no recorded operation made it.", nullptr},
    {"_version", version, nullptr, "Counts the changes in place of the memory.", nullptr},
    {}};

PyType_Slot repr_slots[] = {{Py_tp_repr, reinterpret_cast<void*>(repr)}, {0, nullptr}};
PyType_Slot parameter_repr_slots[] = {{Py_tp_repr, reinterpret_cast<void*>(parameter_repr)},
                                      {0, nullptr}};

std::vector<PyMethodDef>& tensor_methods() {
  static std::vector<PyMethodDef> methods = [] {
    std::vector<PyMethodDef> m(std::begin(hot), std::end(hot));
    m.insert(m.end(), elementwise_methods().begin(), elementwise_methods().end());
    m.push_back({});
    return m;
  }();
  return methods;
}

}  // namespace weft::python
