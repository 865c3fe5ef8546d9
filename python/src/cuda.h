#pragma once

#include <weft/core/cuda.h>
#include <weft/python/src/caster.h>

namespace weft::python {

// What users name a CUDA device by: None, a number, "cuda:1" or a weft.device. -1: None.
int cuda_index(const py::object& device);
// The same, and None is the current device.
Device cuda_device(const py::object& device);

void bind_cuda_streams(py::module_& cuda);
void bind_cuda_array();

}  // namespace weft::python
