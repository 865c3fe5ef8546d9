#include <weft/core/error.h>
#include <weft/tests/memory/fake_source.h>

// The policy over a source without memory: what is asked of the source, and when.
using namespace weft;
using namespace weft::test;
using Block = CachingAllocator::Block;

TEST_CASE("requests are rounded to 512 bytes in the shape of a GPU") {
  Fake f;
  const auto [bytes, rounded] = GENERATE(table<std::size_t, std::size_t>(
      {{1, 512}, {512, 512}, {513, 1024}, {MiB, MiB}, {MiB + 1, MiB + 512}, {64 * MiB, 64 * MiB}}));
  Block* b = f.allocator.allocate(bytes);
  CHECK(CachingAllocator::size(b) == rounded);
  CHECK(f.allocator.stats().in_use == rounded);
  f.allocator.free(b);
  CHECK(f.allocator.stats().in_use == 0);
}

TEST_CASE("small requests share 2 MiB segments, larger ones 20 MiB, the largest have their own") {
  Fake f;
  const auto [bytes, segment] =
      GENERATE(table<std::size_t, std::size_t>({{1, 2 * MiB},
                                                {MiB, 2 * MiB},
                                                {MiB + 1, 20 * MiB},
                                                {10 * MiB - 512, 20 * MiB},
                                                {10 * MiB, 10 * MiB},
                                                {33 * MiB, 34 * MiB}}));
  Block* b = f.allocator.allocate(bytes);
  CHECK(f.source.held == segment);
  CHECK(f.allocator.stats().reserved == segment);
  f.allocator.free(b);
  CHECK(f.source.held == segment);
  f.allocator.empty_cache();
  CHECK(f.source.held == 0);
}

TEST_CASE("large CPU requests are rounded to a sixteenth of their power of two") {
  Fake f(CachingConfig::cpu(SIZE_MAX));
  const auto [bytes, rounded] =
      GENERATE(table<std::size_t, std::size_t>({{MiB + 1, MiB + 64 * KiB},
                                                {2 * MiB, 2 * MiB},
                                                {3 * MiB + 1, 3 * MiB + 128 * KiB},
                                                {10 * MiB + 1, 10 * MiB + 512 * KiB},
                                                {100 * MiB + 1, 102 * MiB}}));
  Block* b = f.allocator.allocate(bytes);
  CHECK(CachingAllocator::size(b) == rounded);
  f.allocator.free(b);
}

TEST_CASE("mid-sized CPU requests have four classes a doubling and share slabs") {
  Fake f(CachingConfig::cpu(SIZE_MAX));
  const auto [bytes, rounded] = GENERATE(table<std::size_t, std::size_t>({{4097, 5 * KiB},
                                                                          {8 * KiB, 8 * KiB},
                                                                          {8 * KiB + 1, 10 * KiB},
                                                                          {700 * KiB, 768 * KiB},
                                                                          {MiB, MiB}}));
  Block* a = f.allocator.allocate(bytes);
  Block* b = f.allocator.allocate(bytes);
  CHECK(CachingAllocator::size(a) == rounded);
  CHECK(static_cast<char*>(f.data(b)) - static_cast<char*>(f.data(a)) ==
        static_cast<std::ptrdiff_t>(rounded));
  CHECK(reinterpret_cast<std::uintptr_t>(f.data(b)) % 64 == 0);
  CHECK(f.source.calls == 1);
  f.allocator.free(a);
  f.allocator.free(b);
}

TEST_CASE("a freed block is handed out again without asking the source") {
  Fake f(GENERATE(CachingConfig::cuda(), CachingConfig::cpu(SIZE_MAX)));
  const std::size_t bytes = GENERATE(5 * KiB, 300 * KiB, 3 * MiB, 40 * MiB);
  Block* a = f.allocator.allocate(bytes);
  void* const data = f.data(a);
  f.allocator.free(a);
  Block* b = f.allocator.allocate(bytes);
  CHECK(f.data(b) == data);
  CHECK(f.source.calls == 1);
  f.allocator.free(b);
}

