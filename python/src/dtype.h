#pragma once

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <weft/core/dtype.h>

// weft.dtype: ten objects, one a dtype, so that `x.dtype is weft.float32` holds.
namespace weft::python {

bool add_dtypes(PyObject* module);
bool is_dtype(PyObject* o);
// A new reference.
PyObject* dtype_object(DType t);
// Of a weft.dtype, or of Python's float (f64), int (i64) and bool. TypeError (PythonError)
// otherwise.
DType to_dtype(PyObject* o);

}  // namespace weft::python
