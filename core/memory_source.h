#pragma once

#include <atomic>
#include <cstddef>

#include <weft/core/macros.h>
#include <weft/core/memory_stats.h>

namespace weft {

// Gives and takes raw memory in large pieces; CachingAllocator decides which. Thread-safe.
class WEFT_API MemorySource {
 public:
  virtual ~MemorySource() = default;
  // At least `bytes` bytes, or null when there is no more. Throws what else went wrong.
  virtual void* allocate(std::size_t bytes) = 0;
  virtual void free(void* data, std::size_t bytes) noexcept = 0;
  // How much it could ever give, in bytes; 0: unknown.
  virtual std::size_t capacity() const noexcept { return 0; }
  // For the poison mode: sets each byte to value, in the order of the stream. The default is for
  // host memory. (Inline, so that a back end in a library of its own can derive from this class.)
  virtual void fill(void* data, unsigned char value, std::size_t bytes, StreamHandle) noexcept {
    __builtin_memset(data, value, bytes);
  }
};

// mmap. Pieces of 2 MiB and more start on a 2 MiB border and ask for huge pages. Gives at most the
// machine's memory in all, so that a program gets an exception where the kernel would kill it.
class WEFT_API CpuSource final : public MemorySource {
 public:
  explicit CpuSource(std::size_t capacity);
  void* allocate(std::size_t bytes) noexcept override;
  void free(void* data, std::size_t bytes) noexcept override;
  std::size_t capacity() const noexcept override { return capacity_; }

 private:
  std::size_t capacity_;
  std::atomic<std::size_t> held_{0};
};

// malloc, 64-byte aligned, to the byte: for the pass-through mode, where sanitizers watch.
class WEFT_API MallocSource final : public MemorySource {
 public:
  void* allocate(std::size_t bytes) noexcept override;
  void free(void* data, std::size_t bytes) noexcept override;
};

// The process's sources; they live until it ends.
WEFT_API CpuSource& cpu_source();
WEFT_API MallocSource& malloc_source();

// Bytes of memory this process may use: physical memory, or the control group's limit if smaller.
WEFT_API std::size_t total_memory();

}  // namespace weft
