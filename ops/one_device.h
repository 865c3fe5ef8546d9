#pragma once

#include <weft/core/check.h>
#include <weft/core/tensor.h>

// For .cpp files only.
namespace weft::detail {

inline void check_one_device(const char* op, const Tensor& x, const Tensor& y) {
  if (x.device() != y.device())
    fail<DeviceError>(op, "got tensors on {} and {}, expected one device", x.device(), y.device());
}

}  // namespace weft::detail
