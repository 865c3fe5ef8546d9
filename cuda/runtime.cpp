#include <cuda_runtime_api.h>

#include <cstring>
#include <mutex>
#include <vector>

#include <weft/core/check.h>
#include <weft/core/cuda_plugin.h>
#include <weft/cuda/check.h>
#include <weft/cuda/host.h>
#include <weft/cuda/not_captured.h>
#include <weft/cuda/queue.h>
#include <weft/cuda/runtime.h>
#include <weft/cuda/tables.h>

namespace weft::cuda {

namespace {

thread_local int current = 0;

// Per thread and device; null is CUDA's default stream.
thread_local StreamHandle streams[128] = {};

// Null where there is no memory left; what else it was, an earlier kernel's fault say, it throws.
void* given(void* data, cudaError_t result, const char* call) {
  if (result == cudaSuccess) return data;
  cudaGetLastError();  // so that no later call reports it
  if (result != cudaErrorMemoryAllocation) throw_cuda(result, call);
  return nullptr;
}

class DeviceSource final : public MemorySource {
 public:
  explicit DeviceSource(int device) : device_(device) {}
  void* allocate(std::size_t bytes) override {
    const NotCaptured now;
    void* data = nullptr;
    cudaError_t result = cudaSetDevice(device_);
    if (result == cudaSuccess) result = cudaMalloc(&data, bytes);
    cudaSetDevice(current);
    return given(data, result, "cudaMalloc()");
  }
  void free(void* data, std::size_t) noexcept override {
    const NotCaptured now;
    cudaFree(data);
  }
  std::size_t capacity() const noexcept override {
    std::size_t left = 0, all = 0;
    cudaSetDevice(device_);
    const bool known = cudaMemGetInfo(&left, &all) == cudaSuccess;
    cudaSetDevice(current);
    return known ? all : 0;
  }
  void fill(void* data, unsigned char value, std::size_t bytes,
            StreamHandle stream) noexcept override {
    cudaSetDevice(device_);
    cudaMemsetAsync(data, value, bytes, static_cast<cudaStream_t>(stream));
    cudaSetDevice(current);
  }

 private:
  int device_;
};

class PinnedSource final : public MemorySource {
 public:
  void* allocate(std::size_t bytes) override {
    const NotCaptured now;
    void* data = nullptr;
    const cudaError_t result = cudaHostAlloc(&data, bytes, cudaHostAllocPortable);
    return given(data, result, "cudaHostAlloc()");
  }
  void free(void* data, std::size_t) noexcept override {
    const NotCaptured now;
    cudaFreeHost(data);
  }
};

class DeviceEvents final : public EventSource {
 public:
  explicit DeviceEvents(int device) : device_(device) {}
  EventHandle record(StreamHandle stream) noexcept override {
    const NotCaptured now;
    cudaSetDevice(device_);
    const auto s = static_cast<cudaStream_t>(stream);
    cudaEvent_t event = take();
    if (!event || cudaEventRecord(event, s) != cudaSuccess) {
      if (event) release(event);
      event = nullptr;
      cudaStreamSynchronize(s);  // in its place
      cudaGetLastError();
    }
    cudaSetDevice(current);
    return event;
  }
  bool done(EventHandle event) noexcept override {
    const NotCaptured now;
    const bool is = cudaEventQuery(static_cast<cudaEvent_t>(event)) != cudaErrorNotReady;
    cudaGetLastError();
    return is;
  }
  void wait(EventHandle event) noexcept override {
    cudaEventSynchronize(static_cast<cudaEvent_t>(event));
  }
  void release(EventHandle event) noexcept override {
    const std::lock_guard lock(mutex_);
    free_.push_back(static_cast<cudaEvent_t>(event));
  }

 private:
  cudaEvent_t take() noexcept {
    const std::lock_guard lock(mutex_);
    if (!free_.empty()) {
      cudaEvent_t event = free_.back();
      free_.pop_back();
      return event;
    }
    cudaEvent_t event = nullptr;
    return cudaEventCreateWithFlags(&event, cudaEventDisableTiming) == cudaSuccess ? event
                                                                                   : nullptr;
  }

  int device_;
  std::mutex mutex_;
  std::vector<cudaEvent_t> free_;  // made ones, to be used again
};

// What there is one of for each device; never destroyed, since tensors may outlive main().
struct PerDevice {
  explicit PerDevice(int device) : source(device), events(device) {}
  DeviceSource source;
  DeviceEvents events;
  int multiprocessors = 1;
};
std::vector<PerDevice*>& devices() {
  static auto& all = *new std::vector<PerDevice*>;
  return all;
}

MemorySource& memory(int device) { return devices()[static_cast<std::size_t>(device)]->source; }
MemorySource& pinned_memory() {
  static auto& source = *new PinnedSource;
  return source;
}
EventSource& events(int device) { return devices()[static_cast<std::size_t>(device)]->events; }

void properties(int device, DeviceProperties& out) {
  cudaDeviceProp p;
  WEFT_CUDA(cudaGetDeviceProperties(&p, device));
  std::memcpy(out.name, p.name, sizeof out.name - 1);
  out.major = p.major;
  out.minor = p.minor;
  out.multiprocessors = p.multiProcessorCount;
  out.total_memory = p.totalGlobalMem;
  out.l2_cache = static_cast<std::size_t>(p.l2CacheSize);
}

void select(int device) {
  WEFT_CUDA(cudaSetDevice(device));
  current = device;
}
int settled_device() noexcept {
  int device = -1;
  cudaGetDevice(&device);
  return settled(device);
}
int owner_of(const void* data) {
  cudaPointerAttributes a{};
  const bool known = cudaPointerGetAttributes(&a, data) == cudaSuccess;
  cudaGetLastError();
  return known && a.type == cudaMemoryTypeDevice ? a.device : -1;
}
StreamHandle current_stream(int device) { return streams[device]; }
void set_stream(int device, StreamHandle stream) { streams[device] = stream; }

void copy(void* to, Device to_device, const void* from, Device from_device, std::size_t bytes,
          bool wait) {
  refuse_in_capture("copy");
  const auto s = static_cast<cudaStream_t>(stream());
  if (to_device != kCPU && from_device != kCPU && to_device != from_device) {
    EventHandle made = make_event(from_device.index, false);
    record_event(from_device.index, made, streams[from_device.index]);
    stream_after(to_device.index, s, made);
    free_event(made);  // once it is passed
    WEFT_CUDA(cudaMemcpyPeerAsync(to, to_device.index, from, from_device.index, bytes, s));
  } else {
    WEFT_CUDA(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDefault, s));
  }
  if (!wait) return;
  WEFT_CUDA(cudaStreamSynchronize(s));
  report_fault("a copy");
}

void wait_for(int device) {
  refuse_in_capture("synchronize");
  const int before = current;
  select(device);
  const cudaError_t result = cudaDeviceSynchronize();
  select(before);
  check(result, "cudaDeviceSynchronize()");
  report_fault("synchronize");
}

// Whether there is code for it (cmake/WeftCuda.cmake).
bool is_served(int device) {
  int major = 0;
  return cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, device) == cudaSuccess &&
         major >= 8;
}

