#include <weft/cuda/grid.h>
#include <weft/tests/catch.h>

using namespace weft;
using namespace weft::cuda;

TEST_CASE("a grid covers every element once, with no more blocks than the device holds") {
  for (const int multiprocessors : {1, 2, 132}) {
    for (const Index n : {1, 255, 256, 257, 100'000, 5'000'011}) {
      for (const int threads : {32, kThreads}) {
        const Grid grid = grid_for(n, multiprocessors, threads);
        INFO(n << " elements, " << multiprocessors << " multiprocessors, " << threads
               << " threads");
        CHECK(grid.threads == threads);
        CHECK(grid.blocks >= 1);
        CHECK(grid.blocks <= Index{multiprocessors} * kBlocksPerMultiprocessor);
        CHECK((grid.blocks - 1) * threads < n);  // no block without work
        if (n > 100'000) continue;
        std::vector<int> visits(static_cast<std::size_t>(n));
        const auto visit = [&](Index i) { ++visits[static_cast<std::size_t>(i)]; };
        const Index step = grid.blocks * grid.threads;
        for (Index t = 0; t < step; ++t) run_thread(visit, n, t, step);
        CHECK(visits == std::vector<int>(static_cast<std::size_t>(n), 1));
      }
    }
  }
}

TEST_CASE("grids are wide enough for more elements than 32 bits count") {
  const Grid grid = grid_for(Index{5} << 32, 132);
  CHECK(grid.blocks == 132 * kBlocksPerMultiprocessor);
  CHECK(grid_for(Index{1} << 40, 1 << 20).blocks <= INT32_MAX);  // CUDA's limit
}

TEST_CASE("a reduction's lanes are a power of two that each have work") {
  for (Index n = 1; n < 3000; ++n) {
    const int lanes = lanes_for(n);
    CHECK((lanes & (lanes - 1)) == 0);
    CHECK(lanes <= kThreads);
    CHECK((lanes == 1 || lanes < n));
  }
  CHECK(lanes_for(Index{1} << 40) == kThreads);
}
