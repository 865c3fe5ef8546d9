#pragma once

#include <cstddef>

#include <weft/core/allocator.h>
#include <weft/core/device.h>
#include <weft/core/refcount.h>

namespace weft {

// A block of memory that tensors share, with the count of in-place changes made to it.
class Storage final : public RefCounted {
 public:
  // Throws OutOfMemory. zero bytes give a null pointer.
  static IntrusivePtr<Storage> allocate(Device device, std::size_t bytes) {
    return IntrusivePtr<Storage>(new Storage(device, weft::allocate(device, bytes)));
  }
  // Memory of the caller's; release(context) is called when the last tensor lets go.
  using Release = void (*)(void* context);
  WEFT_API static IntrusivePtr<Storage> borrow(Device device, void* data, std::size_t bytes,
                                               Release release, void* context);

  void* data() const { return memory_.data; }
  std::size_t bytes() const { return memory_.bytes; }
  Device device() const { return device_; }

  // Of borrowed memory; null of the library's own.
  Release released_by() const { return release_; }
  void* context() const { return context_; }
  // Where it came from, for allocators.
  const Allocation& allocation() const { return memory_; }

  std::uint32_t version() const { return version_.load(std::memory_order_relaxed); }
  const char* last_writer() const { return last_writer_.load(std::memory_order_relaxed); }
  // Every in-place operation calls this, under its own name.
  void bump_version(const char* writer) {
    last_writer_.store(writer, std::memory_order_relaxed);
    version_.fetch_add(1, std::memory_order_relaxed);
  }

  void* operator new(std::size_t bytes) { return small_alloc(bytes); }
  void operator delete(void* p, std::size_t bytes) { small_free(p, bytes); }

 private:
  Storage(Device device, Allocation memory) : memory_(memory), device_(device) {}
  ~Storage() override;
  void destroy() noexcept override { delete this; }

  std::atomic<std::uint32_t> version_{0};
  Allocation memory_;
  std::atomic<const char*> last_writer_{"no operation"};
  Release release_ = nullptr;
  void* context_ = nullptr;
  Device device_;
};

}  // namespace weft