// 0 and why where there is none.
int count_devices(char* why, std::size_t room) {
  int count = 0;
  const cudaError_t result = cudaGetDeviceCount(&count);
  if (result == cudaSuccess && count > 0) {
    int served = 0;
    while (served < std::min(count, 127) && is_served(served)) ++served;
    if (served > 0) return served;
    std::strncpy(why, "the device is older than compute capability 8.0", room - 1);
    return 0;
  }
  cudaGetLastError();
  const char* text = result == cudaErrorInsufficientDriver ? "driver not found, or too old"
                     : result == cudaErrorNoDevice || result == cudaSuccess
                         ? "the driver has none"
                         : cudaGetErrorString(result);
  std::strncpy(why, text, room - 1);
  return 0;
}

void make_devices(int count) {
  for (int i = 0; i < count; ++i) {
    auto* one = new PerDevice(i);
    WEFT_CUDA(cudaDeviceGetAttribute(&one->multiprocessors, cudaDevAttrMultiProcessorCount, i));
    devices().push_back(one);
  }
}

}  // namespace

void throw_cuda(cudaError_t result, const char* call) {
  fail<DeviceError>("cuda", "got \"{}\" from {}, expected success", cudaGetErrorString(result),
                    call);
}

int device() noexcept { return current; }
StreamHandle stream() { return streams[current]; }
int multiprocessors() { return devices()[static_cast<std::size_t>(current)]->multiprocessors; }
void launched(const char* op) {
  cudaError_t result = cudaGetLastError();
  if (result == cudaSuccess && waits_at_launch()) return wait(op);
  if (result != cudaSuccess) [[unlikely]]
    fail<DeviceError>(op, "got \"{}\" from the device, expected success",
                      cudaGetErrorString(result));
}

void wait(const char* op) { wait_on(stream(), op); }

void wait_on(StreamHandle stream, const char* op) {
  refuse_in_capture(op);
  const cudaError_t result = cudaStreamSynchronize(static_cast<cudaStream_t>(stream));
  if (result != cudaSuccess)
    fail<DeviceError>(op, "got \"{}\" from the device, expected success",
                      cudaGetErrorString(result));
  report_fault(op);
}

void to_host(void* to, const void* from, std::size_t bytes) {
  copy(to, kCPU, from, Device(DeviceType::CUDA, current), bytes, true);
}

void to_device(void* to, const void* from, std::size_t bytes) {
  copy(to, Device(DeviceType::CUDA, current), from, kCPU, bytes, true);
}

IndexFault* index_fault() {
  static IndexFault* const fault = [] {
    const NotCaptured now;
    void* memory = nullptr;
    WEFT_CUDA(
        cudaHostAlloc(&memory, sizeof(IndexFault), cudaHostAllocMapped | cudaHostAllocPortable));
    return new (memory) IndexFault{};
  }();
  return fault;
}

extern "C" const Plugin* weft_cuda_open(const Host& given, char* why, std::size_t room) {
  try {
    host = given;
    const int count = count_devices(why, room);
    if (count == 0) return nullptr;
    make_devices(count);
    static const Plugin plugin = {
        .version = kPluginVersion,
        .device_count = count,
        .kernels = &kernel_table(),
        .memory = memory,
        .pinned_memory = pinned_memory,
        .events = events,
        .properties = properties,
        .set_device = select,
        .current_device = settled_device,
        .device_of = owner_of,
        .current_stream = current_stream,
        .set_stream = set_stream,
        .copy = copy,
        .synchronize = wait_for,
        .stream = pooled_stream,
        .new_stream = new_stream,
        .stream_done = stream_done,
        .wait_for_stream = wait_for_stream,
        .stream_after = stream_after,
        .event = make_event,
        .free_event = free_event,
        .record = record_event,
        .event_done = event_done,
        .wait_for_event = wait_for_event,
        .elapsed = elapsed,
        .begin_capture = begin_capture,
        .end_capture = end_capture,
        .launch = launch_graph,
        .free_graph = free_graph,
    };
    return &plugin;
  } catch (const std::exception& e) {
    std::strncpy(why, e.what(), room - 1);
    return nullptr;
  }
}

}  // namespace weft::cuda
