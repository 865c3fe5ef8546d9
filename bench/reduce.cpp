#include <atomic>
#include <cstdint>

#include <benchmark/benchmark.h>

#include <weft/weft.h>

// Reductions over 64 MB beside a loop that only reads as much.
namespace {

using namespace weft;

constexpr Index kElements = Index{16} << 20;

// Reads every byte, with the threads that the library uses.
std::uint64_t read_all(const std::uint64_t* words, Index n) {
  std::atomic<std::uint64_t> total{0};
  parallel_for(0, n, 1 << 16, [&](Index b, Index e) {
    std::uint64_t sum[16] = {};
    for (Index i = b; i + 16 <= e; i += 16) {
      for (int k = 0; k < 16; ++k) sum[k] ^= words[i + k];
    }
    for (std::uint64_t s : sum) total ^= s;
  });
  return total;
}

void bytes(benchmark::State& state) {
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations()) * kElements * 4);
}

void read(benchmark::State& state) {
  const Tensor x = ones({kElements});
  for (auto _ : state)
    benchmark::DoNotOptimize(read_all(static_cast<const std::uint64_t*>(x.data()), kElements / 2));
  bytes(state);
}

void sum(benchmark::State& state) {
  const Tensor x = ones({kElements});
  for (auto _ : state) benchmark::DoNotOptimize(x.sum());
  bytes(state);
}

void sum_of_rows(benchmark::State& state) {
  const Tensor x = ones({kElements / 1024, 1024});
  for (auto _ : state) benchmark::DoNotOptimize(x.sum(1));
  bytes(state);
}

void sum_of_columns(benchmark::State& state) {
  const Tensor x = ones({kElements / 1024, 1024});
  for (auto _ : state) benchmark::DoNotOptimize(x.sum(0));
  bytes(state);
}

void largest(benchmark::State& state) {
  const Tensor x = ones({kElements});
  for (auto _ : state) benchmark::DoNotOptimize(x.amax());
  bytes(state);
}

void softmax_of_rows(benchmark::State& state) {
  const Tensor x = randn({kElements / 1024, 1024});
  for (auto _ : state) benchmark::DoNotOptimize(x.softmax(1));
  bytes(state);
}

void small_sum(benchmark::State& state) {
  const Tensor x = ones({16});
  for (auto _ : state) benchmark::DoNotOptimize(x.sum());
}

BENCHMARK(read)->UseRealTime();
BENCHMARK(sum)->UseRealTime();
BENCHMARK(sum_of_rows)->UseRealTime();
BENCHMARK(sum_of_columns)->UseRealTime();
BENCHMARK(largest)->UseRealTime();
BENCHMARK(softmax_of_rows)->UseRealTime();
BENCHMARK(small_sum);

}  // namespace

BENCHMARK_MAIN();
