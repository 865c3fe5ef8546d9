#pragma once

#include <cstddef>
#include <cstdint>

namespace weft {

// A queue of work on a device; null is the device's default, and the only one of the CPU.
using StreamHandle = void*;
// A mark in a queue, which is passed when all work before it is done.
using EventHandle = void*;

// Bytes unless it says count. In use and cached are in rounded sizes.
struct MemoryStats {
  std::size_t in_use = 0, peak_in_use = 0;
  std::size_t reserved = 0, peak_reserved = 0;        // held from the source: in use and cached
  std::size_t limit = 0;                              // 0: none
  std::uint64_t allocs = 0, frees = 0;                // counts, of requests served
  std::uint64_t source_allocs = 0, source_frees = 0;  // counts, of segments
  std::uint64_t retries = 0, failures = 0;  // counts: the source refused; OutOfMemory was thrown
  std::size_t cached() const { return reserved > in_use ? reserved - in_use : 0; }
};

// InUse: handed out. Pending: freed, waiting for events. Cached: free. Small: a chunk of the small
// lists, used and free blocks together.
enum class BlockState : std::uint8_t { InUse, Pending, Cached, Small };

struct MemoryBlock {
  void* data = nullptr;
  std::size_t bytes = 0;      // rounded
  std::size_t requested = 0;  // what was asked for; 0 unless in use
  BlockState state = BlockState::Cached;
  StreamHandle stream = nullptr;
  int private_pool = 0;  // 0: common memory
  void* segment = nullptr;
  std::size_t segment_bytes = 0;
};

}  // namespace weft
