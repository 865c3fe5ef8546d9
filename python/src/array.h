#pragma once

#include <weft/python/src/object.h>

#include <optional>

// Tensors from what Python has: buffers (NumPy's arrays among them) and nested sequences.
namespace weft::python {

// Shares the memory of an object with the buffer protocol, which it keeps alive. A read-only one is
// copied, and with may_copy one whose elements lie askew, which else is a ValueError. TypeError for
// elements that no dtype stands for.
Tensor tensor_from_buffer(PyObject* o, bool may_copy = true);
// Memory of someone else, let go of by release(context); strides of any sign.
Tensor borrow_memory(void* data, const Shape& sizes, const Shape& strides, DType dtype,
                     Storage::Release release, void* context, Device device = kCPU);
// The same memory read as another dtype of the same size, unknown to the tape.
Tensor retyped(const Tensor& x, DType dtype);

// A copy of numbers, nested sequences of them, arrays or tensors. Without a dtype: bool, i64 or f32
// after the numbers, an array's own.
Tensor tensor_from_values(PyObject* o, std::optional<DType> dtype);

// Fills a Py_buffer for the tensor's memory (which the buffer keeps alive).
int fill_buffer(PyObject* self, Py_buffer* buffer, int flags);
void release_buffer(PyObject* self, Py_buffer* buffer);

}  // namespace weft::python
