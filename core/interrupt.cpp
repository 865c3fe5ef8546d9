#include <time.h>

#include <cstdint>

#include <weft/core/check.h>
#include <weft/core/interrupt.h>

namespace weft {

std::atomic<InterruptCheck> detail::interrupt_check{nullptr};

void set_interrupt_check(InterruptCheck check) noexcept { detail::interrupt_check = check; }

void detail::ask_for_interrupt(const char* op) {
  constexpr std::int64_t kPause = 20'000'000;  // nanoseconds
  thread_local std::int64_t asked = 0;
  timespec t;
  clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
  const std::int64_t now = t.tv_sec * 1'000'000'000 + t.tv_nsec;
  if (now - asked < kPause) return;
  asked = now;
  const InterruptCheck check = interrupt_check;
  if (check && check()) fail<Interrupted>(op, "got a request to stop");
}

}  // namespace weft
