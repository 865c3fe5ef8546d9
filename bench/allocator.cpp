// What a buffer costs: a pair of allocate and deallocate, beside malloc and free of the same size.
// "Touched" writes one byte a page, as an operation that fills its output does.
#include <cstdlib>

#include <benchmark/benchmark.h>

#include <weft/core/allocator.h>

namespace {

constexpr std::size_t kPage = 4096;

void touch(void* data, std::size_t bytes) {
  for (std::size_t i = 0; i < bytes; i += kPage) static_cast<volatile char*>(data)[i] = 1;
}

std::size_t size_of(const benchmark::State& state) {
  return static_cast<std::size_t>(state.range(0));
}

void weft_header(benchmark::State& state) {
  const std::size_t bytes = size_of(state);
  for (auto _ : state) {
    void* data = weft::small_alloc(bytes);
    benchmark::DoNotOptimize(data);
    weft::small_free(data, bytes);
  }
}

void weft_data(benchmark::State& state) {
  const std::size_t bytes = size_of(state);
  for (auto _ : state) {
    weft::Allocation a = weft::allocate(weft::kCPU, bytes);
    benchmark::DoNotOptimize(a.data);
    weft::deallocate(weft::kCPU, a);
  }
}

void malloc_data(benchmark::State& state) {
  const std::size_t bytes = size_of(state);
  for (auto _ : state) {
    void* data = std::malloc(bytes);
    benchmark::DoNotOptimize(data);
    std::free(data);
  }
}

void weft_touched(benchmark::State& state) {
  const std::size_t bytes = size_of(state);
  for (auto _ : state) {
    const weft::Allocation a = weft::allocate(weft::kCPU, bytes);
    touch(a.data, bytes);
    weft::deallocate(weft::kCPU, a);
  }
}

void weft_touched_fresh(benchmark::State& state) {
  const std::size_t bytes = size_of(state);
  for (auto _ : state) {
    const weft::Allocation a = weft::allocate(weft::kCPU, bytes);
    touch(a.data, bytes);
    weft::deallocate(weft::kCPU, a);
    weft::empty_cache();
  }
}

void malloc_touched(benchmark::State& state) {
  const std::size_t bytes = size_of(state);
  for (auto _ : state) {
    void* data = std::malloc(bytes);
    touch(data, bytes);
    std::free(data);
  }
}

void sizes(benchmark::internal::Benchmark* b) { b->Arg(64)->Arg(1 << 16)->Arg(1 << 25); }

BENCHMARK(weft_header)->Arg(64)->Arg(208);
BENCHMARK(weft_data)->Apply(sizes);
BENCHMARK(malloc_data)->Apply(sizes);
BENCHMARK(weft_data)->Arg(64)->Arg(1 << 16)->Threads(2);
BENCHMARK(malloc_data)->Arg(64)->Arg(1 << 16)->Threads(2);
BENCHMARK(weft_touched)->Arg(1 << 16)->Arg(1 << 25);
BENCHMARK(weft_touched_fresh)->Arg(1 << 25);
BENCHMARK(malloc_touched)->Arg(1 << 16)->Arg(1 << 25);

}  // namespace

BENCHMARK_MAIN();
