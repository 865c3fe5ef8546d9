#pragma once

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <vector>

namespace weft::python {

// Of the elementwise ops; the functions end with an empty entry.
PyMethodDef* elementwise_functions();
const std::vector<PyMethodDef>& elementwise_methods();

}  // namespace weft::python
