#include <weft/core/error.h>
#include <weft/tests/memory/fake_source.h>

// Streams, events and graph capture, as a GPU will use them.
using namespace weft;
using namespace weft::test;
using Block = CachingAllocator::Block;

TEST_CASE("a block is reused on its own stream at once, and never on another") {
  Fake f;
  Block* a = f.allocator.allocate(1000, stream(1));
  void* const data = f.data(a);
  f.allocator.free(a);
  Block* other = f.allocator.allocate(1000, stream(2));
  CHECK(f.data(other) != data);
  Block* same = f.allocator.allocate(1000, stream(1));
  CHECK(f.data(same) == data);
  CHECK(f.events.recorded() == 0);
  f.allocator.free(other);
  f.allocator.free(same);
}

TEST_CASE("a block that other streams used waits for all of them") {
  Fake f;
  Block* a = f.allocator.allocate(1000, stream(1));
  void* const data = f.data(a);
  f.allocator.record_stream(a, stream(1));  // its own: nothing to wait for
  f.allocator.record_stream(a, stream(2));
  f.allocator.record_stream(a, stream(3));
  f.allocator.record_stream(a, stream(2));
  f.allocator.free(a);
  CHECK(f.events.recorded() == 2);
  CHECK(f.allocator.stats().in_use == 0);
  CHECK(f.allocator.snapshot()[0].state == BlockState::Pending);

  Block* b = f.allocator.allocate(1000, stream(1));
  CHECK(f.data(b) != data);
  f.events.finish(stream(2));
  Block* c = f.allocator.allocate(1000, stream(1));
  CHECK(f.data(c) != data);
  f.events.finish(stream(3));
  Block* d = f.allocator.allocate(1000, stream(1));
  CHECK(f.data(d) == data);
  for (Block* x : {b, c, d}) f.allocator.free(x);
  check_consistent(f.allocator);
}

TEST_CASE("a block's uses end with its life") {
  Fake f;
  Block* a = f.allocator.allocate(1000, stream(1));
  f.allocator.record_stream(a, stream(2));
  f.allocator.free(a);
  f.events.finish(stream(2));
  Block* b = f.allocator.allocate(1000, stream(1));
  f.allocator.free(b);
  CHECK(f.events.recorded() == 1);
}

TEST_CASE("the ladder polls, looks again, and waits before it gives everything back") {
  Fake f(CachingConfig::cuda(), 60 * MiB);
  Block* a = f.allocator.allocate(40 * MiB, stream(1));
  f.allocator.record_stream(a, stream(2));
  f.allocator.free(a);
  f.log.clear();
  Block* b = f.allocator.allocate(40 * MiB, stream(1));
  // Polled when the request came and again when the source refused; then waited for, and found.
  CHECK(f.log == Log{"poll", "refuse 40960", "poll", "refuse 40960", "wait"});
  f.allocator.free(b);

  f.log.clear();
  Block* c = f.allocator.allocate(50 * MiB, stream(3));
  CHECK(f.log == Log{"refuse 51200", "free 40960", "allocate 51200"});
  f.allocator.free(c);
}

TEST_CASE("empty_cache waits for pending blocks and gives them back") {
  Fake f;
  Block* a = f.allocator.allocate(40 * MiB, stream(1));
  f.allocator.record_stream(a, stream(2));
  f.allocator.free(a);
  f.allocator.empty_cache();
  CHECK(f.source.held == 0);
  CHECK(f.events.live() == 0);
}

TEST_CASE("a private pool shares nothing with common memory") {
  Fake f;
  Block* common = f.allocator.allocate(12 * MiB, stream(1));
  f.allocator.free(common);
  const int pool = f.allocator.create_private_pool();
  f.allocator.begin_capture(stream(1), pool);
  Block* a = f.allocator.allocate(12 * MiB, stream(1));
  CHECK(f.source.held == 24 * MiB);
  Block* outside = f.allocator.allocate(12 * MiB, stream(2));  // not captured
  CHECK(f.source.held == 36 * MiB);
  f.allocator.free(a);
  Block* again = f.allocator.allocate(12 * MiB, stream(1));
  CHECK(again == a);
  f.allocator.end_capture(stream(1));

  f.allocator.free(again);
  f.allocator.free(outside);
  Block* after = f.allocator.allocate(12 * MiB, stream(1));
  CHECK(f.source.held == 36 * MiB);  // from the common cache
  f.allocator.free(after);
  f.allocator.empty_cache();
  CHECK(f.source.held == 12 * MiB);  // the graph may be replayed
  f.allocator.release_private_pool(pool);
  f.allocator.empty_cache();
  CHECK(f.source.held == 0);
}

TEST_CASE("a released private pool keeps its blocks until they are freed") {
  Fake f;
  const int pool = f.allocator.create_private_pool();
  f.allocator.begin_capture(stream(1), pool);
  Block* a = f.allocator.allocate(12 * MiB, stream(1));
  f.allocator.end_capture(stream(1));
  f.allocator.release_private_pool(pool);
  f.allocator.empty_cache();
  CHECK(f.source.held == 12 * MiB);
  CHECK(f.allocator.snapshot()[0].private_pool == pool);
  f.allocator.free(a);
  f.allocator.empty_cache();
  CHECK(f.source.held == 0);
}

TEST_CASE("no event is made or queried while a graph is captured") {
  Fake f;
  Block* before = f.allocator.allocate(1000, stream(2));
  f.allocator.record_stream(before, stream(3));
  f.allocator.free(before);
  Block* during = f.allocator.allocate(1000, stream(2));
  f.allocator.record_stream(during, stream(3));

  f.allocator.begin_capture(stream(1), f.allocator.create_private_pool());
  f.events.capturing = true;
  f.allocator.free(during);
  Block* a = f.allocator.allocate(1000, stream(1));
  Block* b = f.allocator.allocate(1000, stream(2));
  CHECK(f.data(b) != f.data(during));
  f.allocator.empty_cache();
  CHECK(f.events.recorded() == 1);
  f.events.capturing = false;
  f.allocator.end_capture(stream(1));

  CHECK(f.events.recorded() == 2);
  f.allocator.free(a);
  f.allocator.free(b);
}

TEST_CASE("capture is begun and ended in pairs, into a pool that exists") {
  Fake f;
  const int pool = f.allocator.create_private_pool();
  CHECK_THROWS_AS(f.allocator.begin_capture(stream(1), pool + 1), ValueError);
  CHECK_THROWS_AS(f.allocator.begin_capture(stream(1), 0), ValueError);
  CHECK_THROWS_AS(f.allocator.end_capture(stream(1)), ValueError);
  f.allocator.begin_capture(stream(1), pool);
  CHECK_THROWS_AS(f.allocator.begin_capture(stream(1), pool), ValueError);
  f.allocator.end_capture(stream(1));
  f.allocator.release_private_pool(pool);
  CHECK_THROWS_AS(f.allocator.begin_capture(stream(1), pool), ValueError);
}
