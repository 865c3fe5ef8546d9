#include <weft/weft.h>

#include <iostream>
#include <thread>

using namespace weft;

int main() {
  // [threads]
  set_num_threads(2);  // at start: WEFT_NUM_THREADS, or the processors there are
  std::cout << get_num_threads() << "\n";
  // [threads]

  // [own]
  std::vector<Tensor> sums(2);
  std::vector<std::thread> workers;
  for (std::size_t i = 0; i < sums.size(); ++i)
    workers.emplace_back([&sums, i] {
      NoGradGuard no_grad;  // modes belong to a thread
      sums[i] = ones({100}).mul(static_cast<double>(i + 1)).sum();
    });
  for (std::thread& worker : workers) worker.join();
  std::cout << sums[0].item<int>() + sums[1].item<int>() << "\n";
  // [own]

  // [parallel]
  Tensor x = zeros({100000});
  float* elements = x.data<float>();
  parallel_for(0, x.numel(), 10000, [&](Index begin, Index end) {
    for (Index i = begin; i < end; ++i) elements[i] = 1;
  });
  std::cout << x.sum().item<int>() << "\n";
  // [parallel]

  // [deterministic]
  use_deterministic_algorithms(true);  // the same bits for any number of threads
  set_float32_matmul_precision("highest");
  // [deterministic]

  // [stats]
  { Tensor large = zeros({1 << 20}); }  // 4 MiB, and gone again
  const MemoryStats stats = memory_stats();
  std::cout << (stats.peak_in_use >= (4u << 20)) << (stats.cached() > 0) << "\n";
  empty_cache();  // back to the system
  // [stats]
}
