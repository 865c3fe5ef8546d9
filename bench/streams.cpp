#include <atomic>
#include <cstdint>
#include <cstring>

#include <benchmark/benchmark.h>

#include <weft/weft.h>

// Work over 64 MB that memory bounds, beside loops that only copy or read as much with the threads
// that the library uses. Bytes per second count what is read and what is written.
namespace {

using namespace weft;

constexpr Index kElements = Index{16} << 20;
constexpr Index kBytes = kElements * 4;

using Words [[gnu::vector_size(32)]] = std::uint64_t;

// Reads every byte.
std::uint64_t read_all(const Words* words, Index n) {
  std::atomic<std::uint64_t> total{0};
  parallel_for(0, n, 1 << 14, [&](Index b, Index e) {
    Words sum[4] = {};
    for (Index i = b; i + 4 <= e; i += 4) {
      for (int k = 0; k < 4; ++k) sum[k] ^= words[i + k];
    }
    total ^= (sum[0] ^ sum[1] ^ sum[2] ^ sum[3])[0];
  });
  return total;
}

void bytes(benchmark::State& state, Index each) {
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations()) * each);
}

void measure(benchmark::State& state, Index streams, auto&& f) {
  for (auto _ : state) benchmark::DoNotOptimize(f());
  bytes(state, streams * kBytes);
}

void read(benchmark::State& state) {
  const Tensor x = ones({kElements});
  const auto* words = static_cast<const Words*>(x.data());
  measure(state, 1, [&] { return read_all(words, kElements / 8); });
}

void copy(benchmark::State& state) {
  const Tensor x = ones({kElements}), y = ones({kElements});
  const auto* from = static_cast<const std::byte*>(x.data());
  auto* to = static_cast<std::byte*>(y.data());
  measure(state, 2, [&] {
    parallel_for(0, kBytes, 1 << 16, [&](Index b, Index e) {
      std::memcpy(to + b, from + b, static_cast<std::size_t>(e - b));
    });
    return to;
  });
}

Tensor numbers() { return randn({kElements}); }
Tensor rows() { return randn({kElements / 1024, 1024}); }

void add(benchmark::State& state) {
  const Tensor x = numbers(), y = numbers();
  measure(state, 3, [&] { return x + y; });
}
void relu(benchmark::State& state) {
  const Tensor x = numbers();
  measure(state, 2, [&] { return weft::relu(x); });
}
void exp(benchmark::State& state) {
  const Tensor x = numbers();
  measure(state, 2, [&] { return weft::exp(x); });
}
void sum(benchmark::State& state) {
  const Tensor x = numbers();
  measure(state, 1, [&] { return x.sum(); });
}
void sum_of_rows(benchmark::State& state) {
  const Tensor x = rows();
  measure(state, 1, [&] { return x.sum(1); });
}
void sum_of_columns(benchmark::State& state) {
  const Tensor x = rows();
  measure(state, 1, [&] { return x.sum(0); });
}
void largest(benchmark::State& state) {
  const Tensor x = numbers();
  measure(state, 1, [&] { return x.amax(); });
}
void softmax_of_rows(benchmark::State& state) {
  const Tensor x = rows();
  measure(state, 2, [&] { return x.softmax(1); });
}

BENCHMARK(read)->UseRealTime();
BENCHMARK(copy)->UseRealTime();
BENCHMARK(add)->UseRealTime();
BENCHMARK(relu)->UseRealTime();
BENCHMARK(exp)->UseRealTime();
BENCHMARK(sum)->UseRealTime();
BENCHMARK(sum_of_rows)->UseRealTime();
BENCHMARK(sum_of_columns)->UseRealTime();
BENCHMARK(largest)->UseRealTime();
BENCHMARK(softmax_of_rows)->UseRealTime();

}  // namespace

BENCHMARK_MAIN();
