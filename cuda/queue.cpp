#include <weft/cuda/queue.h>

#include <cuda_runtime_api.h>

#include <array>
#include <map>
#include <mutex>

#include <weft/core/check.h>
#include <weft/cuda/check.h>
#include <weft/cuda/host.h>
#include <weft/cuda/runtime.h>

namespace weft::cuda {

namespace {

cudaStream_t cuda_stream(StreamHandle stream) { return static_cast<cudaStream_t>(stream); }
cudaEvent_t cuda_event(EventHandle event) { return static_cast<cudaEvent_t>(event); }

// The device for a scope; then that which CUDA had set, whoever it was.
class OnDevice {
 public:
  explicit OnDevice(int device) {
    WEFT_CUDA(cudaGetDevice(&before_));
    if (device != before_) WEFT_CUDA(cudaSetDevice(device));
  }
  ~OnDevice() { cudaSetDevice(before_); }
  OnDevice(const OnDevice&) = delete;
  OnDevice& operator=(const OnDevice&) = delete;

 private:
  int before_ = 0;
};

// As many as a program may hope to run side by side; more share them. Never destroyed: memory may
// be waiting for their work.
constexpr std::size_t kStreams = 32;
struct Ring {
  std::array<cudaStream_t, kStreams> streams{};
  std::size_t next = 0;
};

cudaStream_t made_stream(int device, int priority) {
  const OnDevice there(device);
  cudaStream_t stream = nullptr;
  WEFT_CUDA(cudaStreamCreateWithPriority(&stream, cudaStreamNonBlocking, priority));
  return stream;
}

bool passed(cudaError_t result, const char* call) {
  if (result == cudaErrorNotReady) {
    cudaGetLastError();
    return false;
  }
  check(result, call);
  return true;
}

}  // namespace

StreamHandle pooled_stream(int device, int priority) {
  static std::mutex mutex;
  static auto& rings = *new std::map<std::pair<int, int>, Ring>;
  const std::lock_guard lock(mutex);
  Ring& ring = rings[{device, priority}];
  cudaStream_t& stream = ring.streams[ring.next++ % kStreams];
  if (!stream) stream = made_stream(device, priority);
  return stream;
}

StreamHandle new_stream(int device) { return made_stream(device, 0); }

bool stream_done(int, StreamHandle stream) {
  return passed(cudaStreamQuery(cuda_stream(stream)), "cudaStreamQuery()");
}

void wait_for_stream(int device, StreamHandle stream) {
  const OnDevice there(device);
  wait_on(stream, "Stream.synchronize");
}

void stream_after(int device, StreamHandle stream, EventHandle event) {
  const OnDevice there(device);
  WEFT_CUDA(cudaStreamWaitEvent(cuda_stream(stream), cuda_event(event), 0));
}

EventHandle make_event(int device, bool timing) {
  const OnDevice there(device);
  cudaEvent_t event = nullptr;
  WEFT_CUDA(cudaEventCreateWithFlags(&event, timing ? cudaEventDefault : cudaEventDisableTiming));
  return event;
}

void free_event(EventHandle event) noexcept { cudaEventDestroy(cuda_event(event)); }

void record_event(int device, EventHandle event, StreamHandle stream) {
  const OnDevice there(device);
  WEFT_CUDA(cudaEventRecord(cuda_event(event), cuda_stream(stream)));
}

bool event_done(EventHandle event) {
  return passed(cudaEventQuery(cuda_event(event)), "cudaEventQuery()");
}

void wait_for_event(EventHandle event) {
  refuse_in_capture("Event.synchronize");
  WEFT_CUDA(cudaEventSynchronize(cuda_event(event)));
  report_fault("Event.synchronize");
}

float elapsed(EventHandle start, EventHandle end) {
  float milliseconds = 0;
  WEFT_CUDA(cudaEventElapsedTime(&milliseconds, cuda_event(start), cuda_event(end)));
  return milliseconds;
}

void begin_capture(int device, StreamHandle stream) {
  const OnDevice there(device);
  // Other threads go on as they please.
  WEFT_CUDA(cudaStreamBeginCapture(cuda_stream(stream), cudaStreamCaptureModeThreadLocal));
}

void* end_capture(int device, StreamHandle stream) {
  const OnDevice there(device);
  cudaGraph_t graph = nullptr;
  cudaGraphExec_t ready = nullptr;
  const bool good = cudaStreamEndCapture(cuda_stream(stream), &graph) == cudaSuccess && graph &&
                    cudaGraphInstantiate(&ready, graph, 0) == cudaSuccess;
  cudaGetLastError();
  if (graph) cudaGraphDestroy(graph);
  return good ? ready : nullptr;
}

void launch_graph(void* graph, int device, StreamHandle stream) {
  const OnDevice there(device);
  WEFT_CUDA(cudaGraphLaunch(static_cast<cudaGraphExec_t>(graph), cuda_stream(stream)));
}

void free_graph(void* graph) noexcept { cudaGraphExecDestroy(static_cast<cudaGraphExec_t>(graph)); }

}  // namespace weft::cuda
