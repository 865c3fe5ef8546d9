#include <weft/python/src/errors.h>

#include <pybind11/pybind11.h>

#include <cstring>

#include <weft/core/error.h>
#include <weft/core/interrupt.h>
#include <weft/core/signals.h>
#include <weft/python/src/call.h>

namespace weft::python {
namespace {

PyObject *error, *shape_error, *dtype_error, *index_error, *device_error, *value_error,
    *autograd_error, *parse_error, *io_error, *not_implemented_error, *out_of_memory;

PyObject* add(PyObject* module, const char* name, std::initializer_list<PyObject*> bases,
              const char* doc) {
  PyObject* tuple = PyTuple_New(static_cast<Py_ssize_t>(bases.size()));
  Py_ssize_t i = 0;
  for (PyObject* base : bases) {
    Py_INCREF(base);
    PyTuple_SET_ITEM(tuple, i++, base);
  }
  const std::string full = std::string("weft.") + name;
  PyObject* type = PyErr_NewExceptionWithDoc(full.c_str(), doc, tuple, nullptr);
  Py_DECREF(tuple);
  if (!type || PyModule_AddObjectRef(module, name, type) < 0) return nullptr;
  return type;
}

void set_out_of_memory(const OutOfMemory& e) {
  PyObject* object = PyObject_CallFunction(out_of_memory, "s", e.what());
  if (!object) return;
  const std::pair<const char*, std::size_t> figures[] = {
      {"requested", e.requested}, {"in_use", e.in_use}, {"cached", e.cached}, {"limit", e.limit}};
  for (const auto& [name, bytes] : figures) {
    PyObject* value = PyLong_FromSize_t(bytes);
    if (!value || PyObject_SetAttrString(object, name, value) < 0) PyErr_Clear();
    Py_XDECREF(value);
  }
  PyErr_SetObject(out_of_memory, object);
  Py_DECREF(object);
}

// ---- Ctrl-C: what the handler of a signal raised, until the C++ call has ended

unsigned long main_thread;
PyObject* raised[3];

bool signalled() {
  if (PyThread_get_thread_ident() != main_thread || !Py_IsInitialized()) return false;
  const PyGILState_STATE state = PyGILState_Ensure();
  const bool stop = PyErr_CheckSignals() != 0;
  if (stop) PyErr_Fetch(&raised[0], &raised[1], &raised[2]);
  PyGILState_Release(state);
  return stop;
}

void restore_signal() {
  if (!raised[0]) return PyErr_SetNone(PyExc_KeyboardInterrupt);
  PyErr_Restore(std::exchange(raised[0], nullptr), std::exchange(raised[1], nullptr),
                std::exchange(raised[2], nullptr));
}

}  // namespace

bool add_errors(PyObject* m) {
  error = add(m, "Error", {PyExc_Exception}, "Base of what Weft raises.");
  if (!error) return false;
  shape_error = add(m, "ShapeError", {error, PyExc_ValueError, PyExc_RuntimeError},
                    "Sizes, strides or dims that do not fit.");
  // PyTorch raises a NotImplementedError (a RuntimeError) for most dtypes, a TypeError for some.
  dtype_error = add(m, "DTypeError", {error, PyExc_TypeError, PyExc_NotImplementedError},
                    "A dtype that the operation lacks.");
  index_error = add(m, "IndexError", {error, PyExc_IndexError, PyExc_RuntimeError},
                    "An index or dim out of range.");
  device_error = add(m, "DeviceError", {error, PyExc_RuntimeError}, "Missing or mixed devices.");
  value_error = add(m, "ValueError", {error, PyExc_ValueError, PyExc_RuntimeError},
                    "An option out of range.");
  autograd_error = add(m, "AutogradError", {error, PyExc_RuntimeError}, "What the tape cannot do.");
  parse_error = add(m, "ParseError", {error, PyExc_ValueError}, "A file that breaks its format.");
  io_error = add(m, "IOError", {error, PyExc_OSError}, "What the system refused.");
  not_implemented_error = add(m, "NotImplementedError", {error, PyExc_NotImplementedError},
                              "What a device has no kernel for.");
  out_of_memory = add(m, "OutOfMemoryError", {error, PyExc_MemoryError, PyExc_RuntimeError},
                      "No memory: every tensor is as before, and a smaller try works.\n\n"
                      "Attributes in bytes: requested, in_use, cached, limit.");
  main_thread = PyThread_get_thread_ident();
  set_interrupt_check(signalled);
  use_signal_stack();
  return !PyErr_Occurred();
}

// A message may have bytes of a file or a path that are no UTF-8.
static void set_text(PyObject* type, const std::exception& e) noexcept {
  const char* what = e.what();
  PyObject* text =
      PyUnicode_DecodeUTF8(what, static_cast<Py_ssize_t>(std::strlen(what)), "backslashreplace");
  if (!text) return;
  PyErr_SetObject(type, text);
  Py_DECREF(text);
}

void set_error() noexcept {
  try {
    throw;
  } catch (const PythonError&) {
  } catch (pybind11::error_already_set& e) {
    e.restore();
  } catch (const pybind11::builtin_exception& e) {
    e.set_error();
  } catch (const OutOfMemory& e) {
    set_out_of_memory(e);
  } catch (const ShapeError& e) {
    set_text(shape_error, e);
  } catch (const DTypeError& e) {
    set_text(dtype_error, e);
  } catch (const IndexError& e) {
    set_text(index_error, e);
  } catch (const DeviceError& e) {
    set_text(device_error, e);
  } catch (const weft::ValueError& e) {
    set_text(value_error, e);
  } catch (const AutogradError& e) {
    set_text(autograd_error, e);
  } catch (const ParseError& e) {
    set_text(parse_error, e);
  } catch (const IOError& e) {
    set_text(io_error, e);
  } catch (const NotImplementedError& e) {
    set_text(not_implemented_error, e);
  } catch (const Interrupted&) {
    restore_signal();
  } catch (const Error& e) {
    set_text(error, e);
  } catch (const std::bad_alloc&) {
    PyErr_NoMemory();
  } catch (const std::exception& e) {
    set_text(PyExc_RuntimeError, e);
  } catch (...) {
    PyErr_SetString(PyExc_RuntimeError, "an exception of an unknown type");
  }
}

}  // namespace weft::python
