#include <cstdlib>
#include <cstring>

#include <weft/core/check.h>
#include <weft/core/cuda_plugin.h>
#include <weft/cuda/libraries.h>
#include <weft/cuda/runtime.h>
#include <weft/cuda/tables.h>

// A CUDA back end without CUDA: the kernels of cuda/*.cu, compiled by the host's compiler, run over
// simulated grids (cuda/grid.h), and two devices whose memory is the host's.
namespace weft::cuda {
namespace {

Host host;
thread_local int current = 0;
IndexFault fault;

class HostSource final : public MemorySource {
 public:
  void* allocate(std::size_t bytes) noexcept override {
    void* data = nullptr;
    return posix_memalign(&data, 512, bytes) == 0 ? data : nullptr;
  }
  void free(void* data, std::size_t) noexcept override { std::free(data); }
};

class NoEvents final : public EventSource {
 public:
  Event record(Stream) noexcept override { return nullptr; }
  bool done(Event) noexcept override { return true; }
  void wait(Event) noexcept override {}
  void release(Event) noexcept override {}
};

MemorySource& memory(int) {
  static auto& source = *new HostSource;
  return source;
}
EventSource& events(int) {
  static auto& source = *new NoEvents;
  return source;
}

void properties(int, DeviceProperties& out) {
  std::strcpy(out.name, "simulated");
  out.multiprocessors = multiprocessors();
}

void report_fault(const char* op) {
  if (!fault.op) return;
  const IndexFault found = fault;
  fault = {};
  fail<IndexError>(found.op, "got index {}, expected {} to {} (noticed by {})", found.index,
                   found.low, found.high - 1, op);
}

}  // namespace

int device() noexcept { return current; }
Stream stream() { return nullptr; }
int multiprocessors() { return 1; }
bool deterministic() noexcept { return host.deterministic(); }
MatmulPrecision matmul_precision() noexcept { return host.matmul_precision(); }
void launched(const char*) {}
void wait(const char* op) { report_fault(op); }

Scratch::Scratch(std::size_t bytes) : bytes_(bytes), device_(current) {
  const Allocation a = host.allocate(Device(DeviceType::CUDA, current), bytes);
  data_ = a.data;
  handle_ = a.handle;
}
Scratch::~Scratch() {
  host.deallocate(Device(DeviceType::CUDA, device_), {data_, handle_, bytes_});
}

void to_host(void* to, const void* from, std::size_t bytes) {
  std::memcpy(to, from, bytes);
  report_fault("a copy");
}
void to_device(void* to, const void* from, std::size_t bytes) { std::memcpy(to, from, bytes); }
void permutation_on_host(std::span<Index> order, RandomKey key) { host.permutation(order, key); }
IndexFault* index_fault() { return &fault; }

bool blas_matmul(const View&, const View&, const View&, const View&, double, double, bool) {
  return false;
}
bool dnn_forward(const View&, const View&, const View&, const View&, const Conv2dOptions&) {
  return false;
}
bool dnn_backward_input(const View&, const View&, const View&, const Conv2dOptions&) {
  return false;
}
bool dnn_backward_weight(const View&, const View&, const View&, const Conv2dOptions&) {
  return false;
}

extern "C" const Plugin* weft_cuda_open(const Host& given, char*, std::size_t) {
  host = given;
  static const Plugin plugin = {
      .version = kPluginVersion,
      .device_count = 2,
      .kernels = &kernel_table(),
      .memory = memory,
      .events = events,
      .properties = properties,
      .set_device = [](int device) { current = device; },
      .current_device = device,
      .current_stream = [](int) -> Stream { return nullptr; },
      .copy = [](void* to, Device, const void* from, Device,
                 std::size_t bytes) { to_host(to, from, bytes); },
      .synchronize = [](int) { report_fault("synchronize"); },
  };
  return &plugin;
}

}  // namespace weft::cuda
