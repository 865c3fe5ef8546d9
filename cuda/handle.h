#pragma once

#include <utility>

namespace weft::cuda {

// Owns what a C library made: Handle<cublasLtMatmulDesc_t, cublasLtMatmulDescDestroy>.
template <class T, auto Destroy>
class Handle {
 public:
  Handle() = default;
  explicit Handle(T value) : value_(value) {}
  Handle(Handle&& other) noexcept : value_(std::exchange(other.value_, T())) {}
  Handle& operator=(Handle&& other) noexcept {
    std::swap(value_, other.value_);
    return *this;
  }
  ~Handle() {
    if (value_) Destroy(value_);
  }
  operator T() const { return value_; }  // NOLINT: as the library's functions take it
  T* out() { return &value_; }           // for functions that make one

 private:
  T value_ = T();
};

}  // namespace weft::cuda
