#pragma once

#include <weft/python/src/object.h>

#include <vector>

#include <weft/ops/index.h>

namespace weft::python {

// The entries of x[key], a tuple or a single one. PythonError with an IndexError set for what is
// none.
std::vector<TensorIndex> to_indices(PyObject* key);

}  // namespace weft::python
