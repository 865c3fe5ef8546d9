#include <weft/cuda/host.h>

#include <mutex>

#include <weft/core/check.h>
#include <weft/core/environment.h>
#include <weft/cuda/runtime.h>

namespace weft::cuda {

Host host;

bool deterministic() noexcept { return host.deterministic(); }
bool any_order() noexcept { return host.any_order(); }
MatmulPrecision matmul_precision() noexcept { return host.matmul_precision(); }
bool benchmark() noexcept { return host.cudnn_benchmark() && !host.deterministic(); }
const RandomKey* replayed_key(RandomKey key) { return host.replayed_key(key); }

Scratch::Scratch(std::size_t bytes) : bytes_(bytes), device_(device()) {
  const Allocation a = host.allocate(Device(DeviceType::CUDA, device_), bytes);
  data_ = a.data;
  handle_ = a.handle;
}
Scratch::~Scratch() {
  host.deallocate(Device(DeviceType::CUDA, device_), {data_, handle_, bytes_});
}

void refuse_in_capture(const char* op) {
  if (host.capturing())
    fail<Error>(op, "got work that waits for the device while a graph is captured, expected none");
}

int settled(int actual) noexcept { return actual == device() ? actual : -1; }

bool waits_at_launch() {
  static const bool asked = detail::environment_switch("WEFT_CUDA_SYNC", false);
  return asked && !host.capturing();
}

void report_fault(const char* op) {
  static std::mutex mutex;
  IndexFault found;
  {
    IndexFault& fault = *index_fault();
    const std::lock_guard lock(mutex);
    if (!fault.op) return;
    found = fault;
    fault.op = nullptr;
    __atomic_store_n(&fault.taken, 0, __ATOMIC_RELEASE);  // last: from here on there may be another
  }
  fail<IndexError>(found.op,
                   "got index {}, expected {} to {} (noticed on the device; reported by {})",
                   found.index, found.low, found.high - 1, op);
}

}  // namespace weft::cuda
