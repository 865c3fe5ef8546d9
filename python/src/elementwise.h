#pragma once

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <string>
#include <vector>

#include <weft/ops/function.h>

namespace weft::python {

// Of the elementwise ops; the functions end with an empty entry.
PyMethodDef* elementwise_functions();
const std::vector<PyMethodDef>& elementwise_methods();

// Docstrings from what the structs of the ops say (elementwise_docs.cpp).
std::string formula_text(const char* doc);
std::string unary_doc(const char* name, const char* doc, Domain domain);
std::string binary_doc(const char* name, const char* doc, Domain domain);

}  // namespace weft::python