TEST_CASE("the smallest free block that fits is taken") {
  Fake f;
  std::vector<Block*> keep, holes;
  for (std::size_t size : {6, 3, 5, 4}) {
    holes.push_back(f.allocator.allocate(size * MiB));
    keep.push_back(f.allocator.allocate(2 * MiB));
  }
  void* const wanted = f.data(holes[3]);
  for (Block* b : holes) f.allocator.free(b);
  Block* b = f.allocator.allocate(3 * MiB + 512 * KiB);
  CHECK(f.data(b) == wanted);
  f.allocator.free(b);
  for (Block* k : keep) f.allocator.free(k);
  check_consistent(f.allocator);
}

TEST_CASE("free neighbours merge in whatever order they are freed") {
  std::vector<int> order{0, 1, 2, 3};
  do {
    Fake f;
    std::vector<Block*> blocks;
    for (int i = 0; i < 4; ++i) blocks.push_back(f.allocator.allocate(5 * MiB));
    REQUIRE(f.source.calls == 1);
    for (int i : order) f.allocator.free(blocks[static_cast<std::size_t>(i)]);
    const auto snapshot = f.allocator.snapshot();
    REQUIRE(snapshot.size() == 1);
    CHECK(snapshot[0].bytes == 20 * MiB);
    CHECK(snapshot[0].state == BlockState::Cached);
  } while (std::next_permutation(order.begin(), order.end()));
}

TEST_CASE("a slab that falls empty is merged back when another has room") {
  Fake f(CachingConfig::cpu(SIZE_MAX));
  std::vector<Block*> blocks;
  for (int i = 0; i < 1000; ++i) blocks.push_back(f.allocator.allocate(64 * KiB));
  CHECK(f.allocator.stats().reserved == 64 * MiB);
  for (Block* b : blocks) f.allocator.free(b);
  check_consistent(f.allocator, MiB);
  Block* large = f.allocator.allocate(30 * MiB);
  CHECK(f.allocator.stats().reserved == 64 * MiB);
  f.allocator.free(large);
  f.allocator.empty_cache();
  CHECK(f.source.held == 0);
}

TEST_CASE("empty segments beyond the cap go back, the longest empty first") {
  Log log;
  FakeSource source(SIZE_MAX, &log);
  CachingAllocator a(kCPU, CachingConfig::cpu(100 * MiB), source);
  Block* first = a.allocate(40 * MiB);
  Block* second = a.allocate(48 * MiB);
  Block* third = a.allocate(64 * MiB);
  log.clear();
  a.free(second);
  a.free(first);
  CHECK(log.empty());
  a.free(third);
  CHECK(log == Log{"free 49152", "free 40960"});  // the second one alone is not enough: 104 MiB
  CHECK(a.stats().cached() == 64 * MiB);
}

TEST_CASE("the ladder: trim just enough, then everything, then OutOfMemory") {
  Fake f(CachingConfig::cuda(), 100 * MiB);
  Block* a = f.allocator.allocate(40 * MiB);
  Block* b = f.allocator.allocate(20 * MiB);
  Block* c = f.allocator.allocate(30 * MiB);
  f.allocator.free(a);
  f.allocator.free(b);
  f.log.clear();

  SECTION("enough is one empty segment") {
    Block* d = f.allocator.allocate(44 * MiB);
    CHECK(f.log == Log{"refuse 45056", "free 40960", "free 20480", "allocate 45056"});
    f.allocator.free(d);
  }
  SECTION("the oldest one alone") {
    Block* d = f.allocator.allocate(30 * MiB);  // fits into the cached 40
    Block* e = f.allocator.allocate(20 * MiB);  // into the cached 20
    f.allocator.free(e);
    f.log.clear();
    Block* g = f.allocator.allocate(24 * MiB);
    CHECK(f.log == Log{"refuse 24576", "free 20480", "allocate 24576"});
    f.allocator.free(d);
    f.allocator.free(g);
  }
  SECTION("nothing helps") {
    CHECK_THROWS_AS(f.allocator.allocate(80 * MiB), OutOfMemory);
    CHECK(f.log == Log{"refuse 81920", "free 40960", "free 20480", "refuse 81920", "refuse 81920"});
    CHECK(f.allocator.stats().in_use == 30 * MiB);
    CHECK(f.allocator.stats().reserved == 30 * MiB);
    CHECK(f.allocator.stats().failures == 1);
    Block* d = f.allocator.allocate(60 * MiB);
    f.allocator.free(d);
  }
  f.allocator.free(c);
  check_consistent(f.allocator);
}

