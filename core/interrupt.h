#pragma once

#include <atomic>

#include <weft/core/macros.h>

// Ending long calls early, for programs that want that: an interpreter that has seen Ctrl-C, say.
// Asked where memory for a large result is taken, between the steps of backward(), while a
// DataLoader waits. The calling operation then throws Interrupted and leaves everything as it was.
// One product, convolution or loop is never broken off.
namespace weft {

// Whether the call should end; asked by any thread, every few milliseconds at most. Null: never.
using InterruptCheck = bool (*)();
WEFT_API void set_interrupt_check(InterruptCheck check) noexcept;

namespace detail {
extern WEFT_API std::atomic<InterruptCheck> interrupt_check;
WEFT_API void ask_for_interrupt(const char* op);
}  // namespace detail

// Throws Interrupted if the call should end.
inline void check_interrupt(const char* op) {
  if (detail::interrupt_check.load(std::memory_order_relaxed)) [[unlikely]]
    detail::ask_for_interrupt(op);
}

}  // namespace weft
