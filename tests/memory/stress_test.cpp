#include <algorithm>
#include <cstring>
#include <map>
#include <mutex>
#include <random>
#include <thread>

#include <weft/core/allocator.h>
#include <weft/core/error.h>
#include <weft/tests/memory/fake_source.h>

// Long random lives against a model that knows only addresses.
using namespace weft;
using namespace weft::test;
using Block = CachingAllocator::Block;

namespace {

struct Live {
  Block* block;
  std::size_t bytes;
};

// Freed, but other streams may still be at work on it: the events made when it was freed.
struct Pending {
  std::size_t bytes, first_event, last_event;
};

class Model {
 public:
  Model(const CachingConfig& config, std::size_t limit, unsigned seed)
      : f(config, limit), config_(config), random_(seed) {}

  void step() {
    const int what = pick(100);
    if (what < 50) {
      allocate();
    } else if (what < 92) {
      free_one();
    } else if (what < 97) {
      f.events.finish(stream(static_cast<std::uintptr_t>(pick(3))));
    } else if (what == 97) {
      f.allocator.empty_cache();
    } else {
      f.allocator.set_limit(pick(2) ? 0 : 200 * MiB);
    }
  }

  void end() {
    while (!live_.empty()) free_one();
    f.allocator.empty_cache();
    CHECK(f.source.held == 0);
    CHECK(f.allocator.stats().in_use == 0);
    CHECK(f.allocator.stats().allocs == allocs_);
    CHECK(f.allocator.stats().frees == allocs_);
    CHECK(good);
  }

  Fake f;
  bool good = true;

 private:
  int pick(int n) { return static_cast<int>(random_() % static_cast<unsigned>(n)); }

  std::size_t size() {
    const std::size_t scale = std::size_t{1} << (5 + pick(21));
    return 1 + random_() % scale;
  }

  void allocate() {
    const std::size_t bytes = size();
    const StreamHandle on = stream(config_.slab_limit ? 0 : static_cast<std::uintptr_t>(pick(3)));
    Block* b = nullptr;
    try {
      b = f.allocator.allocate(bytes, on);
    } catch (const OutOfMemory&) {
      return;
    }
    ++allocs_;
    if (pick(4) == 0) f.allocator.record_stream(b, stream(static_cast<std::uintptr_t>(pick(3))));
    const auto begin = reinterpret_cast<std::uintptr_t>(f.data(b));
    good = good && !overlaps(live_, begin, bytes);
    std::erase_if(pending_, [&](const auto& p) { return passed(p.second); });
    good = good && !overlaps(pending_, begin, bytes);
    live_[begin] = {b, bytes};
  }

  template <class T>
  static bool overlaps(const std::map<std::uintptr_t, T>& blocks, std::uintptr_t begin,
                       std::size_t bytes) {
    const auto next = blocks.lower_bound(begin);
    if (next != blocks.end() && next->first < begin + bytes) return true;
    return next != blocks.begin() && std::prev(next)->first + std::prev(next)->second.bytes > begin;
  }

  bool passed(const Pending& p) const {
    for (std::size_t e = p.first_event; e < p.last_event; ++e)
      if (!f.events.passed(e)) return false;
    return true;
  }

  void free_one() {
    if (live_.empty()) return;
    auto at = live_.begin();
    std::advance(at, pick(static_cast<int>(live_.size())));
    const std::size_t events = f.events.recorded();
    f.allocator.free(at->second.block);
    if (f.events.recorded() > events)
      pending_[at->first] = {at->second.bytes, events, f.events.recorded()};
    live_.erase(at);
  }

  CachingConfig config_;
  std::mt19937 random_;
  std::map<std::uintptr_t, Live> live_;
  std::map<std::uintptr_t, Pending> pending_;
  std::uint64_t allocs_ = 0;
};

}  // namespace

TEST_CASE("random lives: no two blocks overlap, the books balance, all memory returns") {
  const auto config = GENERATE(CachingConfig::cuda(), CachingConfig::cpu(128 * MiB));
  const unsigned seed = GENERATE(range(1u, 9u));
  const std::size_t limit = seed % 2 ? SIZE_MAX : 300 * MiB;
  Model model(config, limit, seed);
  for (int i = 0; i < 3000; ++i) {
    model.step();
    if (i % 100 == 0) check_consistent(model.f.allocator, config.slab_limit);
  }
  model.end();
}

TEST_CASE("threads share the allocator", "[threads]") {
  const AllocationMode mode = allocation_mode();
  set_allocation_mode({GENERATE(false, true), false});
  const std::size_t in_use = memory_stats().in_use;
  std::mutex mutex;
  std::vector<Allocation> box;
  std::atomic<bool> good{true};
  const auto work = [&](unsigned seed) {
    std::mt19937 random(seed);
    std::vector<Allocation> mine;
    for (int i = 0; i < 2000; ++i) {
      const std::size_t bytes = 1 + random() % (std::size_t{1} << (4 + random() % 18));
      const Allocation a = allocate(kCPU, bytes);
      std::memcpy(a.data, &a.bytes, std::min(bytes, sizeof a.bytes));
      static_cast<char*>(a.data)[bytes - 1] = static_cast<char>(bytes);
      mine.push_back(a);
      if (i % 16) continue;
      {
        std::lock_guard lock(mutex);
        box.swap(mine);
      }
      for (const Allocation& b : mine) {
        if (b.bytes > 8 && std::memcmp(b.data, &b.bytes, 8) != 0) good = false;
        if (static_cast<char*>(b.data)[b.bytes - 1] != static_cast<char>(b.bytes)) good = false;
        deallocate(kCPU, b);
      }
      mine.clear();
      if (i % 512 == 0) empty_cache();
      if (i % 64 == 0) (void)memory_stats();
    }
    for (const Allocation& b : mine) deallocate(kCPU, b);
  };
  std::vector<std::thread> threads;
  for (unsigned t = 0; t < 4; ++t) threads.emplace_back(work, t + 1);
  for (std::thread& t : threads) t.join();
  for (const Allocation& b : box) deallocate(kCPU, b);
  CHECK(good);
  CHECK(memory_stats().in_use == in_use);
  set_allocation_mode(mode);
}
