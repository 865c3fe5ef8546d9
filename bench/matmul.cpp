
#include <benchmark/benchmark.h>

#include <weft/cpu/dnnl/api.h>
#include <weft/cpu/dnnl/matmul.h>
#include <weft/weft.h>

// Products of square matrices: Weft's operator beside oneDNN called with a cached primitive on warm
// memory. Where oneDNN has no bf16 code worth the name it is given f32.
namespace {

using namespace weft;

Tensor square_matrix(benchmark::State& state, DType dtype) {
  const Index n = state.range(0);
  return randn({1, n, n}).to(dtype);
}

void operations(benchmark::State& state) {
  const double n = static_cast<double>(state.range(0));
  state.counters["FLOP/s"] =
      benchmark::Counter(2 * n * n * n, benchmark::Counter::kIsIterationInvariantRate);
}

void weft_matmul(benchmark::State& state, DType dtype) {
  const Tensor a = square_matrix(state, dtype)[0], b = square_matrix(state, dtype)[0];
  for (auto _ : state) benchmark::DoNotOptimize(a.matmul(b));
  operations(state);
}

void onednn_matmul(benchmark::State& state, DType dtype) {
  const DType given = cpu::dnnl::has_fast_bf16() ? dtype : DType::F32;
  const Tensor a = square_matrix(state, given), b = square_matrix(state, given);
  const Tensor out = empty_like(a);
  for (auto _ : state) {
    cpu::dnnl::matmul(out.view(), a.view(), b.view(), View{}, 0, false);
    benchmark::ClobberMemory();
  }
  operations(state);
}

void sizes(benchmark::internal::Benchmark* b) {
  b->Arg(512)->Arg(1024)->Arg(2048)->UseRealTime()->Unit(benchmark::kMillisecond);
}
BENCHMARK_CAPTURE(weft_matmul, f32, f32)->Apply(sizes);
BENCHMARK_CAPTURE(onednn_matmul, f32, f32)->Apply(sizes);
BENCHMARK_CAPTURE(weft_matmul, bf16, bf16)->Apply(sizes);
BENCHMARK_CAPTURE(onednn_matmul, bf16, bf16)->Apply(sizes);

}  // namespace

BENCHMARK_MAIN();
