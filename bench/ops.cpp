#include <weft/weft.h>

#include <benchmark/benchmark.h>

// Nanoseconds of small operations; bench/peers/ops_libtorch.cpp measures the same of libtorch.
namespace {

using namespace weft;

void run(benchmark::State& state, auto&& f) {
  for (auto _ : state) f();
}

Tensor vector16(bool grad = false) { return ones({16}, Options(f32).requires_grad(grad)); }

void empty16(benchmark::State& s) {
  run(s, [] { benchmark::DoNotOptimize(empty({16})); });
}
void add(benchmark::State& s) {
  NoGradGuard no_grad;
  const Tensor a = vector16(), b = vector16();
  run(s, [&] { benchmark::DoNotOptimize(a + b); });
}
void add_scalar(benchmark::State& s) {
  const Tensor a = vector16();
  run(s, [&] { benchmark::DoNotOptimize(a + 2); });
}
void relu(benchmark::State& s) {
  const Tensor a = vector16();
  run(s, [&] { benchmark::DoNotOptimize(weft::relu(a)); });
}
void view(benchmark::State& s) {
  const Tensor a = vector16();
  run(s, [&] { benchmark::DoNotOptimize(a.view({4, 4})); });
}
void sum(benchmark::State& s) {
  const Tensor a = vector16();
  run(s, [&] { benchmark::DoNotOptimize(a.sum()); });
}
void add_grad(benchmark::State& s) {
  const Tensor a = vector16(true), b = vector16();
  run(s, [&] { benchmark::DoNotOptimize(a + b); });
}
void mul_grad(benchmark::State& s) {
  const Tensor a = vector16(true), b = vector16();
  run(s, [&] { benchmark::DoNotOptimize(a * b); });
}

// Backward of a chain of products, forward excluded: the cost of one node is the slope.
void backward_chain(benchmark::State& s) {
  Tensor a = vector16(true);
  const Tensor b = vector16(), g = vector16();
  for (auto _ : s) {
    s.PauseTiming();
    Tensor y = a * b;
    for (Index i = 1; i < s.range(0); ++i) y = y * b;
    a.set_grad({});
    s.ResumeTiming();
    y.backward(g);
  }
}
void forward_backward(benchmark::State& s) {
  Tensor a = vector16(true);
  const Tensor b = vector16();
  run(s, [&] {
    weft::relu(a * b + b).sum().backward();
    a.set_grad({});
  });
}

void mlp_step(benchmark::State& s) {
  nn::Sequential net(nn::Linear(64, 64), nn::ReLU(), nn::Linear(64, 10));
  optim::SGD sgd(net.parameters(), {.lr = 0.01});
  const Tensor x = randn({32, 64}), y = randint(0, 10, {32});
  run(s, [&] {
    cross_entropy(net(x), y).backward();
    sgd.step();
    sgd.zero_grad();
  });
}

BENCHMARK(empty16);
BENCHMARK(add);
BENCHMARK(add_scalar);
BENCHMARK(relu);
BENCHMARK(view);
BENCHMARK(sum);
BENCHMARK(add_grad);
BENCHMARK(mul_grad);
BENCHMARK(backward_chain)->Arg(1)->Arg(1001);
BENCHMARK(forward_backward);
BENCHMARK(mlp_step);

}  // namespace

int main(int argc, char** argv) {
  weft::set_num_threads(1);
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
}
