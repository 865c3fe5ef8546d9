#pragma once

#include <weft/autograd/record.h>
#include <weft/core/check.h>
#include <weft/core/loop.h>

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

// Marks the numbers of the CPU among the operands of a loop on another device.
inline void note_numbers(Loop& loop, std::initializer_list<const Tensor*> inputs) {
  int k = 1;
  for (const Tensor* t : inputs) {
    if (t->device() == kCPU) loop.host |= static_cast<std::uint16_t>(1 << k);
    ++k;
  }
}

// Of operands on two devices: both beside each other, or the number among them as it is where its
// gradient is not asked for, since kernels take numbers.
inline std::pair<Tensor, Tensor> together(const char* op, const Tensor& a, const Tensor& b) {
  const auto number = [](const Tensor& t) {
    return t.dim() == 0 && t.device() == kCPU && !autograd::recording(t);
  };
  if (number(a) || number(b)) return {a, b};
  const bool first = a.dim() == 0 && a.device() == kCPU;
  return {first ? beside(op, a, b) : a, first ? b : beside(op, b, a)};
}

}  // namespace weft::detail
