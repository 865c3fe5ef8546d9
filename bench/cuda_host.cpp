// What the host spends on a device's work, in nanoseconds: an allocation from the cache with its
// freeing, and small operations, in bursts that the device's queue has room for. One line of JSON.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <vector>

#include <nlohmann/json.hpp>

#include <weft/weft.h>

using namespace weft;

namespace {

template <class F>
double nanoseconds(int bursts, int count, F&& f) {
  using Clock = std::chrono::steady_clock;
  std::vector<double> times;
  for (int burst = 0; burst < bursts; ++burst) {
    cuda::synchronize();
    const auto start = Clock::now();
    for (int i = 0; i < count; ++i) f();
    times.push_back(std::chrono::duration<double, std::nano>(Clock::now() - start).count() / count);
  }
  cuda::synchronize();
  std::sort(times.begin(), times.end());
  return times[times.size() / 2];
}

}  // namespace

int main() {
  if (!cuda::is_available()) {
    std::fprintf(stderr, "bench_cuda_host: no device (%s)\n", cuda::why_unavailable().c_str());
    return 1;
  }
  const Device device(DeviceType::CUDA, 0);
  const Tensor a = ones({16}).to(device), b = ones({16}).to(device);
  const Tensor w = ones({16}).to(device).requires_grad_();
  Tensor kept;
  const auto allocate_once = [&](std::size_t bytes) {
    const Allocation block = allocate(device, bytes);
    deallocate(device, block);
  };
  const nlohmann::json found = {
      {"allocate", nanoseconds(50, 2000, [&] { allocate_once(1 << 20); })},
      {"allocate_small", nanoseconds(50, 2000, [&] { allocate_once(512); })},
      {"add", nanoseconds(60, 200, [&] { kept = a + b; })},
      {"add_grad", nanoseconds(60, 200, [&] { kept = w + b; })},
  };
  std::printf("%s\n", found.dump().c_str());
}
