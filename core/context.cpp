#include <atomic>

#include <weft/core/check.h>
#include <weft/core/context.h>
#include <weft/core/environment.h>

namespace weft {
namespace {

enum class Order : std::uint8_t { Unsaid, Any, Fixed };
constinit std::atomic<Order> order{Order::Unsaid};
constinit std::atomic<bool> benchmark{false};
constinit std::atomic<MatmulPrecision> precision{MatmulPrecision::Highest};

std::atomic<bool>& winograd() {
  static std::atomic<bool> on = detail::environment().winograd;
  return on;
}

}  // namespace

void use_deterministic_algorithms(bool on) noexcept {
  order.store(on ? Order::Fixed : Order::Any, std::memory_order_relaxed);
}
bool deterministic_algorithms() noexcept {
  return order.load(std::memory_order_relaxed) == Order::Fixed;
}
bool detail::any_order() noexcept { return order.load(std::memory_order_relaxed) == Order::Any; }

void set_float32_matmul_precision(std::string_view text) {
  constexpr std::string_view names[] = {"highest", "high", "medium"};
  for (std::uint8_t i = 0; i < 3; ++i) {
    if (text == names[i]) return precision.store(MatmulPrecision{i}, std::memory_order_relaxed);
  }
  fail<ValueError>("set_float32_matmul_precision",
                   "got \"{}\", expected \"highest\", \"high\" or \"medium\"", text);
}
MatmulPrecision float32_matmul_precision() noexcept {
  return precision.load(std::memory_order_relaxed);
}

void set_float32_conv_winograd(bool on) noexcept {
  winograd().store(on, std::memory_order_relaxed);
}
bool float32_conv_winograd() noexcept { return winograd().load(std::memory_order_relaxed); }

void set_cudnn_benchmark(bool on) noexcept { benchmark.store(on, std::memory_order_relaxed); }
bool cudnn_benchmark() noexcept { return benchmark.load(std::memory_order_relaxed); }

}  // namespace weft
