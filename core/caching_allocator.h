#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <vector>

#include <weft/core/device.h>
#include <weft/core/memory_source.h>
#include <weft/core/memory_stats.h>

// The policy, one for all devices
//
// Memory comes from the source in segments and is handed out in blocks. A request is rounded, then
// served from the free blocks of its pool: the smallest that fits, its rest split off and kept. A
// freed block merges with its free neighbours in the segment. Segments stay cached when they fall
// empty, up to a cap; beyond it the ones that were empty longest go back first.
//
// A pool belongs to one stream (work on one stream is ordered, so a block freed by the host can be
// handed out again at once on that stream) and to the common memory or one private pool. Where the
// configuration says so, small requests have pools and segments of their own.
//
// Up to slab_limit, requests are rounded to size classes instead, four a doubling, and served from
// slabs: blocks of the pool cut into equal pieces, which never split or merge, so that the many
// mid-sized tensors of a step cost a list operation each. A slab that falls empty returns to its
// pool unless it is the last of its class with a free piece.
//
// A block that other streams used (record_stream) is given an event on each when freed and returns
// to its pool when all have passed; allocating polls them. While a graph is being captured no
// event may be made or queried, so such blocks wait until the capture ends.
//
// A private pool (graph capture) shares nothing with the common memory: its segments return to the
// source only after release_private_pool.
//
// When the source refuses: poll the events and look again; give back just enough empty segments
// and ask again; wait for all events, give back every empty segment, ask again, with the smallest
// segment that will do; then OutOfMemory, with everything as it was before the call.
//
// The limit bounds what is in use. What is cached comes on top, but before a segment is asked for
// that would bring both beyond the limit, empty segments go back (and with limit_reserved it is
// then refused).
namespace weft {

class WEFT_API EventSource {
 public:
  virtual ~EventSource() = default;
  // Marks the work now queued on the stream. Null: nothing to wait for.
  virtual EventHandle record(StreamHandle stream) noexcept = 0;
  virtual bool done(EventHandle event) noexcept = 0;
  virtual void wait(EventHandle event) noexcept = 0;
  virtual void release(EventHandle event) noexcept = 0;
};

// Sizes in bytes.
struct CachingConfig {
  std::size_t round_to = 512;        // requests: to a multiple of this at least,
  int round_steps = 0;               // and to this many steps a doubling (0: as above only),
  std::size_t round_at_most = 0;     // whose width ends here
  std::size_t slab_limit = 0;        // requests up to this come from slabs; 0: no slabs
  std::size_t small_limit = 0;       // requests up to this have small pools; 0: no small pools
  std::size_t small_segment = 0;     // segments of the small pools
  std::size_t large_segment = 0;     // segments shared by requests below own_segment
  std::size_t own_segment = 0;       // requests from here on get segments of their own size,
  std::size_t segment_round = 4096;  // rounded to this
  std::size_t split_small = 512;     // the smallest rest that is split off, in small pools
  std::size_t split_large = 512;     // and in large ones
  std::size_t cache_cap = SIZE_MAX;  // what may stay cached
  bool limit_reserved = false;       // set_limit bounds in use and cached together

  static WEFT_API CachingConfig cpu(std::size_t cache_cap);
  static WEFT_API CachingConfig cuda();
};

namespace detail {
struct Block;
struct Segment;
struct Slab;
struct Pool;
struct StreamUse;
}  // namespace detail

// Thread-safe. Blocks must be freed before it dies; then all memory returns to the source.
class WEFT_API CachingAllocator {
 public:
  using Block = detail::Block;

  // events may be null where there is one stream. direct serves the pass-through mode (null:
  // source).
  CachingAllocator(Device device, const CachingConfig& config, MemorySource& source,
                   EventSource* events = nullptr, MemorySource* direct = nullptr);
  CachingAllocator(const CachingAllocator&) = delete;
  CachingAllocator& operator=(const CachingAllocator&) = delete;
  ~CachingAllocator();

  // Uninitialised memory of at least bytes > 0, to be used on stream. Throws OutOfMemory, or what
  // the source throws.
  [[nodiscard]] Block* allocate(std::size_t bytes, StreamHandle stream = nullptr);
  void free(Block* block) noexcept;
  static void* data(const Block* block) noexcept;
  static std::size_t size(const Block* block) noexcept;  // rounded

  // The block is used on another stream too: not reused before that stream's work is done.
  void record_stream(Block* block, StreamHandle stream);

  // For the poison mode, in the order of the block's stream. What another stream uses, too, is left
  // alone.
  void fill(const Block* block, unsigned char value) noexcept;

  // Graph capture: requests on the stream go to the private pool between begin and end.
  int create_private_pool();
  void begin_capture(StreamHandle stream, int pool);
  void end_capture(StreamHandle stream);
  void release_private_pool(int pool);

  void empty_cache() noexcept;  // waits for pending events, gives back empty segments
  void set_limit(std::size_t bytes) noexcept;  // 0: none
  // Each request a piece of its own from the direct source, given back when freed; for debugging.
  void set_passthrough(bool on) noexcept;
  // Memory handed out elsewhere that counts towards limit and peak; outlives the allocator.
  void set_also_in_use(const std::atomic<std::ptrdiff_t>* bytes) noexcept;
  void note_peak() noexcept;  // that memory has changed

  // Throws OutOfMemory if bytes more, handed out elsewhere, would pass the limit.
  void check_limit(std::size_t bytes);

  // Held while the process forks, so that the child finds it whole.
  void lock() const;
  void unlock() const;

  MemoryStats stats() const;  // without what is handed out elsewhere, except for peak_in_use
  std::vector<MemoryBlock> snapshot() const;
  void reset_peak() noexcept;
  MemorySource& source() noexcept { return source_; }

 private:
  struct State;
  MemorySource& source_;
  std::unique_ptr<State> state_;
};

}  // namespace weft
