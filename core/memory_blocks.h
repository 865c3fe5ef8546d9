#pragma once

// For caching_allocator.cpp only: what it links its memory into.

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <new>
#include <utility>

#include <weft/core/caching_allocator.h>
#include <weft/core/small_alloc.h>

namespace weft::detail {

// A stream beside its own that uses a block; later, the event to wait for there.
struct StreamUse {
  StreamHandle stream = nullptr;
  EventHandle event = nullptr;
  Block* block = nullptr;
  StreamUse* next = nullptr;  // among the block's uses, later among the pending ones
};

struct Block {
  char* data = nullptr;
  std::size_t size = 0, requested = 0;
  Segment* segment = nullptr;
  Slab* slab = nullptr;                                // the slab it is a piece of
  Slab* cut = nullptr;                                 // the slab it was cut into
  Block *previous = nullptr, *next = nullptr;          // neighbours in memory
  Block *bin_previous = nullptr, *bin_next = nullptr;  // in a bin; bin_next also: free in a slab
  StreamUse* uses = nullptr;
  int events = 0;  // that have not passed yet
  BlockState state = BlockState::InUse;
};

struct Segment {
  Block first;
  Pool* pool = nullptr;
  Segment *previous = nullptr, *next = nullptr;
  std::size_t size = 0;
  std::uint64_t idle_since = 0;
  MemorySource* source = nullptr;
  bool direct = false;  // made in pass-through mode: goes back at once

  bool idle() const { return first.state == BlockState::Cached && first.size == size; }
};

struct Slab {
  Block* home = nullptr;
  std::size_t piece = 0;
  int size_class = 0, live = 0, cut = 0, capacity = 0;
  Block *free = nullptr, *first = nullptr, *last = nullptr;
  Slab *previous = nullptr, *next = nullptr;  // among those of its class with free pieces
  bool full() const { return !free && cut == capacity; }
};

// Free blocks in lists by size, eight a doubling, with a bitmap of those that are not empty.
class Bins {
 public:
  void add(Block* b) {
    const int i = bin(b->size);
    b->bin_previous = nullptr;
    b->bin_next = head_[i];
    if (b->bin_next) b->bin_next->bin_previous = b;
    head_[i] = b;
    used_[i / 64] |= std::uint64_t{1} << i % 64;
  }

  void remove(Block* b) {
    const int i = bin(b->size);
    (b->bin_previous ? b->bin_previous->bin_next : head_[i]) = b->bin_next;
    if (b->bin_next) b->bin_next->bin_previous = b->bin_previous;
    if (!head_[i]) used_[i / 64] &= ~(std::uint64_t{1} << i % 64);
    b->bin_previous = b->bin_next = nullptr;
  }

  // The smallest block of at least size, or null.
  Block* best(std::size_t size) const {
    const int i = bin(size);
    if (Block* b = smallest(head_[i], size)) return b;
    const int larger = next_used(i + 1);
    return larger < kBins ? smallest(head_[larger], size) : nullptr;
  }

 private:
  static constexpr int kBins = 448;

  static int bin(std::size_t size) {
    const std::size_t units = size >> 9;
    if (units < 8) return static_cast<int>(units);
    const int e = std::bit_width(units) - 1;
    return (e - 2) * 8 + static_cast<int>((units >> (e - 3)) & 7);
  }

  int next_used(int i) const {
    for (int word = i / 64; word < kBins / 64; ++word, i = word * 64)
      if (const std::uint64_t rest = used_[word] >> i % 64) return i + std::countr_zero(rest);
    return kBins;
  }

  static Block* smallest(Block* b, std::size_t size) {
    Block* found = nullptr;
    for (; b; b = b->bin_next) {
      if (b->size == size) return b;
      if (b->size > size && (!found || b->size < found->size)) found = b;
    }
    return found;
  }

  std::array<Block*, kBins> head_{};
  std::array<std::uint64_t, kBins / 64> used_{};
};

inline constexpr int kSlabClasses = 128;

struct Pool {
  StreamHandle stream = nullptr;
  int private_pool = 0;
  bool small = false;
  Bins bins;
  std::array<Slab*, kSlabClasses> slabs{};  // those with free pieces
};

inline std::size_t round_up(std::size_t n, std::size_t to) { return (n + to - 1) / to * to; }

// Four classes a doubling, from 512 bytes: the step is an eighth of the power of two at or above.
struct SlabClass {
  explicit SlabClass(std::size_t bytes) {
    const std::size_t n = bytes < 512 ? 512 : bytes;
    const int e = std::bit_width(n - 1);
    const std::size_t step = std::size_t{1} << (e - 3), steps = (n + step - 1) / step;
    index = e * 4 + static_cast<int>(steps) - 5;
    size = steps * step;
  }
  int index;
  std::size_t size;
};

template <class T, class... Args>
T* make(Args&&... args) {
  return new (small_alloc(sizeof(T))) T{std::forward<Args>(args)...};
}
template <class T>
void dispose(T* object) noexcept {
  small_free(object, sizeof(T));
}

}  // namespace weft::detail
