#pragma once

// What a CachingAllocator holds, for its .cpp files only: caching_policy.cpp decides,
// caching_allocator.cpp is the public face.

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include <weft/core/caching_allocator.h>
#include <weft/core/memory_blocks.h>

namespace weft {
namespace detail {

inline constexpr std::size_t kKiB = 1024, kMiB = 1024 * kKiB;

struct PrivatePool {
  int id = 0;
  bool released = false;
};
struct Capture {
  StreamHandle stream = nullptr;
  int pool = 0;
};

}  // namespace detail

struct CachingAllocator::State {
  Device device;
  CachingConfig config;
  MemorySource &source, &direct;
  EventSource* events;
  mutable std::mutex mutex;
  MemoryStats stats;
  const std::atomic<std::ptrdiff_t>* also = nullptr;
  bool passthrough = false;
  std::vector<std::unique_ptr<detail::Pool>> pools;
  std::vector<detail::PrivatePool> private_pools;
  std::vector<detail::Capture> captures;
  detail::Segment* segments = nullptr;
  Block* spare = nullptr;  // made before anything changes, for the next split
  detail::StreamUse *pending = nullptr, **pending_end = &pending;
  Block* after_capture = nullptr;  // freed during a capture, linked by bin_next
  std::uint64_t clock = 0;

  State(Device device, const CachingConfig& config, MemorySource& source, MemorySource& direct,
        EventSource* events)
      : device(device), config(config), source(source), direct(direct), events(events) {}

  std::size_t also_in_use() const {
    return also ? static_cast<std::size_t>(
                      std::max<std::ptrdiff_t>(also->load(std::memory_order_relaxed), 0))
                : 0;
  }
  void note_peak() {
    stats.peak_in_use = std::max(stats.peak_in_use, stats.in_use + also_in_use());
  }

  // Requests
  Block* serve(std::size_t bytes, StreamHandle stream);
  void check_limit(std::size_t size, std::size_t bytes);
  detail::Pool& pool_for(StreamHandle stream, std::size_t bytes);
  Block* direct_block(detail::Pool& pool, std::size_t bytes);
  Block* obtain(detail::Pool& pool, std::size_t want, std::size_t least, std::size_t bytes);
  Block* take(detail::Pool& pool, std::size_t size);
  Block* last_resort(detail::Pool& pool, std::size_t want, std::size_t least);
  void split(Block* b, std::size_t size);
  [[noreturn]] void out_of_memory(std::size_t bytes);

  // Slabs
  Block* take_piece(detail::Pool& pool, detail::SlabClass c, std::size_t bytes);
  detail::Slab* new_slab(detail::Pool& pool, detail::SlabClass c, std::size_t bytes);
  void link(detail::Slab* slab);
  void unlink(detail::Slab* slab);
  void give_back_piece(Block* piece);
  void dissolve(detail::Slab* slab);
  void dissolve_idle_slabs();

  // Segments
  Block* new_segment(detail::Pool& pool, std::size_t want, std::size_t size);
  detail::Segment* add_segment(detail::Pool& pool, std::size_t size, MemorySource& from);
  void release(detail::Segment* segment);
  bool releasable(const detail::Segment& segment) const;
  void trim(std::size_t enough);

  // Returning blocks
  void give_back(Block* b);
  void merge(Block* left, Block* right);
  void defer(Block* b);
  void record_events(Block* b);
  bool poll(bool wait);
};

}  // namespace weft
