#include <algorithm>
#include <mutex>
#include <random>
#include <vector>

#include <weft/core/allocator.h>
#include <weft/core/check.h>
#include <weft/core/cuda_capture.h>
#include <weft/core/fork.h>
#include <weft/core/interrupt.h>
#include <weft/core/random.h>

namespace weft {

namespace {
// Of every generator, which holds it for an addition: one apiece would bring <mutex> into what each
// user compiles.
constinit std::mutex mutex;

thread_local constinit DrawGuard* guard = nullptr;  // the innermost

bool same(RandomKey a, RandomKey b) { return a.seed == b.seed && a.offset == b.offset; }
}  // namespace

void detail::lock_generators() noexcept { mutex.lock(); }
void detail::unlock_generators() noexcept { mutex.unlock(); }

std::uint64_t Generator::seed() {
  std::random_device device;
  const std::uint64_t high = device();
  const std::uint64_t seed = high << 32 | device();
  manual_seed(seed);
  return seed;
}

RandomKey Generator::next(Index numbers) {
  if (cuda::is_current_stream_capturing() && this != &default_generator())
    fail<Error>("Generator",
                "got a draw while a graph is captured, expected the default generator, which moves "
                "on with each replay");
  const auto blocks = numbers > 0 ? (static_cast<std::uint64_t>(numbers) + 3) / 4 : 0;
  const std::lock_guard lock(mutex);
  const RandomKey key = state_;
  state_.offset += blocks;
  if (guard && this == &default_generator()) guard->note(key, state_);
  return key;
}

RandomKey Generator::state() const {
  const std::lock_guard lock(mutex);
  return state_;
}

void Generator::set_state(RandomKey state) {
  const std::lock_guard lock(mutex);
  state_ = state;
}

Generator& default_generator() {
  static Generator generator;
  return generator;
}

DrawGuard::DrawGuard() noexcept : outer_(std::exchange(guard, this)) {}

DrawGuard::~DrawGuard() {
  guard = outer_;
  if (!drew_) return;
  if (kept_) {
    if (outer_) outer_->note(first_, next_);
    return;
  }
  Generator& g = default_generator();
  const std::lock_guard lock(mutex);
  if (same(g.state_, next_)) g.state_ = first_;
}

void DrawGuard::note(RandomKey before, RandomKey after) noexcept {
  if (!drew_ || !same(before, next_)) first_ = before;
  next_ = after;
  drew_ = true;
}

namespace {

// From the allocator, whose large blocks are made of huge pages and stay in its cache: giving back
// a gigabyte of small ones takes the system a tenth of a second.
class Scratch {
 public:
  explicit Scratch(std::size_t bytes) : memory_(allocate(kCPU, bytes)) {}
  ~Scratch() { deallocate(kCPU, memory_); }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  void* data() const { return memory_.data; }

 private:
  Allocation memory_;
};

}  // namespace

void random_permutation(std::span<Index> out, RandomKey key) {
  using Drawn = std::pair<std::uint64_t, Index>;
  const Scratch memory(out.size() * sizeof(Drawn));
  const std::span<Drawn> order(static_cast<Drawn*>(memory.data()), out.size());
  for (std::size_t i = 0; i < order.size(); i += 4) {
    if (i % (1 << 16) == 0) check_interrupt("randperm");
    const PhiloxBlock w = philox_block(key.seed, key.offset + i / 4, 0);
    const PhiloxBlock v = philox_block(key.seed, key.offset + i / 4, 1);
    for (std::size_t j = i; j < std::min(i + 4, order.size()); ++j) {
      order[j] = {std::uint64_t{w.word[j - i]} << 32 | v.word[j - i], static_cast<Index>(j)};
    }
  }
  std::uint32_t compared = 0;
  std::sort(order.begin(), order.end(), [&](const auto& a, const auto& b) {
    if (++compared % (1 << 20) == 0) check_interrupt("randperm");
    return a < b;
  });
  for (std::size_t i = 0; i < out.size(); ++i) {
    if (i % (1 << 20) == 0) check_interrupt("randperm");
    out[i] = order[i].second;
  }
}

void manual_seed(std::uint64_t seed) { default_generator().manual_seed(seed); }

}  // namespace weft
