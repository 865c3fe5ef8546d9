#include <weft/python/src/array.h>

#include <algorithm>
#include <cstring>
#include <memory>

#include <weft/core/interrupt.h>
#include <weft/ops/make.h>
#include <weft/ops/shape.h>
#include <weft/python/src/call.h>

namespace weft::python {
namespace {

// The struct module's letters, by size for the integers (long's differs between systems).
std::optional<DType> dtype_of_format(const char* format, Py_ssize_t itemsize) {
  if (!format) return DType::U8;
  if (*format == '@' || *format == '=' || *format == '<') ++format;
  if (format[0] == 0 || format[1] != 0) return {};
  switch (format[0]) {
    case '?': return DType::Bool;
    case 'B': return DType::U8;
    case 'b': return DType::I8;
    case 'e': return DType::F16;
    case 'f': return DType::F32;
    case 'd': return DType::F64;
    case 'h':
    case 'i':
    case 'l':
    case 'q': return itemsize == 2 ? DType::I16 : itemsize == 4 ? DType::I32 : DType::I64;
    default: return {};
  }
}

const char* format_of(DType t) {
  constexpr const char* formats[kDTypeCount] = {"?", "B", "b",     "h", "i",
                                                "q", "e", nullptr, "f", "d"};
  return formats[static_cast<int>(t)];
}

struct ReleaseBuffer {
  void operator()(Py_buffer* b) const {
    if (!Py_IsInitialized()) return;  // the array went with the interpreter
    const PyGILState_STATE state = PyGILState_Ensure();
    PyBuffer_Release(b);
    PyGILState_Release(state);
    delete b;
  }
};
using Buffer = std::unique_ptr<Py_buffer, ReleaseBuffer>;

// Null with an error set if the object lends none.
Buffer get_buffer(PyObject* o) {
  auto raw = std::make_unique<Py_buffer>();
  if (PyObject_GetBuffer(o, raw.get(), PyBUF_STRIDES | PyBUF_FORMAT) != 0) return nullptr;
  return Buffer(raw.release());
}

// ---- Nested sequences

constexpr Index kBetweenLooks = 1 << 14;  // for an interrupt, in elements

bool is_sequence(PyObject* o) { return PyList_Check(o) || PyTuple_Check(o); }
// Objects of other libraries that are arrays by another name: a pandas Series...
bool lends_array(PyObject* o) {
  return !PyFloat_Check(o) && !PyLong_Check(o) && !is_sequence(o) && !is_tensor(o) &&
         !PyObject_CheckBuffer(o) && !PyType_Check(o) && PyObject_HasAttrString(o, "__array__");
}
// What is not read as a list yet is one: range, deque...
bool is_listable(PyObject* o) {
  return PySequence_Check(o) && !is_sequence(o) && !is_tensor(o) && !is_array(o) &&
         !PyUnicode_Check(o) && !PyBytes_Check(o) && !PyByteArray_Check(o);
}

// Arrays of no dimensions and NumPy's numbers, which have a dtype.
bool lends_number(PyObject* o) {
  return !PyFloat_CheckExact(o) && !PyLong_CheckExact(o) && PyObject_CheckBuffer(o) &&
         !PyBytes_Check(o) && !PyByteArray_Check(o);
}

struct Numbers {
  Shape shape;
  std::vector<Scalar> values;
  std::optional<DType> widest;  // of Python's numbers: bool, i64 or f32
  std::optional<DType> typed;   // of tensors and NumPy's numbers