TEST_CASE("the last step asks for the smallest segment that will do") {
  Fake f(CachingConfig::cuda(), 8 * MiB);
  Block* b = f.allocator.allocate(3 * MiB);
  CHECK(f.source.held == 4 * MiB);
  f.allocator.free(b);
}

TEST_CASE("a slab is as small as one piece when the source has no more") {
  Fake f(CachingConfig::cpu(SIZE_MAX), 2 * MiB);
  Block* a = f.allocator.allocate(MiB);
  CHECK(f.source.held == 2 * MiB);
  Block* b = f.allocator.allocate(MiB);
  CHECK_THROWS_AS(f.allocator.allocate(MiB), OutOfMemory);
  f.allocator.free(a);
  f.allocator.free(b);
}

TEST_CASE("a fault at every call of the source changes nothing, and the next try works") {
  const auto config = GENERATE(CachingConfig::cuda(), CachingConfig::cpu(SIZE_MAX));
  const std::vector<std::size_t> sizes{100, 5 * KiB, 2 * MiB, 700 * KiB, 12 * MiB, 64 * MiB};
  for (int fault = 1; fault <= 6; ++fault) {
    Fake f(config);
    std::vector<Block*> blocks;
    for (int i = 0; i < 5; ++i) f.source.fail_calls.insert(fault + i);
    for (std::size_t bytes : sizes) {
      const MemoryStats before = f.allocator.stats();
      Block* b = nullptr;
      while (!b) {
        try {
          b = f.allocator.allocate(bytes);
        } catch (const OutOfMemory& e) {
          CHECK(e.requested == bytes);
          CHECK(f.allocator.stats().in_use == before.in_use);
          CHECK(f.allocator.stats().allocs == before.allocs);
          check_consistent(f.allocator, config.slab_limit);
        }
      }
      blocks.push_back(b);
    }
    for (Block* b : blocks) f.allocator.free(b);
    f.allocator.empty_cache();
    CHECK(f.source.held == 0);
  }
}

TEST_CASE("the limit bounds what is in use, and what is cached gives way") {
  Fake f(CachingConfig::cpu(SIZE_MAX));
  f.allocator.set_limit(100 * MiB);
  Block* a = f.allocator.allocate(60 * MiB);
  CHECK_THROWS_AS(f.allocator.allocate(41 * MiB), OutOfMemory);
  Block* b = f.allocator.allocate(40 * MiB);
  CHECK_THROWS_AS(f.allocator.allocate(1), OutOfMemory);
  f.allocator.free(a);
  Block* c = f.allocator.allocate(32 * MiB);  // a part of the cached 60
  f.allocator.free(b);
  f.allocator.free(c);
  Block* d = f.allocator.allocate(90 * MiB);  // neither of the cached ones
  CHECK(f.source.held == 90 * MiB);
  f.allocator.free(d);
  f.allocator.set_limit(50 * MiB);
  CHECK(f.source.held == 0);
  f.allocator.set_limit(0);
  f.allocator.free(f.allocator.allocate(200 * MiB));
}

TEST_CASE("a limit on a GPU bounds what is held, cached memory included") {
  Fake f;
  f.allocator.set_limit(30 * MiB);
  Block* a = f.allocator.allocate(2 * MiB);
  CHECK(f.source.held == 20 * MiB);
  CHECK_THROWS_AS(f.allocator.allocate(20 * MiB), OutOfMemory);
  Block* b = f.allocator.allocate(10 * MiB);
  f.allocator.free(a);
  f.allocator.free(b);
}

