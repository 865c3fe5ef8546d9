#pragma once

#include <memory>

#include <weft/python/src/caster.h>

namespace weft::python {

// A Python object that C++ holds: it may be copied and let go of by any thread, with or without the
// interpreter's lock.
class Held {
 public:
  explicit Held(py::object object)
      : object_(object.release().ptr(), [](PyObject* o) {
          if (!Py_IsInitialized()) return;
          const py::gil_scoped_acquire locked;
          Py_DECREF(o);
        }) {}
  py::object get() const { return py::reinterpret_borrow<py::object>(object_.get()); }
  // For the collector: whether no copy holds the object with this one.
  bool is_alone() const { return object_.use_count() == 1; }
  PyObject* ptr() const { return object_.get(); }

 private:
  std::shared_ptr<PyObject> object_;
};

// The tensors that a Python function returned: one, or a sequence of them.
std::vector<Tensor> to_tensors(const py::object& result, const char* op);

}  // namespace weft::python