  void add(PyObject* o) {
    if (is_tensor(o)) return add_typed(tensor_of(o));
    if (lends_number(o)) return add_typed(tensor_from_buffer(o));
    const std::optional<Scalar> s = as_scalar(o);
    if (!s) {
      PyErr_Format(PyExc_TypeError, "[tensor] got %s, expected numbers or nested sequences of them",
                   Py_TYPE(o)->tp_name);
      throw PythonError();
    }
    values.push_back(*s);
    const DType own = s->is_floating() ? DType::F32 : s->dtype();
    widest = std::max(widest.value_or(own), own);
  }
  void add_typed(const Tensor& t) {
    values.push_back(t.item());
    typed = promote(typed.value_or(t.dtype()), t.dtype());
  }
  DType dtype() const {
    if (values.empty()) return DType::F32;
    if (!typed) return *widest;
    return promote(*typed, widest.value_or(*typed));
  }
};

// Of the list itself, whatever a subclass says.
std::size_t length(PyObject* o) { return static_cast<std::size_t>(PySequence_Fast_GET_SIZE(o)); }

void measure(PyObject* o, Shape& shape) {
  while (is_sequence(o)) {
    const auto n = static_cast<Index>(length(o));
    shape.push_back(n);
    if (n == 0) return;
    o = PySequence_Fast_GET_ITEM(o, 0);
  }
}

// What reads an element may run Python code, which may change the list.
Owned item_of(PyObject* o, Index i) {
  if (i >= static_cast<Index>(length(o)))
    throw ShapeError("[tensor] got a list that became shorter while it was read");
  return Owned(Py_NewRef(PySequence_Fast_GET_ITEM(o, i)));
}

void gather(PyObject* o, int depth, Numbers& into) {
  if (depth == into.shape.size()) {
    if (is_sequence(o)) throw ShapeError("[tensor] got sequences of unequal depth");
    return into.add(o);
  }
  const Index wanted = into.shape[depth];
  if (!is_sequence(o) || static_cast<Index>(length(o)) != wanted) {
    throw ShapeError("[tensor] got " +
                     (is_sequence(o) ? "a sequence of " + std::to_string(length(o))
                                     : std::string(Py_TYPE(o)->tp_name)) +
                     " in dimension " + std::to_string(depth) + ", expected a sequence of " +
                     std::to_string(wanted));
  }
  for (Index i = 0; i < wanted; ++i) {
    if (i % kBetweenLooks == 0) check_interrupt("tensor");
    gather(item_of(o, i).get(), depth + 1, into);
  }
}

// ---- Sequences of Python's own floats alone, or ints alone: straight into the tensor's memory

// Whether all sequences above the innermost have the lengths of the shape.
bool is_regular(PyObject* o, int depth, const Shape& shape) {
  if (!is_sequence(o) || static_cast<Index>(length(o)) != shape[depth]) return false;
  if (depth + 1 == shape.size()) return true;
  for (Index i = 0; i < shape[depth]; ++i) {
    if (!is_regular(PySequence_Fast_GET_ITEM(o, i), depth + 1, shape)) return false;
  }
  return true;
}

std::optional<double> exact_number(PyObject* o, double) {
  if (!PyFloat_CheckExact(o)) return {};
  return PyFloat_AS_DOUBLE(o);
}
std::optional<Index> exact_number(PyObject* o, Index) {
  if (!PyLong_CheckExact(o)) return {};
  int overflow = 0;
  const Index value = PyLong_AsLongLongAndOverflow(o, &overflow);
  return overflow ? std::nullopt : std::optional(value);
}

// False where there is something else. A look for an interrupt may run code that changes lists.
template <class Number, class T>
bool read_exact(PyObject* sequence, int depth, const Shape& shape, T*& to) {
  const Owned held(Py_NewRef(sequence));
  PyObject* o = held.get();
  for (Index i = 0; i < shape[depth]; ++i) {
    if (i % kBetweenLooks == 0) check_interrupt("tensor");
    if (!is_sequence(o) || i >= static_cast<Index>(length(o))) return false;
    PyObject* item = PySequence_Fast_GET_ITEM(o, i);
    if (depth + 1 < shape.size()) {
      if (!is_sequence(item) || static_cast<Index>(length(item)) != shape[depth + 1]) return false;
      if (!read_exact<Number>(item, depth + 1, shape, to)) return false;
    } else {
      const std::optional<Number> value = exact_number(item, Number());
      if (!value) return false;
      *to++ = Scalar(*value).to<T>();
    }
  }
  return true;
}

// Nothing if the sequence is no such one.
std::optional<Tensor> from_exact(PyObject* o, const Shape& shape, std::optional<DType> dtype) {
  PyObject* first = o;
  for (Index n : shape) {
    if (n == 0) return {};
    first = PySequence_Fast_GET_ITEM(first, 0);
  }
  const bool floats = PyFloat_CheckExact(first);
  if (shape.empty() || (!floats && !PyLong_CheckExact(first))) return {};
  if (!is_regular(o, 0, shape)) return {};
  const Tensor t = weft::empty(shape, dtype.value_or(floats ? DType::F32 : DType::I64));
  const bool done = dispatch(t.dtype(), [&](auto tag) {
    auto* to = t.data<typename decltype(tag)::type>();
    return floats ? read_exact<double>(o, 0, shape, to) : read_exact<Index>(o, 0, shape, to);
  });
  return done ? std::optional(t) : std::nullopt;
}

// A list whose elements are arrays or tensors of dimensions: stacked.
bool holds_arrays(PyObject* o) {
  if (!is_sequence(o) || length(o) == 0) return false;
  PyObject* first = PySequence_Fast_GET_ITEM(o, 0);
  return (is_tensor(first) && tensor_of(first).dim() > 0) || (!is_tensor(first) && is_array(first));
}

Tensor stack_of(PyObject* o) {
  std::vector<Tensor> parts;
  for (std::size_t i = 0; i < length(o); ++i) {
    parts.push_back(as_tensor(item_of(o, static_cast<Index>(i)).get()).detach());
  }
  return weft::stack(parts);
}

Tensor from_numbers(const Numbers& n, DType dtype) {
  const Tensor t = weft::empty(n.shape, dtype);
  dispatch(dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    T* to = t.data<T>();
    for (const Scalar& s : n.values) *to++ = s.to<T>();
  });
  return t;
}

}  // namespace

