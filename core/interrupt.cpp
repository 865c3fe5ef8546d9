#include <time.h>

#include <cstdint>
#include <utility>

#include <weft/core/check.h>
#include <weft/core/interrupt.h>

namespace weft {
namespace {

struct OfThread {
  std::int64_t asked = 0;
  const std::atomic<bool>* region_failed = nullptr;
  int whole = 0;
};
thread_local constinit OfThread of_thread [[gnu::tls_model("initial-exec")]];

std::int64_t nanoseconds() {
  timespec t;
  clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
  return t.tv_sec * 1'000'000'000 + t.tv_nsec;
}

}  // namespace

std::atomic<InterruptCheck> detail::interrupt_check{nullptr};

void set_interrupt_check(InterruptCheck check) noexcept { detail::interrupt_check = check; }

void detail::ask_for_interrupt(const char* op) {
  constexpr std::int64_t kPause = 20'000'000;
  OfThread& t = of_thread;
  if (t.region_failed && t.region_failed->load(std::memory_order_relaxed))
    fail<Interrupted>(op, "another thread of the operation has ended it");
  if (t.whole > 0) return;
  const std::int64_t now = nanoseconds();
  if (now - t.asked < kPause) return;
  t.asked = now;
  const InterruptCheck check = interrupt_check;
  if (check && check()) fail<Interrupted>(op, "got a request to stop");
}

void detail::hold_interrupts(int more) noexcept { of_thread.whole += more; }

bool detail::interruptible() noexcept {
  return interrupt_check.load(std::memory_order_relaxed) && of_thread.whole == 0;
}

detail::RegionMember::RegionMember(const std::atomic<bool>& failed) noexcept
    : outer_(std::exchange(of_thread.region_failed, &failed)) {}
detail::RegionMember::~RegionMember() { of_thread.region_failed = outer_; }

}  // namespace weft
