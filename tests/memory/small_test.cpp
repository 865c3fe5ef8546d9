#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <mutex>
#include <thread>
#include <vector>

#include <weft/core/allocator.h>
#include <weft/tests/catch.h>

using namespace weft;
using namespace weft::detail;

namespace {

std::size_t chunks() {
  std::size_t n = 0;
  for_each_small_chunk([](void* count, void*, std::size_t) { ++*static_cast<std::size_t*>(count); },
                       &n);
  return n;
}

}  // namespace

TEST_CASE("a size class holds its sizes and wastes little") {
  std::size_t previous = 0;
  for (std::size_t bytes = 0; bytes <= kSmallMax; ++bytes) {
    const int c = small_class(bytes);
    REQUIRE(c < kSmallClasses);
    const std::size_t size = small_class_bytes(c);
    REQUIRE(size >= bytes);
    REQUIRE(size < std::max<std::size_t>(bytes, 1) + (bytes <= 48 ? 16 : 64));
    REQUIRE((bytes < 64 || size % 64 == 0));
    REQUIRE(size >= previous);
    previous = size;
  }
}

TEST_CASE("small blocks are aligned and apart") {
  for (std::size_t bytes : {0, 1, 16, 24, 48, 63, 64, 200, 513, 4096, 4160, 5000}) {
    CAPTURE(bytes);
    std::vector<char*> blocks;
    for (int i = 0; i < 300; ++i) {
      blocks.push_back(static_cast<char*>(small_alloc(bytes)));
      std::memset(blocks.back(), i, bytes);
    }
    bool good = true;
    for (int i = 0; i < 300; ++i) {
      char* b = blocks[static_cast<std::size_t>(i)];
      const std::size_t align = bytes < 64 ? 16 : 64;
      good = good && reinterpret_cast<std::uintptr_t>(b) % align == 0 &&
             std::all_of(b, b + bytes, [&](char c) { return c == static_cast<char>(i); });
    }
    CHECK(good);
    std::sort(blocks.begin(), blocks.end());
    CHECK(std::adjacent_find(blocks.begin(), blocks.end()) == blocks.end());
    for (char* b : blocks) small_free(b, bytes);
  }
  small_free(nullptr, 10);
}

TEST_CASE("the block freed last comes first") {
  if (small_passthrough()) return;
  void* a = small_alloc(100);
  small_free(a, 100);
  void* b = small_alloc(128);
  CHECK(a == b);
  small_free(b, 128);
}

TEST_CASE("memory goes round: freed blocks serve again, whoever freed them") {
  if (small_passthrough()) return;
  const auto round = [] {
    std::vector<void*> blocks;
    for (int i = 0; i < 5000; ++i) blocks.push_back(small_alloc(256));
    std::thread([&] {
      for (void* b : blocks) small_free(b, 256);
    }).join();
  };
  round();
  const std::size_t before = chunks();
  for (int i = 0; i < 20; ++i) round();
  CHECK(chunks() == before);
}

TEST_CASE("a thread's lists are handed on when it ends") {
  if (small_passthrough()) return;
  const auto round = [] {
    std::thread([] {
      std::vector<void*> blocks;
      for (int i = 0; i < 40; ++i) blocks.push_back(small_alloc(1000));
      for (void* b : blocks) small_free(b, 1000);
    }).join();
  };
  round();
  const std::size_t before = chunks();
  for (int i = 0; i < 200; ++i) round();
  CHECK(chunks() == before);
}

TEST_CASE("a list never holds more than two batches") {
  if (small_passthrough()) return;
  small_free(small_alloc(512), 512);
  const SmallList& list = small_cache->list[small_class(512)];
  const auto total = [&] {
    std::uint32_t n = list.room;
    for (SmallBlock* b = list.head; b; b = b->next) ++n;
    return n;
  };
  const std::uint32_t capacity = total();
  CHECK(capacity == 2 * 16);
  std::vector<void*> blocks;
  for (int i = 0; i < 3000; ++i) {
    // Up and down across several batches.
    if (i % 1000 < 600) {
      blocks.push_back(small_alloc(512));
    } else {
      small_free(blocks.back(), 512);
      blocks.pop_back();
    }
    REQUIRE(total() == capacity);
  }
  for (void* b : blocks) small_free(b, 512);
  CHECK(total() == capacity);
}

