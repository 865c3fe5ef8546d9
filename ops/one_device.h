#pragma once

#include <weft/core/check.h>
#include <weft/core/tensor.h>

// For .cpp files only.
namespace weft::detail {

inline bool apart(const Tensor& x, const Tensor& y) { return x.device() != y.device(); }

inline void check_one_device(const char* op, const Tensor& x, const Tensor& y) {
  if (apart(x, y))
    fail<DeviceError>(op, "got tensors on {} and {}, expected one device", x.device(), y.device());
}

// x where `other` is: numbers, 0-d tensors on the CPU, may go to another device.
inline Tensor beside(const char* op, const Tensor& x, const Tensor& other) {
  if (!apart(x, other)) return x;
  if (x.dim() != 0 || x.device() != kCPU) check_one_device(op, other, x);
  Tensor y = x.to(other.device());
  y.impl()->weak = x.impl()->weak;
  return y;
}

}  // namespace weft::detail
