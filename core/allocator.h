#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <weft/core/device.h>
#include <weft/core/memory_stats.h>
#include <weft/core/small_alloc.h>

namespace weft {

class CachingAllocator;

// Memory for tensor data. handle is the allocator's own; bytes is what was asked for.
struct Allocation {
  void* data = nullptr;
  void* handle = nullptr;
  std::size_t bytes = 0;
};

namespace detail {

inline constexpr std::size_t kSmallData = 4096;

// Non-zero where a mode or a limit sends every request through the slow functions.
extern WEFT_API std::atomic<std::uint32_t> allocation_flags;

WEFT_API Allocation allocate_slow(Device device, std::size_t bytes);
WEFT_API void deallocate_slow(Device device, const Allocation& allocation) noexcept;

bool small_passthrough() noexcept;  // decided by WEFT_ALLOC once, for the life of the process

}  // namespace detail

// Uninitialised memory on the device: 64-byte aligned, 16-byte up to 48 bytes. Asking for 0 bytes
// gives null. Throws OutOfMemory, DeviceError where the device has no allocator.
[[nodiscard]] inline Allocation allocate(Device device, std::size_t bytes) {
  if (device == kCPU && bytes - 1 < detail::kSmallData &&
      detail::allocation_flags.load(std::memory_order_relaxed) == 0) [[likely]] {
    const int c = detail::small_class(bytes);
    detail::SmallCache& cache = *detail::small_cache;
    if (void* data = detail::small_pop(cache, c)) [[likely]] {
      detail::count_small_alloc(cache, c);
      return {data, nullptr, bytes};
    }
  }
  return detail::allocate_slow(device, bytes);
}

inline void deallocate(Device device, const Allocation& a) noexcept {
  if (!a.handle && a.bytes - 1 < detail::kSmallData &&
      detail::allocation_flags.load(std::memory_order_relaxed) == 0) [[likely]] {
    const int c = detail::small_class(a.bytes);
    detail::SmallCache& cache = *detail::small_cache;
    if (detail::small_push(cache, c, a.data)) [[likely]] {
      detail::count_small_free(cache, c);
      return;
    }
  }
  detail::deallocate_slow(device, a);
}

// Figures of a device, small blocks included. in_use and the counts are exact for the calling
// thread's view; peak_in_use sees small blocks in batches of at most 16 KiB a size class and
// thread.
WEFT_API MemoryStats memory_stats(Device device = kCPU);
// Every block the allocator holds, in the order of segments and addresses.
WEFT_API std::vector<MemoryBlock> memory_snapshot(Device device = kCPU);
// Gives cached memory back to the system. The small lists' chunks (256 KiB each) stay.
WEFT_API void empty_cache(Device device = kCPU);
// Bounds the bytes in use; what is cached goes back when it would pass the limit with them. 0:
// none.
WEFT_API void set_memory_limit(std::size_t bytes, Device device = kCPU);
WEFT_API void reset_peak_memory_stats(Device device = kCPU);

// Debugging, for all devices. The environment variable WEFT_ALLOC sets them at start, as in
// WEFT_ALLOC=passthrough,poison. Passthrough: each allocation is its own malloc (or device
// allocation), so that sanitizers see it; the default in builds with AddressSanitizer. Poison:
// memory is filled with 0xA5 when allocated and 0x5A when freed.
struct AllocationMode {
  bool passthrough = false, poison = false;
};
WEFT_API void set_allocation_mode(AllocationMode mode);
WEFT_API AllocationMode allocation_mode();

// The k-th allocation of tensor data from now on, of any size and thread, throws OutOfMemory, once.
// 0 takes it back. WEFT_ALLOC_FAIL=k does so from the start.
WEFT_API void fail_allocation_at(std::uint64_t k);

// A back end hands over its device's allocator, and how to ask for the current stream. Neither may
// go away before the process does.
WEFT_API void register_allocator(Device device, CachingAllocator* allocator,
                                 StreamHandle (*current_stream)(int device) = nullptr);
// Throws DeviceError where there is none.
WEFT_API CachingAllocator& caching_allocator(Device device);

}  // namespace weft
