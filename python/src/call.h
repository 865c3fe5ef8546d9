#pragma once

#include <weft/python/src/object.h>

#include <optional>
#include <utility>

// What every plain CPython function here is made of: errors, the lock of the interpreter,
// arguments.
namespace weft::python {

// Turns the C++ exception in flight into Python's.
void set_error() noexcept;

// f() -> PyObject*, with its exceptions turned into Python's.
template <class F>
PyObject* guarded(F&& f) noexcept {
  try {
    return f();
  } catch (...) {
    set_error();
    return nullptr;
  }
}

// Other threads run while it lives.
class Unlocked {
 public:
  explicit Unlocked(bool worth_it = true) : state_(worth_it ? PyEval_SaveThread() : nullptr) {}
  ~Unlocked() {
    if (state_) PyEval_RestoreThread(state_);
  }
  Unlocked(const Unlocked&) = delete;
  Unlocked& operator=(const Unlocked&) = delete;

 private:
  PyThreadState* state_;
};

// From this many elements on an operation takes long enough to let other threads run.
inline constexpr Index kLongWork = 1 << 14;
inline bool long_work(const Tensor& t) { return t.numel() >= kLongWork; }

// Thrown where a Python error is set already.
struct PythonError {};

// An owned reference; throws PythonError in place of null.
class Owned {
 public:
  explicit Owned(PyObject* o) : o_(o) {
    if (!o) throw PythonError();
  }
  Owned(Owned&& o) noexcept : o_(std::exchange(o.o_, nullptr)) {}
  Owned& operator=(Owned&&) = delete;
  ~Owned() { Py_XDECREF(o_); }
  PyObject* get() const { return o_; }
  PyObject* release() { return std::exchange(o_, nullptr); }

 private:
  PyObject* o_;
};

// Python numbers (bool, int, float, and those of NumPy), not tensors. Nothing if it is none.
std::optional<Scalar> as_scalar(PyObject* o);
// An int or what has __index__; TypeError otherwise.
Index to_index(PyObject* o);
// An int, or a sequence of ints; TypeError otherwise.
Shape to_shape(PyObject* o);
// The sizes of f(2, 3) or f((2, 3)).
Shape shape_from_args(PyObject* const* args, Py_ssize_t n);
// A tensor that shares memory with an array where it can, or holds a list's values; a tensor as it
// is.
Tensor as_tensor(PyObject* o);
// Of an object with __cuda_array_interface__, over its memory.
Tensor tensor_from_cuda_array(PyObject* o);
// Whether as_tensor() would read it as an array.
bool is_array(PyObject* o);

// The arguments of a METH_FASTCALL | METH_KEYWORDS call by the names of a signature; absent ones
// are null. Throws PythonError with a TypeError that shows the signature.
template <std::size_t N>
class Arguments {
 public:
  Arguments(const char* signature, const char* const (&names)[N], PyObject* const* args,
            Py_ssize_t n, PyObject* keywords, std::size_t required = 0);
  PyObject* operator[](std::size_t i) const { return values_[i] == Py_None ? nullptr : values_[i]; }

 private:
  PyObject* values_[N] = {};
};

[[noreturn]] void throw_signature(const char* signature, const char* what);
// The keyword, or what it is called here: dim for NumPy's axis, keepdim for keepdims. Borrowed.
PyObject* own_name(PyObject* keyword);
// The position of a keyword among names, or -1.
int keyword_position(PyObject* keyword, const char* const* names, std::size_t n);

template <std::size_t N>
Arguments<N>::Arguments(const char* signature, const char* const (&names)[N], PyObject* const* args,
                        Py_ssize_t n, PyObject* keywords, std::size_t required) {
  if (n > static_cast<Py_ssize_t>(N)) throw_signature(signature, "too many arguments");
  for (Py_ssize_t i = 0; i < n; ++i) values_[i] = args[i];
  const Py_ssize_t named = keywords ? PyTuple_GET_SIZE(keywords) : 0;
  for (Py_ssize_t i = 0; i < named; ++i) {
    PyObject* keyword = PyTuple_GET_ITEM(keywords, i);
    int at = keyword_position(keyword, names, N);
    if (at < 0) at = keyword_position(own_name(keyword), names, N);
    if (at < 0) throw_signature(signature, "an unknown keyword");
    if (values_[at]) throw_signature(signature, "an argument twice");
    values_[at] = args[n + i];
  }
  for (std::size_t i = 0; i < required; ++i) {
    if (!values_[i]) throw_signature(signature, "too few arguments");
  }
}

}  // namespace weft::python
