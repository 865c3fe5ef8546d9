#include <atomic>

#include <weft/core/context.h>

namespace weft {
namespace {
constinit std::atomic<bool> deterministic{false};
}

void use_deterministic_algorithms(bool on) noexcept {
  deterministic.store(on, std::memory_order_relaxed);
}
bool deterministic_algorithms() noexcept { return deterministic.load(std::memory_order_relaxed); }

}  // namespace weft