TEST_CASE("data counts of threads that ended, or still live, all add up") {
  const SmallStats before = small_stats();
  const AllocationMode mode = allocation_mode();
  set_allocation_mode({false, false});
  Allocation kept;
  std::thread([&] {
    kept = allocate(kCPU, 64);
    deallocate(kCPU, allocate(kCPU, 64));
  }).join();
  SmallStats now = small_stats();
  CHECK(now.data_in_use - before.data_in_use == 64);
  CHECK(now.data_allocs - before.data_allocs == 2);
  deallocate(kCPU, kept);
  now = small_stats();
  CHECK(now.data_in_use == before.data_in_use);
  CHECK(now.data_frees - before.data_frees == 2);
  set_allocation_mode(mode);
}

namespace {

// Made before the thread's first block, so destroyed after its lists are gone.
struct LateUser {
  void* block = nullptr;
  Allocation data;
  ~LateUser() {
    if (!block) return;
    std::array<void*, 20> more;
    for (void*& p : more) p = std::memset(small_alloc(80), 1, 80);
    const Allocation late = allocate(kCPU, 80);
    small_free(block, 80);
    deallocate(kCPU, data);
    for (void* p : more) small_free(p, 80);
    deallocate(kCPU, late);
  }
};
thread_local LateUser late_user;
LateUser static_user;  // destroyed when the process ends, which the exit status would show

}  // namespace

TEST_CASE("blocks come and go after the end of a thread's lists") {
  const auto round = [] {
    std::thread([] {
      late_user.block = nullptr;  // constructs it
      late_user.block = small_alloc(80);
      late_user.data = allocate(kCPU, 80);
      std::array<void*, 200> blocks;  // so that the lists are long when the thread ends
      for (void*& p : blocks) p = small_alloc(80);
      for (void* p : blocks) small_free(p, 80);
    }).join();
  };
  round();
  const SmallStats before = small_stats();
  const std::size_t held = chunks();
  for (int i = 0; i < 100; ++i) round();
  const SmallStats now = small_stats();
  CHECK(now.data_in_use == before.data_in_use);
  CHECK(now.data_allocs - before.data_allocs == now.data_frees - before.data_frees);
  CHECK(chunks() == held);
  if (!static_user.block) {
    static_user.block = small_alloc(80);
    static_user.data = allocate(kCPU, 80);
  }
}

TEST_CASE("threads that make blocks for each other never share one", "[threads]") {
  struct Message {
    void* data;
    std::size_t bytes;
    unsigned char value;
  };
  std::mutex mutex;
  std::vector<Message> box;
  std::atomic<bool> good{true};
  const auto work = [&](unsigned seed) {
    std::vector<Message> mine;
    for (int i = 0; i < 20000; ++i) {
      seed = seed * 1664525u + 1013904223u;
      const std::size_t bytes = 1 + seed % 4160;
      const auto value = static_cast<unsigned char>(seed >> 24);
      void* data = small_alloc(bytes);
      std::memset(data, value, bytes);
      mine.push_back({data, bytes, value});
      if (mine.size() < 50) continue;
      {
        std::lock_guard lock(mutex);
        box.swap(mine);
      }
      for (const Message& m : mine) {
        const auto* p = static_cast<unsigned char*>(m.data);
        if (p[0] != m.value || p[m.bytes - 1] != m.value || p[m.bytes / 2] != m.value) good = false;
        small_free(m.data, m.bytes);
      }
      mine.clear();
    }
    for (const Message& m : mine) small_free(m.data, m.bytes);
  };
  std::vector<std::thread> threads;
  for (unsigned t = 0; t < 4; ++t) threads.emplace_back(work, t);
  for (std::thread& t : threads) t.join();
  for (const Message& m : box) small_free(m.data, m.bytes);
  CHECK(good);
}
