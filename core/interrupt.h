#pragma once

#include <atomic>
#include <limits>

#include <weft/core/macros.h>
#include <weft/core/shape.h>

// Ending long calls early, for programs that want that: an interpreter that has seen Ctrl-C, say.
// Asked where memory for a large result is taken, between the pieces of loops, products,
// convolutions and files, between the steps of backward(), while a DataLoader waits. The calling
// operation then throws Interrupted and leaves every tensor as it was: what writes into an existing
// one is run whole. A generator may have gone on by what the lost result would have taken.
namespace weft {

// Whether the call should end; asked by the calling thread, every few milliseconds at most. Null:
// never.
using InterruptCheck = bool (*)();
WEFT_API void set_interrupt_check(InterruptCheck check) noexcept;

namespace detail {
extern WEFT_API std::atomic<InterruptCheck> interrupt_check;
WEFT_API void ask_for_interrupt(const char* op);
WEFT_API void hold_interrupts(int more) noexcept;
WEFT_API bool interruptible() noexcept;  // an interrupt check is set, and none of Whole is alive

// While it lives, this thread also ends when `failed` is set, by another thread of its region.
class WEFT_API RegionMember {
 public:
  explicit RegionMember(const std::atomic<bool>& failed) noexcept;
  ~RegionMember();
  RegionMember(const RegionMember&) = delete;
  RegionMember& operator=(const RegionMember&) = delete;

 private:
  const std::atomic<bool>* outer_;
};
}  // namespace detail

// Throws Interrupted if the call should end.
inline void check_interrupt(const char* op) {
  if (detail::interrupt_check.load(std::memory_order_relaxed)) [[unlikely]]
    detail::ask_for_interrupt(op);
}

// Nothing that this thread calls is broken off while it lives: what would be half done is lost. Not
// worth its few nanoseconds for work on few elements, in which no kernel looks up.
class Whole {
 public:
  explicit Whole(Index elements = std::numeric_limits<Index>::max()) noexcept
      : held_(elements > 1 << 14 ? 1 : 0) {
    if (held_) detail::hold_interrupts(1);
  }
  ~Whole() {
    if (held_) detail::hold_interrupts(-1);
  }
  Whole(const Whole&) = delete;
  Whole& operator=(const Whole&) = delete;

 private:
  int held_;
};

}  // namespace weft
