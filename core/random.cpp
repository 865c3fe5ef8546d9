#include <random>

#include <weft/core/random.h>

namespace weft {

std::uint64_t Generator::seed() {
  std::random_device device;
  const std::uint64_t high = device();
  const std::uint64_t seed = high << 32 | device();
  manual_seed(seed);
  return seed;
}

RandomKey Generator::next(Index numbers) {
  const auto blocks = numbers > 0 ? (static_cast<std::uint64_t>(numbers) + 3) / 4 : 0;
  const std::lock_guard lock(mutex_);
  const RandomKey key = state_;
  state_.offset += blocks;
  return key;
}

RandomKey Generator::state() const {
  const std::lock_guard lock(mutex_);
  return state_;
}

void Generator::set_state(RandomKey state) {
  const std::lock_guard lock(mutex_);
  state_ = state;
}

Generator& default_generator() {
  static Generator generator;
  return generator;
}

void manual_seed(std::uint64_t seed) { default_generator().manual_seed(seed); }

}  // namespace weft
