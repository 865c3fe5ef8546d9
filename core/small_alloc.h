#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include <weft/core/macros.h>

// Small blocks: tensor headers, tape nodes and data of up to 4 KiB.
//
// Every thread has one free list per size class (16, 32, 48, then multiples of 64 bytes), so taking
// and giving back a block is a handful of instructions with no lock and no atomic operation. A
// block that another thread made joins the list of the thread that frees it. A list holds at most
// two batches; it spills one to the global store under a mutex when full and takes one when empty.
// New memory is carved from chunks that stay with the process. A thread that ends hands its lists
// to the global store; frees after that (static destruction) go there one by one.
//
// Before a thread's first block and after its end its cache pointer names a shared cache whose
// lists are empty and have no room, so that both fast paths fall through without a test of their
// own.
namespace weft {
namespace detail {

inline constexpr std::size_t kSmallMax = 4096 + 64;
inline constexpr int kSmallClasses = 4 + static_cast<int>(kSmallMax / 64);

struct SmallBlock {
  SmallBlock* next;
  SmallBlock* next_batch;  // in the global store, on a batch's first block
};

struct SmallList {
  SmallBlock* head = nullptr;
  std::uint32_t room = 0;  // blocks it still takes before it spills
};

struct SmallCache {
  SmallList list[kSmallClasses];
  // Tensor data only, in class sizes; written by the owner, read by whoever asks for statistics.
  // Four counters that only grow: a difference would make each call wait for the one before.
  std::atomic<std::uint64_t> data_allocated{0}, data_freed{0};
  std::atomic<std::uint64_t> data_allocs{0}, data_frees{0};
  std::ptrdiff_t published = 0;  // the data in use that small_published() knows
  SmallCache *previous = nullptr, *next = nullptr;
};

// Class 0 is for 0 bytes, so that no size needs a test.
constexpr int small_class(std::size_t bytes) {
  return static_cast<int>(bytes <= 48 ? (bytes + 15) / 16 : (bytes + 63) / 64 + 3);
}
constexpr std::size_t small_class_bytes(int c) {
  return c == 0 ? 16 : static_cast<std::size_t>(c < 4 ? c * 16 : (c - 3) * 64);
}

// A pointer only: a module loaded at run time has little room for initial-exec TLS.
extern WEFT_API thread_local constinit SmallCache* small_cache
    __attribute__((tls_model("initial-exec")));

// The first two return null or false where the slow path must go on.
inline void* small_pop(SmallCache& cache, int c) noexcept {
  SmallList& list = cache.list[c];
  SmallBlock* block = list.head;
  if (block) {
    list.head = block->next;
    ++list.room;
  }
  return block;
}

inline bool small_push(SmallCache& cache, int c, void* data) noexcept {
  SmallList& list = cache.list[c];
  if (list.room == 0) return false;
  auto* block = static_cast<SmallBlock*>(data);
  block->next = list.head;
  list.head = block;
  --list.room;
  return true;
}

WEFT_API void* small_alloc_slow(std::size_t bytes);
WEFT_API void small_free_slow(void* data, std::size_t bytes) noexcept;

// Not a read-modify-write: each counter has one writer.
inline void bump(std::atomic<std::uint64_t>& counter, std::uint64_t by) noexcept {
  counter.store(counter.load(std::memory_order_relaxed) + by, std::memory_order_relaxed);
}

inline void count_small_alloc(SmallCache& cache, int c) noexcept {
  bump(cache.data_allocated, small_class_bytes(c));
  bump(cache.data_allocs, 1);
}
inline void count_small_free(SmallCache& cache, int c) noexcept {
  bump(cache.data_freed, small_class_bytes(c));
  bump(cache.data_frees, 1);
}

// The same counts where the calling thread may have no cache (before its first block, after its
// end).
WEFT_API void count_small_alloc_slow(int c) noexcept;
WEFT_API void count_small_free_slow(int c) noexcept;

struct SmallStats {
  std::ptrdiff_t data_in_use = 0;  // tensor data, in class sizes
  std::uint64_t data_allocs = 0, data_frees = 0;
  std::size_t reserved = 0;  // chunks held, headers and nodes included
  std::uint64_t source_allocs = 0;
};
SmallStats small_stats();  // exact when no other thread allocates meanwhile

// What the threads last reported as in use by small data; publish_small() reports for the caller.
const std::atomic<std::ptrdiff_t>& small_published() noexcept;
void publish_small() noexcept;

void for_each_small_chunk(void (*visit)(void* context, void* data, std::size_t bytes),
                          void* context);

}  // namespace detail

// Uninitialised memory, 64-byte aligned for 64 bytes and more, else 16. Any size is served; sizes
// above 4160 bytes come from malloc. Throws OutOfMemory.
[[nodiscard]] inline void* small_alloc(std::size_t bytes) {
  if (bytes <= detail::kSmallMax) [[likely]] {
    void* data = detail::small_pop(*detail::small_cache, detail::small_class(bytes));
    if (data) [[likely]]
      return data;
  }
  return detail::small_alloc_slow(bytes);
}

// bytes is the size that was asked for. Null is ignored.
inline void small_free(void* data, std::size_t bytes) noexcept {
  if (bytes <= detail::kSmallMax && data) [[likely]] {
    if (detail::small_push(*detail::small_cache, detail::small_class(bytes), data)) [[likely]]
      return;
  }
  detail::small_free_slow(data, bytes);
}

}  // namespace weft