Tensor borrow_memory(void* data, const Shape& sizes, const Shape& strides, DType dtype,
                     Storage::Release release, void* context, Device device) {
  const Extent reach = extent({sizes, strides, 0});
  const Index count = reach.high - reach.low + 1;
  char* lowest = static_cast<char*>(data) + reach.low * static_cast<Index>(size_of(dtype));
  const Tensor all =
      from_blob(lowest, Shape(count), Options(dtype).device(device), {}, release, context);
  return make_alias(all, {sizes, strides, count > 0 ? -reach.low : 0});
}

Tensor retyped(const Tensor& x, DType dtype) {
  TensorImpl& t = x.get("retyped");
  return Tensor(
      IntrusivePtr<TensorImpl>(new TensorImpl(t.storage, t.data, dtype, t.sizes, t.strides)));
}

namespace {

// The elements of a buffer that a tensor cannot point at, in row-major order.
Tensor copy_of(const Py_buffer& b, const Shape& sizes, DType dtype) {
  const Tensor t = weft::empty(sizes, dtype);
  if (PyBuffer_ToContiguous(t.data(), const_cast<Py_buffer*>(&b), b.len, 'C') != 0) {
    throw PythonError();
  }
  return t;
}

// In elements; nothing where the elements do not lie at multiples of their size.
std::optional<Shape> strides_of(const Py_buffer& b) {
  if (reinterpret_cast<std::uintptr_t>(b.buf) % static_cast<std::size_t>(b.itemsize) != 0)
    return {};
  Shape strides;
  for (int d = 0; d < b.ndim; ++d) {
    if (b.shape[d] > 1 && b.strides[d] % b.itemsize != 0) return {};
    strides.push_back(b.strides[d] / b.itemsize);
  }
  return strides;
}

DType dtype_of_buffer(const Py_buffer& b) {
  const std::optional<DType> dtype = dtype_of_format(b.format, b.itemsize);
  if (dtype && size_of(*dtype) == static_cast<std::size_t>(b.itemsize)) return *dtype;
  PyErr_Format(PyExc_TypeError,
               "[tensor] got an array of format '%s', expected bool, u8, i8, i16, i32, i64, f16, "
               "bf16, f32 or f64 in this machine's byte order",
               b.format ? b.format : "");
  throw PythonError();
}

// NumPy lends no buffer of ml_dtypes' bfloat16, but views it as integers. Null for other arrays,
// with the error left set.
PyObject* bfloat16_as_integers(PyObject* o) {
  PyObject *type, *value, *trace;
  PyErr_Fetch(&type, &value, &trace);
  PyObject* dtype = PyObject_GetAttrString(o, "dtype");
  PyObject* name = dtype ? PyObject_GetAttrString(dtype, "name") : nullptr;
  const bool found =
      name && PyUnicode_Check(name) && PyUnicode_CompareWithASCIIString(name, "bfloat16") == 0;
  Py_XDECREF(dtype);
  Py_XDECREF(name);
  PyErr_Clear();
  PyErr_Restore(type, value, trace);
  if (!found) return nullptr;
  PyErr_Clear();
  return Owned(PyObject_CallMethod(o, "view", "s", "int16")).release();
}

}  // namespace

