#pragma once

#include <weft/core/allocator.h>

namespace weft::cpu {

// Working memory of a kernel, 64-byte aligned, freed at the end of the scope.
class Scratch {
 public:
  explicit Scratch(std::size_t bytes) : memory_(allocate(kCPU, bytes)) {}
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  ~Scratch() { deallocate(kCPU, memory_); }

  template <class T>
  T* as() const {
    return static_cast<T*>(memory_.data);
  }

 private:
  Allocation memory_;
};

}  // namespace weft::cpu
