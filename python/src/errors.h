#pragma once

#define PY_SSIZE_T_CLEAN
#include <Python.h>

namespace weft::python {

// weft.Error and those of core/error.h, each also one of Python's own kinds (and a RuntimeError
// where PyTorch raises that). False with an error set if that fails.
bool add_errors(PyObject* module);

// Called when all is bound: objects whose __init__ was not called raise TypeError where they are
// used.
void refuse_unmade_objects();
// Called when all is bound: circles through objects can be collected.
void show_to_collector();

}  // namespace weft::python
