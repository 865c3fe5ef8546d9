#include <torch/torch.h>

#include <benchmark/benchmark.h>

// The operations of bench/ops.cpp in libtorch, under the same names.
namespace {

using torch::Tensor;

void run(benchmark::State& state, auto&& f) {
  for (auto _ : state) f();
}

Tensor vector16(bool grad = false) {
  return torch::ones({16}, torch::TensorOptions().requires_grad(grad));
}

void empty16(benchmark::State& s) {
  run(s, [] { benchmark::DoNotOptimize(torch::empty({16})); });
}
void add(benchmark::State& s) {
  torch::NoGradGuard no_grad;
  const Tensor a = vector16(), b = vector16();
  run(s, [&] { benchmark::DoNotOptimize(a + b); });
}
void add_scalar(benchmark::State& s) {
  const Tensor a = vector16();
  run(s, [&] { benchmark::DoNotOptimize(a + 2); });
}
void relu(benchmark::State& s) {
  const Tensor a = vector16();
  run(s, [&] { benchmark::DoNotOptimize(torch::relu(a)); });
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

void backward_chain(benchmark::State& s) {
  Tensor a = vector16(true);
  const Tensor b = vector16(), g = vector16();
  for (auto _ : s) {
    s.PauseTiming();
    Tensor y = a * b;
    for (int64_t i = 1; i < s.range(0); ++i) y = y * b;
    a.mutable_grad() = Tensor();
    s.ResumeTiming();
    y.backward(g);
  }
}
void forward_backward(benchmark::State& s) {
  Tensor a = vector16(true);
  const Tensor b = vector16();
  run(s, [&] {
    torch::relu(a * b + b).sum().backward();
    a.mutable_grad() = Tensor();
  });
}

void mlp_step(benchmark::State& s) {
  torch::nn::Sequential net(torch::nn::Linear(64, 64), torch::nn::ReLU(),
                            torch::nn::Linear(64, 10));
  torch::optim::SGD sgd(net->parameters(), torch::optim::SGDOptions(0.01));
  const Tensor x = torch::randn({32, 64}), y = torch::randint(0, 10, {32}, torch::kLong);
  run(s, [&] {
    torch::nn::functional::cross_entropy(net->forward(x), y).backward();
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
  at::set_num_threads(1);
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
}
