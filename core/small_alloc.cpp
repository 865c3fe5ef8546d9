#include <algorithm>
#include <cstdlib>
#include <mutex>
#include <new>

#include <weft/core/allocator.h>
#include <weft/core/check.h>
#include <weft/core/fork.h>
#include <weft/core/memory_source.h>
#include <weft/core/small_alloc.h>

namespace weft {
namespace detail {
namespace {

constexpr std::size_t kChunk = std::size_t{256} << 10;

[[noreturn]] void throw_out_of_memory(std::size_t bytes) {
  throw OutOfMemory(fmt::format("[small_alloc] out of memory on cpu: got a request for {} bytes, "
                                "which the system refused",
                                bytes),
                    bytes, 0, 0, 0);
}

struct Chunk {
  Chunk* next;
};
constexpr std::size_t kChunkHeader = 64;  // keeps the blocks behind it aligned

// Trivially destructible, so that it outlives every static and thread-local object.
struct Store {
  std::mutex mutex;
  SmallBlock* batches[kSmallClasses] = {};
  char *fresh = nullptr, *fresh_end = nullptr;
  Chunk* chunks = nullptr;
  std::size_t reserved = 0;
  std::uint64_t source_allocs = 0;
  SmallCache *caches = nullptr, *spare_caches = nullptr;
  // Counts of threads that ended, and of frees after a thread's end.
  std::ptrdiff_t data_in_use = 0;
  std::uint64_t data_allocs = 0, data_frees = 0;
};
constinit Store store;
constinit std::atomic<std::ptrdiff_t> published{0};
constinit SmallCache no_cache{};  // never written: no list of it has a block or room
constinit thread_local bool thread_ended = false;

std::uint32_t batch_count(int c) {
  return static_cast<std::uint32_t>(std::clamp<std::size_t>(8192 / small_class_bytes(c), 4, 128));
}

void give_batch(int c, SmallBlock* first) {
  first->next_batch = store.batches[c];
  store.batches[c] = first;
}

void new_chunk() {
  void* memory = cpu_source().allocate(kChunk);
  if (!memory) throw_out_of_memory(kChunk);
  store.chunks = new (memory) Chunk{store.chunks};
  store.fresh = static_cast<char*>(memory) + kChunkHeader;
  store.fresh_end = static_cast<char*>(memory) + kChunk;
  store.reserved += kChunk;
  ++store.source_allocs;
}

// A batch of new blocks in the order of their addresses.
SmallBlock* carve_batch(int c) {
  const std::size_t size = small_class_bytes(c), bytes = size * batch_count(c);
  const std::size_t pad = size < 64 ? 0 : -reinterpret_cast<std::uintptr_t>(store.fresh) % 64;
  if (static_cast<std::size_t>(store.fresh_end - store.fresh) < pad + bytes) {
    new_chunk();
  } else {
    store.fresh += pad;
  }
  SmallBlock* first = nullptr;
  for (std::size_t at = bytes; at > 0; at -= size)
    first = new (store.fresh + at - size) SmallBlock{first, nullptr};
  store.fresh += bytes;
  return first;
}

SmallBlock* take_batch(int c) {
  std::lock_guard lock(store.mutex);
  SmallBlock* first = store.batches[c];
  if (!first) return carve_batch(c);
  store.batches[c] = first->next_batch;
  return first;
}

std::ptrdiff_t data_in_use(const SmallCache& cache) {
  return static_cast<std::ptrdiff_t>(cache.data_allocated.load(std::memory_order_relaxed) -
                                     cache.data_freed.load(std::memory_order_relaxed));
}

void publish(SmallCache& cache) {
  const std::ptrdiff_t now = data_in_use(cache);
  published.fetch_add(now - cache.published, std::memory_order_relaxed);
  cache.published = now;
}

SmallCache* enroll() {
  caching_allocator(kCPU);  // reads the environment before the first data block is handed out
  std::lock_guard lock(store.mutex);
  SmallCache* cache = store.spare_caches;
  if (cache) {
    store.spare_caches = cache->next;
  } else {
    cache = new SmallCache;
  }
  cache->previous = nullptr;
  cache->next = store.caches;
  if (cache->next) cache->next->previous = cache;
  store.caches = cache;
  // No room ever in pass-through mode: every block takes the slow path to malloc and free.
  for (int c = 0; c < kSmallClasses; ++c)
    cache->list[c].room = small_passthrough() ? 0 : 2 * batch_count(c);
  return cache;
}

void unlink(SmallCache& cache) {
  (cache.previous ? cache.previous->next : store.caches) = cache.next;
  if (cache.next) cache.next->previous = cache.previous;
  cache.next = store.spare_caches;
  store.spare_caches = &cache;
}

void retire(SmallCache& cache) {
  publish(cache);
  std::lock_guard lock(store.mutex);
  for (int c = 0; c < kSmallClasses; ++c) {
    if (cache.list[c].head) give_batch(c, cache.list[c].head);
    cache.list[c] = {};
  }
  store.data_in_use += data_in_use(cache);
  cache.data_allocated = cache.data_freed = 0;
  store.data_allocs += cache.data_allocs.exchange(0);
  store.data_frees += cache.data_frees.exchange(0);
  cache.published = 0;
  unlink(cache);
}

struct ThreadEnd {
  bool armed = false;
  ~ThreadEnd() {
    thread_ended = true;
    if (small_cache == &no_cache) return;
    SmallCache* cache = small_cache;
    small_cache = &no_cache;
    retire(*cache);
  }
};
thread_local ThreadEnd thread_end;

// Null after the thread's end.
SmallCache* own_cache() {
  if (small_cache != &no_cache) return small_cache;
  if (thread_ended) return nullptr;
  thread_end.armed = true;  // a use, so that its destructor runs
  return small_cache = enroll();
}

void* malloc_block(std::size_t bytes) {
  void* data = nullptr;
  const std::size_t align = bytes <= 48 ? 16 : 64;
  if (bytes <= total_memory() && posix_memalign(&data, align, bytes) == 0) return data;
  throw_out_of_memory(bytes);
}

// One block for a thread whose cache is gone; the rest of the batch stays in the store.
void* take_one(int c) {
  SmallBlock* first = take_batch(c);
  if (first->next) {
    std::lock_guard lock(store.mutex);
    give_batch(c, first->next);
  }
  return first;
}

void give_one(int c, void* data) {
  std::lock_guard lock(store.mutex);
  give_batch(c, new (data) SmallBlock{nullptr, nullptr});
}

// Keeps one batch and gives the other, which the thread used last, to the store.
void spill(SmallCache& cache, int c) {
  SmallList& list = cache.list[c];
  SmallBlock *first = list.head, *last = first;
  const std::uint32_t count = batch_count(c);
  for (std::uint32_t i = 1; i < count; ++i) last = last->next;
  list.head = last->next;
  list.room = count;
  last->next = nullptr;
  publish(cache);
  std::lock_guard lock(store.mutex);
  give_batch(c, first);
}

}  // namespace

thread_local constinit SmallCache* small_cache = &no_cache;

void* small_alloc_slow(std::size_t bytes) {
  if (bytes > kSmallMax || small_passthrough()) return malloc_block(bytes);
  const int c = small_class(bytes);
  SmallCache* cache = own_cache();
  if (!cache) return take_one(c);
  SmallList& list = cache->list[c];
  if (!list.head) {
    list.head = take_batch(c);
    std::uint32_t count = 0;
    for (SmallBlock* b = list.head; b; b = b->next) ++count;
    list.room = 2 * batch_count(c) - std::min(count, 2 * batch_count(c));
    publish(*cache);
  }
  return small_pop(*cache, c);
}

void small_free_slow(void* data, std::size_t bytes) noexcept {
  if (!data) return;
  if (bytes > kSmallMax || small_passthrough()) return std::free(data);
  const int c = small_class(bytes);
  SmallCache* cache = own_cache();
  if (!cache) return give_one(c, data);
  if (cache->list[c].room == 0) spill(*cache, c);
  small_push(*cache, c, data);
}

void count_small_alloc_slow(int c) noexcept {
  if (SmallCache* cache = own_cache()) return count_small_alloc(*cache, c);
  std::lock_guard lock(store.mutex);
  const auto bytes = static_cast<std::ptrdiff_t>(small_class_bytes(c));
  store.data_in_use += bytes;
  ++store.data_allocs;
  published.fetch_add(bytes, std::memory_order_relaxed);
}

void count_small_free_slow(int c) noexcept {
  if (SmallCache* cache = own_cache()) return count_small_free(*cache, c);
  std::lock_guard lock(store.mutex);
  const auto bytes = static_cast<std::ptrdiff_t>(small_class_bytes(c));
  store.data_in_use -= bytes;
  ++store.data_frees;
  published.fetch_sub(bytes, std::memory_order_relaxed);
}

SmallStats small_stats() {
  std::lock_guard lock(store.mutex);
  SmallStats s{store.data_in_use, store.data_allocs, store.data_frees, store.reserved,
               store.source_allocs};
  for (SmallCache* cache = store.caches; cache; cache = cache->next) {
    s.data_in_use += data_in_use(*cache);
    s.data_allocs += cache->data_allocs.load(std::memory_order_relaxed);
    s.data_frees += cache->data_frees.load(std::memory_order_relaxed);
  }
  return s;
}

const std::atomic<std::ptrdiff_t>& small_published() noexcept { return published; }

void publish_small() noexcept {
  if (small_cache != &no_cache) publish(*small_cache);
}

void lock_small_store() noexcept { store.mutex.lock(); }
void unlock_small_store() noexcept { store.mutex.unlock(); }

void for_each_small_chunk(void (*visit)(void*, void*, std::size_t), void* context) {
  std::lock_guard lock(store.mutex);
  for (Chunk* chunk = store.chunks; chunk; chunk = chunk->next) visit(context, chunk, kChunk);
}

}  // namespace detail
}  // namespace weft