Tensor tensor_from_buffer(PyObject* o, bool may_copy) {
  Buffer b = get_buffer(o);
  if (!b) {
    const Owned integers(bfloat16_as_integers(o));
    return retyped(tensor_from_buffer(integers.get(), may_copy), DType::BF16);
  }
  const DType dtype = dtype_of_buffer(*b);
  const Shape sizes(std::vector<Index>(b->shape, b->shape + b->ndim));
  const std::optional<Shape> strides = strides_of(*b);
  if (b->readonly || (!strides && may_copy)) return copy_of(*b, sizes, dtype);
  if (!strides) {
    throw weft::ValueError(
        "[from_numpy] got an array whose elements do not lie at multiples of their size; "
        "weft.tensor() copies it");
  }
  const auto release = [](void* context) { ReleaseBuffer()(static_cast<Py_buffer*>(context)); };
  void* data = b->buf;
  return borrow_memory(data, sizes, *strides, dtype, release, b.release());
}

Tensor tensor_from_values(PyObject* o, std::optional<DType> dtype) {
  if (lends_array(o)) {
    const Owned array(PyObject_CallMethod(o, "__array__", nullptr));
    if (!lends_array(array.get())) return tensor_from_values(array.get(), dtype);
    PyErr_Format(PyExc_TypeError, "[tensor] got %s from __array__ of %s, expected an array",
                 Py_TYPE(array.get())->tp_name, Py_TYPE(o)->tp_name);
    throw PythonError();
  }
  if (is_listable(o)) {
    return tensor_from_values(Owned(PySequence_List(o)).get(), dtype);
  }
  if (is_tensor(o) || is_array(o) || holds_arrays(o)) {
    const Tensor t = holds_arrays(o) ? stack_of(o) : as_tensor(o).detach();
    return t.to(dtype.value_or(t.dtype()), /*copy=*/true);
  }
  Numbers n;
  measure(o, n.shape);
  if (auto t = from_exact(o, n.shape, dtype)) return *t;
  gather(o, 0, n);
  return from_numbers(n, dtype.value_or(n.dtype()));
}

namespace {
struct Export {
  Tensor tensor;
  Py_ssize_t sizes[kMaxRank], strides[kMaxRank];
};
}  // namespace

int fill_buffer(PyObject* self, Py_buffer* buffer, int flags) {
  const Tensor& t = tensor_of(self);
  const char* problem = t.requires_grad()       ? "requires a gradient: use detach()"
                        : !format_of(t.dtype()) ? "is of bfloat16, which buffers lack"
                        : t.device() != kCPU    ? "is not on the CPU: use cpu()"
                        : (flags & PyBUF_STRIDES) != PyBUF_STRIDES && !t.is_contiguous()
                            ? "is not contiguous: use contiguous()"
                            : nullptr;
  if (problem) {
    PyErr_Format(PyExc_BufferError, "[buffer] the tensor %s", problem);
    return -1;
  }
  auto* e = new Export{t, {}, {}};
  const auto item = static_cast<Py_ssize_t>(t.itemsize());
  for (int d = 0; d < t.dim(); ++d) {
    e->sizes[d] = t.sizes()[d];
    e->strides[d] = t.strides()[d] * item;
  }
  *buffer = {t.data(), nullptr, t.numel() * item, item,    0, t.dim(),
             nullptr,  nullptr, nullptr,          nullptr, e};
  if (flags & PyBUF_FORMAT) buffer->format = const_cast<char*>(format_of(t.dtype()));
  if (flags & PyBUF_ND) buffer->shape = e->sizes;
  if ((flags & PyBUF_STRIDES) == PyBUF_STRIDES) buffer->strides = e->strides;
  Py_INCREF(self);
  buffer->obj = self;
  return 0;
}

void release_buffer(PyObject*, Py_buffer* buffer) { delete static_cast<Export*>(buffer->internal); }

}  // namespace weft::python
