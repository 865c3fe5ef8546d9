#include <time.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <numeric>
#include <stdexcept>
#include <thread>
#include <vector>

#include <weft/core/context.h>
#include <weft/core/error.h>
#include <weft/core/threads.h>
#include <weft/tests/catch.h>
#include <weft/tests/memory/child.h>

using namespace weft;

namespace {

struct Threads {
  explicit Threads(int n) : before(get_num_threads()) { set_num_threads(n); }
  ~Threads() { set_num_threads(before); }
  int before;
};

double cpu_seconds() {
  timespec t{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

}  // namespace

TEST_CASE("every element is visited once, whatever the threads and the grain") {
  const Threads threads(GENERATE(1, 2, 3, 4));
  const Index begin = GENERATE(Index{0}, Index{-7}, Index{5}),
              length = GENERATE(0, 1, 2, 7, 100, 1001);
  for (Index grain : {0, 1, 3, 64, 5000}) {
    std::vector<int> seen(static_cast<std::size_t>(length));
    std::atomic<int> calls{0};
    parallel_for(begin, begin + length, grain, [&](Index b, Index e) {
      ++calls;
      for (Index i = b; i < e; ++i) ++seen[static_cast<std::size_t>(i - begin)];
    });
    CHECK(std::accumulate(seen.begin(), seen.end(), 0) == length);
    CHECK(std::all_of(seen.begin(), seen.end(), [](int n) { return n == 1; }));
    CHECK(calls <= get_num_threads());
    if (length > 0 && length <= grain) CHECK(calls == 1);
  }
}

TEST_CASE("an empty or reversed range calls nothing") {
  bool called = false;
  parallel_for(5, 5, 1, [&](Index, Index) { called = true; });
  parallel_for(5, 3, 1, [&](Index, Index) { called = true; });
  CHECK_FALSE(called);
}

TEST_CASE("small work stays in the calling thread, larger work is shared") {
  const Threads threads(2);
  const auto ids = [](Index n, Index grain) {
    std::vector<std::thread::id> id(static_cast<std::size_t>(n));
    parallel_for(0, n, grain, [&](Index b, Index e) {
      for (Index i = b; i < e; ++i) id[static_cast<std::size_t>(i)] = std::this_thread::get_id();
    });
    return id;
  };
  const auto small = ids(100, 100);
  CHECK(std::all_of(small.begin(), small.end(),
                    [](auto id) { return id == std::this_thread::get_id(); }));
  const auto large = ids(101, 100);
  CHECK(large.front() != large.back());
}

TEST_CASE("a parallel region within another runs in its thread") {
  const Threads threads(2);
  std::atomic<int> sum{0};
  std::atomic<bool> same{true};
  parallel_for(0, 8, 1, [&](Index b, Index e) {
    const auto outer = std::this_thread::get_id();
    for (Index i = b; i < e; ++i) {
      parallel_for(0, 1000, 1, [&](Index b2, Index e2) {
        if (std::this_thread::get_id() != outer) same = false;
        sum += static_cast<int>(e2 - b2);
      });
    }
  });
  CHECK(sum == 8000);
  CHECK(same);
}

TEST_CASE("an exception reaches the caller, and the next region works") {
  const Threads threads(GENERATE(1, 2, 4));
  const auto thrower = [](Index b, Index e) {
    if (b <= 70 && 70 < e) throw std::runtime_error("seventy");
  };
  CHECK_THROWS_WITH(parallel_for(0, 100, 1, thrower), "seventy");
  CHECK_THROWS_WITH(parallel_for(0, 100, 1, [](Index, Index) { throw std::runtime_error("all"); }),
                    "all");
  std::atomic<Index> sum{0};
  parallel_for(0, 100, 1, [&](Index b, Index e) { sum += e - b; });
  CHECK(sum == 100);
}

TEST_CASE("a body may keep its state") {
  struct Body {
    std::atomic<Index> count{0};
    void operator()(Index b, Index e) { count += e - b; }
  } body;
  parallel_for(0, 1000, 10, body);
  CHECK(body.count == 1000);
}

TEST_CASE("several threads may open regions at once", "[threads]") {
  const Threads threads(2);
  std::vector<std::thread> users;
  std::atomic<Index> sum{0};
  for (int t = 0; t < 3; ++t) {
    users.emplace_back([&] {
      for (int i = 0; i < 50; ++i) {
        std::vector<Index> part(100);
        parallel_for(0, 100, 10, [&](Index b, Index e) {
          for (Index k = b; k < e; ++k) part[static_cast<std::size_t>(k)] = k;
        });
        sum += std::accumulate(part.begin(), part.end(), Index{0});
      }
    });
  }
  for (std::thread& t : users) t.join();
  CHECK(sum == 3 * 50 * 4950);
}

TEST_CASE("the number of threads is checked before it is changed") {
  const int before = get_num_threads();
  CHECK(before >= 1);
  for (int n : {0, -1, 1025})
    CHECK_THROWS_MATCHES(
        set_num_threads(n), ValueError,
        Catch::Matchers::MessageMatches(Catch::Matchers::ContainsSubstring("expected 1 to 1024")));
  CHECK(get_num_threads() == before);
}

TEST_CASE("nothing spins when idle") {
  const Threads threads(2);
  std::atomic<Index> sum{0};
  for (int i = 0; i < 100; ++i) parallel_for(0, 100000, 1, [&](Index b, Index e) { sum += e - b; });
  // libgomp's workers look for more work for a while before they sleep.
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  const double before = cpu_seconds();
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  CHECK(cpu_seconds() - before < 0.03);
  CHECK(sum == 100 * 100000);
}

TEST_CASE("child: three threads", "[.child]") { CHECK(get_num_threads() == 3); }

TEST_CASE("the environment sets the number of threads") {
  using test::run_child;
  CHECK(run_child("WEFT_NUM_THREADS=3 OMP_NUM_THREADS=5", "child: three threads").status == 0);
  CHECK(run_child("OMP_NUM_THREADS=3", "child: three threads").status == 0);
  CHECK(run_child("WEFT_NUM_THREADS=nonsense OMP_NUM_THREADS=3", "child: three threads").status ==
        0);
  CHECK(run_child("WEFT_NUM_THREADS=4 OMP_NUM_THREADS=3", "child: three threads").status != 0);
}

TEST_CASE("deterministic algorithms are off until asked for") {
  CHECK_FALSE(deterministic_algorithms());
  use_deterministic_algorithms(true);
  CHECK(deterministic_algorithms());
  use_deterministic_algorithms(false);
  CHECK_FALSE(deterministic_algorithms());
}
