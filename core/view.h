#pragma once

#include <span>

#include <weft/core/device.h>
#include <weft/core/dtype.h>
#include <weft/core/shape.h>

namespace weft {

// What a kernel sees of a tensor: plain data that owns nothing and is valid during the call.
// Strides count elements. data is null for a tensor that is absent (an optional bias, say) or
// empty.
struct View {
  void* data = nullptr;
  const Index* size = nullptr;
  const Index* stride = nullptr;
  std::int16_t rank = 0;
  DType dtype = DType::F32;

  explicit operator bool() const { return data != nullptr; }
  template <class T>
  T* as() const {
    return static_cast<T*>(data);
  }
  std::span<const Index> sizes() const { return {size, static_cast<std::size_t>(rank)}; }
  std::span<const Index> strides() const { return {stride, static_cast<std::size_t>(rank)}; }
};

inline Index numel(const View& v) {
  Index n = 1;
  for (Index s : v.sizes()) n *= s;
  return n;
}

}  // namespace weft