TEST_CASE("OutOfMemory tells the figures") {
  Fake f(CachingConfig::cpu(SIZE_MAX));
  f.allocator.set_limit(64 * MiB);
  Block* a = f.allocator.allocate(40 * MiB);
  try {
    (void)f.allocator.allocate(32 * MiB);
    FAIL("no exception");
  } catch (const OutOfMemory& e) {
    CHECK(std::string(e.what()) ==
          "[allocate] out of memory on cpu: got a request for 32.0 MiB, expected at most 24.0 MiB "
          "(in use 40.0 MiB, cached 0 B, limit 64.0 MiB)");
    CHECK(e.requested == 32 * MiB);
    CHECK(e.in_use == 40 * MiB);
    CHECK(e.cached == 0);
    CHECK(e.limit == 64 * MiB);
  }
  f.allocator.free(a);
}

TEST_CASE("sizes near the end of the address space are refused, not wrapped") {
  Fake f(GENERATE(CachingConfig::cuda(), CachingConfig::cpu(SIZE_MAX)));
  f.allocator.set_limit(GENERATE(std::size_t{0}, GiB));
  for (std::size_t bytes : {SIZE_MAX, SIZE_MAX - 511, SIZE_MAX / 2 + 1, std::size_t{1} << 48})
    CHECK_THROWS_AS(f.allocator.allocate(bytes + 1 == 0 ? bytes : bytes + 1), OutOfMemory);
  CHECK(f.source.calls == 0);
}

TEST_CASE("statistics are exact") {
  Fake f(CachingConfig::cpu(SIZE_MAX));
  Block* a = f.allocator.allocate(20 * MiB);
  Block* b = f.allocator.allocate(5 * KiB);
  f.allocator.free(a);
  Block* c = f.allocator.allocate(8 * MiB);
  const MemoryStats s = f.allocator.stats();
  CHECK(s.in_use == 8 * MiB + 5 * KiB);
  CHECK(s.peak_in_use == 20 * MiB + 5 * KiB);
  CHECK(s.reserved == 52 * MiB);  // 20 of its own, 32 shared
  CHECK(s.peak_reserved == 52 * MiB);
  CHECK(s.cached() == 44 * MiB - 5 * KiB);
  CHECK(s.allocs == 3);
  CHECK(s.frees == 1);
  CHECK(s.source_allocs == 2);
  CHECK(s.source_frees == 0);
  f.allocator.reset_peak();
  CHECK(f.allocator.stats().peak_in_use == 8 * MiB + 5 * KiB);
  f.allocator.free(b);
  f.allocator.free(c);
}

TEST_CASE("a snapshot shows each block with what was asked for") {
  Fake f;
  Block* a = f.allocator.allocate(1000);
  Block* b = f.allocator.allocate(3000);
  const auto blocks = f.allocator.snapshot();
  REQUIRE(blocks.size() == 3);
  CHECK(blocks[0].data == f.data(a));
  CHECK(blocks[0].bytes == 1024);
  CHECK(blocks[0].requested == 1000);
  CHECK(blocks[1].data == f.data(b));
  CHECK(blocks[2].state == BlockState::Cached);
  CHECK(blocks[2].requested == 0);
  CHECK(blocks[2].segment_bytes == 2 * MiB);
  f.allocator.free(a);
  f.allocator.free(b);
}

TEST_CASE("in pass-through mode each request is a piece of its own and goes back at once") {
  Fake f;
  Block* cached = f.allocator.allocate(1000);
  f.allocator.set_passthrough(true);
  f.log.clear();
  Block* a = f.allocator.allocate(3 * KiB);
  Block* b = f.allocator.allocate(64 * MiB);
  f.allocator.free(a);
  f.allocator.free(b);
  CHECK(f.log == Log{"allocate 3", "allocate 65536", "free 3", "free 65536"});
  f.allocator.set_passthrough(false);
  f.allocator.free(cached);
  CHECK(f.allocator.stats().in_use == 0);
  CHECK(f.allocator.stats().reserved == 2 * MiB);
}

TEST_CASE("a source that breaks says so itself, and nothing has changed") {
  Fake f;
  CachingAllocator::Block* a = f.allocator.allocate(3 * MiB);
  f.source.broken = true;
  CHECK_THROWS_AS(f.allocator.allocate(40 * MiB), DeviceError);
  check_consistent(f.allocator);
  CHECK(f.allocator.stats().in_use == 3 * MiB);
  f.source.broken = false;
  f.allocator.free(f.allocator.allocate(40 * MiB));
  f.allocator.free(a);
}
