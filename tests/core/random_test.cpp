#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <map>
#include <set>
#include <thread>
#include <vector>

#include <weft/core/allocator.h>
#include <weft/core/random.h>
#include <weft/tests/catch.h>

namespace weft {
namespace {

// The known answers of the Random123 distribution (kat_vectors, philox4x32 10).
static_assert(philox({{0, 0, 0, 0}}, 0) ==
              PhiloxBlock{{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}});

TEST_CASE("Philox gives the published answers", "[random]") {
  const std::uint32_t ones = 0xffffffff;
  CHECK(philox({{ones, ones, ones, ones}}, ~std::uint64_t{0}) ==
        PhiloxBlock{{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}});
  CHECK(philox({{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}}, 0x299f31d0a4093822) ==
        PhiloxBlock{{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}});
}

TEST_CASE("philox_block puts seed, block and plane where the header says", "[random]") {
  CHECK(philox_block(5, 0x100000002, 3) == philox({{2, 1, 0, 3}}, 5));
  CHECK_FALSE(philox_block(5, 2) == philox_block(6, 2));
}

TEST_CASE("a generator hands out blocks without gap or overlap", "[random]") {
  Generator g(7);
  CHECK(g.next(1) == RandomKey{7, 0});
  CHECK(g.next(4) == RandomKey{7, 1});
  CHECK(g.next(5) == RandomKey{7, 2});
  CHECK(g.next(0) == RandomKey{7, 4});
  CHECK(g.next(-3) == RandomKey{7, 4});
  CHECK(g.next(std::int64_t{1} << 40) == RandomKey{7, 4});
  CHECK(g.state() == RandomKey{7, 4 + (std::uint64_t{1} << 38)});
}

TEST_CASE("the state of a generator is saved and restored", "[random]") {
  Generator g(7);
  g.next(100);
  const RandomKey saved = g.state();
  const RandomKey drawn = g.next(10);
  Generator other;
  other.set_state(saved);
  CHECK(other.next(10) == drawn);
  Generator copy = g;
  CHECK(copy.next(3) == g.next(3));
  g.manual_seed(9);
  CHECK(g.state() == RandomKey{9, 0});
  CHECK(g.initial_seed() == 9);
}

TEST_CASE("seeding from the system differs from time to time", "[random]") {
  Generator g;
  const std::uint64_t first = g.seed();
  CHECK(g.state() == RandomKey{first, 0});
  CHECK(g.seed() != first);
}

TEST_CASE("manual_seed seeds the default generator", "[random]") {
  manual_seed(3);
  default_generator().next(8);
  manual_seed(3);
  CHECK(default_generator().state() == RandomKey{3, 0});
}

TEST_CASE("threads that share a generator never get the same block", "[random]") {
  Generator g(1);
  constexpr int threads = 4, draws = 2000;
  std::vector<std::vector<std::uint64_t>> offsets(threads);
  std::vector<std::thread> pool;
  for (auto& mine : offsets) {
    pool.emplace_back([&g, &mine] {
      for (int i = 0; i < draws; ++i) mine.push_back(g.next(8).offset);
    });
  }
  for (auto& t : pool) t.join();
  std::set<std::uint64_t> seen;
  for (const auto& mine : offsets) seen.insert(mine.begin(), mine.end());
  CHECK(seen.size() == threads * draws);
  CHECK(*seen.rbegin() == 2 * (threads * draws - 1));
}

TEST_CASE("a child forked while others draw can draw", "[random]") {
  memory_stats();  // the fork handlers come with the first use of memory
  Generator g(1);
  std::atomic<bool> done = false;
  std::thread drawing([&] {
    while (!done) g.next(1);
  });
  int failed = 0;
  for (int i = 0; i < 300; ++i) {
    const pid_t child = fork();
    if (child == 0) {
      alarm(2);  // a lock that stayed locked ends it
      g.next(1);
      _exit(0);
    }
    int status = 0;
    waitpid(child, &status, 0);
    failed += status != 0;
  }
  done = true;
  drawing.join();
  CHECK(failed == 0);
}

TEST_CASE("keys split into different keys, by the documented rule", "[random]") {
  constexpr Key key(42);
  const auto [a, b] = key.split();
  CHECK_FALSE(a == b);
  CHECK_FALSE(a == key);
  CHECK(a == key.fold(0));
  CHECK(b == key.fold(1));
  const PhiloxBlock block = philox({{1, 0, 0, 0xffffffff}}, 42);
  CHECK(b.value == (std::uint64_t{block.word[1]} << 32 | block.word[0]));
  std::set<std::uint64_t> seen;
  for (Key child : key.split<64>()) {
    for (Key grandchild : child.split<64>()) seen.insert(grandchild.value);
  }
  CHECK(seen.size() == 64 * 64);
}

TEST_CASE("a stream reads the words of its key in order", "[random]") {
  RandomStream stream(RandomKey{11, 5});
  for (std::uint64_t i = 0; i < 10; ++i) {
    CHECK(stream.next() == philox_block(11, 5 + i / 4).word[i % 4]);
  }
  std::vector<int> count(6);
  for (int i = 0; i < 60000; ++i) ++count.at(stream.below(6));
  double chi2 = 0;
  for (int c : count) chi2 += (c - 1e4) * (c - 1e4) / 1e4;
  CHECK(chi2 < 25.7);  // 5 degrees of freedom, p = 1e-4
  CHECK(stream.below(1) == 0);
}

TEST_CASE("a random permutation holds every number once and reaches every order", "[random]") {
  std::vector<std::int64_t> order(1001);
  random_permutation(order, {3, 0});
  const std::set<std::int64_t> seen(order.begin(), order.end());
  CHECK(seen.size() == 1001);
  CHECK(*seen.rbegin() == 1000);
  std::vector<std::int64_t> again(1001), other(1001);
  random_permutation(again, {3, 0});
  random_permutation(other, {3, 251});
  CHECK(again == order);
  CHECK(other != order);
  std::map<std::vector<std::int64_t>, int> count;
  for (std::uint64_t seed = 0; seed < 24000; ++seed) {
    std::vector<std::int64_t> four(4);
    random_permutation(four, {seed, 0});
    ++count[four];
  }
  double chi2 = 0;
  for (const auto& [_, c] : count) chi2 += (c - 1e3) * (c - 1e3) / 1e3;
  CHECK(count.size() == 24);
  CHECK(chi2 < 56.0);  // 23 degrees of freedom, p = 1e-4
}

}  // namespace
}  // namespace weft
