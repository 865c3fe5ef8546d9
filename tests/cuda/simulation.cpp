#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include <weft/core/check.h>
#include <weft/core/cuda_plugin.h>
#include <weft/cuda/grid.h>
#include <weft/cuda/host.h>
#include <weft/cuda/libraries.h>
#include <weft/cuda/runtime.h>
#include <weft/cuda/tables.h>

// A CUDA back end without CUDA: the kernels of cuda/*.cu, compiled by the host's compiler, run over
// simulated grids (cuda/grid.h), and two devices. Their memory can be touched while they work only:
// a host that reads it gets a segmentation fault, as it would from a real device's. Work on the
// default stream is done at once; that on other streams as late as it may be, when somebody waits
// for it: so what was forgotten to wait for is not there. Kernels run when the host may touch all
// memory: so what they are handed is looked at before (check_pointer). As CUDA, they are no use in
// a process that was forked; there a call ends it.
namespace weft::cuda {
namespace {

constexpr int kDevices = 2, kStreams = 4;

using Work = std::function<void()>;
std::recursive_mutex mutex;

const pid_t process = getpid();
void refuse_forked() {
  if (getpid() == process) return;
  std::fputs("a simulated device was called in a forked process\n", stderr);
  std::abort();
}

// The devices' memory.
class Memory {
 public:
  void* add(std::size_t bytes) {
    refuse_forked();
    void* data = mmap(nullptr, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (data == MAP_FAILED) return nullptr;
    const std::lock_guard lock(mutex);
    pieces_[data] = bytes;
    if (open_) mprotect(data, bytes, PROT_READ | PROT_WRITE);
    return data;
  }
  void remove(void* data, std::size_t bytes) {
    refuse_forked();
    const std::lock_guard lock(mutex);
    pieces_.erase(data);
    munmap(data, bytes);
  }
  bool holds(const void* p) {
    const std::lock_guard lock(mutex);
    const auto after = pieces_.upper_bound(const_cast<void*>(p));
    if (after == pieces_.begin()) return false;
    const auto& [data, bytes] = *std::prev(after);
    return p < static_cast<const char*>(data) + bytes;
  }
  void open(bool on) {
    for (const auto& [data, bytes] : pieces_)
      mprotect(data, bytes, on ? PROT_READ | PROT_WRITE : PROT_NONE);
    open_ = on;
  }
  bool is_open() const { return open_; }

 private:
  std::map<void*, std::size_t> pieces_;
  bool open_ = false;
};
Memory& device_memory() {
  static auto& memory = *new Memory;
  return memory;
}

struct Queue;
// A place in a queue: passed when the queue has done so much.
struct Mark {
  Queue* queue = nullptr;
  std::uint64_t at = 0;
};
struct Item {
  Work work;
  Mark after;  // to be passed before
};
struct Queue {
  std::deque<Item> items;
  std::uint64_t queued = 0, done = 0;
  std::unique_ptr<std::vector<Work>> captured;  // while a graph is
};
Queue queues[kDevices][kStreams + 1];      // 0: the default one
std::deque<Queue> more[kDevices];          // by new_stream()
thread_local int current = 0, actual = 0;  // the back end's, and CUDA's, which others set too
thread_local StreamHandle streams[kDevices] = {};

Queue& queue_of(int device, StreamHandle stream) {
  refuse_forked();
  return stream ? *static_cast<Queue*>(stream) : queues[device][0];
}

void perform(const Work& work) {
  const bool outermost = !device_memory().is_open();
  if (outermost) device_memory().open(true);
  work();
  if (outermost) device_memory().open(false);
}

void drain(Queue& queue, std::uint64_t until) {
  while (queue.done < until) {
    Item item = std::move(queue.items.front());
    queue.items.pop_front();
    if (item.after.queue) drain(*item.after.queue, item.after.at);
    if (item.work) perform(item.work);
    ++queue.done;
  }
}
void drain(Queue& queue) { drain(queue, queue.queued); }

void enqueue(Queue& queue, Item item) {
  const std::lock_guard lock(mutex);
  if (queue.captured) return queue.captured->push_back(std::move(item.work));
  queue.items.push_back(std::move(item));
  ++queue.queued;
  for (auto& device : queues)
    if (&queue == &device[0]) drain(queue);
}

int waits = 0;
void wait_for(int device, StreamHandle stream, const char* op) {
  refuse_in_capture(op);
  const std::lock_guard lock(mutex);
  ++waits;
  drain(queue_of(device, stream));
  report_fault(op);
}

class DeviceSource final : public MemorySource {
 public:
  void* allocate(std::size_t bytes) noexcept override { return device_memory().add(bytes); }
  void free(void* data, std::size_t bytes) noexcept override {
    device_memory().remove(data, bytes);
  }
  void fill(void* data, unsigned char value, std::size_t bytes,
            StreamHandle stream) noexcept override {
    enqueue(queue_of(current, stream), {[=] { std::memset(data, value, bytes); }, {}});
  }
};
class PinnedSource final : public MemorySource {
 public:
  void* allocate(std::size_t bytes) noexcept override { return std::malloc(bytes); }
  void free(void* data, std::size_t) noexcept override { std::free(data); }
};
MemorySource& pinned_memory() {
  static auto& source = *new PinnedSource;
  return source;
}

Mark mark_in(int device, StreamHandle stream) {
  const std::lock_guard lock(mutex);
  Queue& queue = queue_of(device, stream);
  return {&queue, queue.queued};
}
bool passed(const Mark& mark) {
  const std::lock_guard lock(mutex);
  return !mark.queue || mark.queue->done >= mark.at;
}
void pass(const Mark& mark) {
  const std::lock_guard lock(mutex);
  if (mark.queue) drain(*mark.queue, mark.at);
}
Mark& mark_of(EventHandle event) {
  refuse_forked();
  return *static_cast<Mark*>(event);
}

class Events final : public EventSource {
 public:
  explicit Events(int device) : device_(device) {}
  EventHandle record(StreamHandle stream) noexcept override {
    return new Mark(mark_in(device_, stream));
  }
  bool done(EventHandle event) noexcept override { return passed(mark_of(event)); }
  void wait(EventHandle event) noexcept override { pass(mark_of(event)); }
  void release(EventHandle event) noexcept override { delete &mark_of(event); }

 private:
  int device_;
};

MemorySource& memory(int) {
  static auto& source = *new DeviceSource;
  return source;
}
EventSource& events(int device) {
  static auto& sources = *new std::array{Events(0), Events(1)};
  return sources[static_cast<std::size_t>(device)];
}

void properties(int, DeviceProperties& out) {
  std::strcpy(out.name, "simulated");
  out.major = 9;  // as code that asks would expect
  out.multiprocessors = multiprocessors();
  out.total_memory = std::size_t{1} << 30;
}

void copy(void* to, Device to_device, const void* from, Device from_device, std::size_t bytes,
          bool wait) {
  refuse_in_capture("copy");
  const int device = to_device == kCPU ? from_device.index : to_device.index;
  const auto move = [=] { std::memcpy(to, from, bytes); };
  enqueue(queue_of(device, streams[device]), {move, {}});
  if (wait) wait_for(device, streams[device], "a copy");
}

void synchronize_device(int device) {
  refuse_in_capture("synchronize");
  const std::lock_guard lock(mutex);
  for (Queue& queue : queues[device]) drain(queue);
  for (Queue& queue : more[device]) drain(queue);
  report_fault("synchronize");
}

StreamHandle next_stream(int device, int) {
  static int next[kDevices];
  const std::lock_guard lock(mutex);
  return &queues[device][1 + next[device]++ % kStreams];
}

StreamHandle new_stream(int device) {
  const std::lock_guard lock(mutex);
  return &more[device].emplace_back();
}

bool stream_done(int device, StreamHandle stream) { return passed(mark_in(device, stream)); }

void* end_capture(int device, StreamHandle stream) {
  const std::lock_guard lock(mutex);
  return queue_of(device, stream).captured.release();
}

void launch(void* graph, int device, StreamHandle stream) {
  for (const Work& work : *static_cast<std::vector<Work>*>(graph))
    enqueue(queue_of(device, stream), {work, {}});
}

}  // namespace

void check_pointer(const void* data) {
  if (!device_memory().holds(data))
    fail<DeviceError>("check_pointer", "got memory of the host in a kernel, expected a device's");
}

void simulate(Work work) { enqueue(queue_of(current, streams[current]), {std::move(work), {}}); }

int device() noexcept { return current; }
StreamHandle stream() { return streams[current]; }
int multiprocessors() { return 1; }
void wait(const char* op) { wait_for(current, streams[current], op); }
void launched(const char* op) {
  if (waits_at_launch()) wait(op);
}
void to_host(void* to, const void* from, std::size_t bytes) {
  copy(to, kCPU, from, Device(DeviceType::CUDA, current), bytes, true);
}
void to_device(void* to, const void* from, std::size_t bytes) {
  copy(to, Device(DeviceType::CUDA, current), from, kCPU, bytes, true);
}
IndexFault* index_fault() {
  static IndexFault fault;
  return &fault;
}

bool blas_matmul(const View&, const View&, const View&, const View&, double, double, Activation) {
  return false;
}
bool blas_matmul_sums(const View&, const View&, const View&, const View&) { return false; }
namespace {
// Counts what cuDNN has no plan for: it is given nothing with gaps or off its border.
std::atomic<int> unreadable{0};
void look_at(std::initializer_list<const View*> views) {
  for (const View* v : views) {
    Index extent = 1;
    for (int d = 0; d < v->rank; ++d) extent += (v->size[d] - 1) * v->stride[d];
    if (numel(*v) > 0 && (extent != numel(*v) || reinterpret_cast<std::uintptr_t>(v->data) % 16))
      ++unreadable;
  }
}
}  // namespace
extern "C" __attribute__((visibility("default"))) int weft_simulated_unreadable() {
  return unreadable;
}
bool dnn_forward(const View& y, const View& x, const View& w, const View&, const Conv2dOptions&) {
  look_at({&y, &x, &w});
  return false;
}
bool dnn_backward_input(const View& gx, const View& gy, const View& w, const Conv2dOptions&) {
  look_at({&gx, &gy, &w});
  return false;
}
bool dnn_backward_weight(const View& gw, const View& gy, const View& x, const Conv2dOptions&) {
  look_at({&gw, &gy, &x});
  return false;
}

// What another library does that sets the thread's device.
extern "C" __attribute__((visibility("default"))) void weft_simulated_set_device(int device) {
  actual = device;
}
// How often the host waited for a stream.
extern "C" __attribute__((visibility("default"))) int weft_simulated_waits() { return waits; }

extern "C" const Plugin* weft_cuda_open(const Host& given, char*, std::size_t) {
  host = given;
  static const Plugin plugin = {
      .version = kPluginVersion,
      .device_count = kDevices,
      .kernels = &kernel_table(),
      .memory = memory,
      .pinned_memory = pinned_memory,
      .events = events,
      .properties = properties,
      .set_device = [](int device) { current = actual = device; },
      .current_device = []() noexcept { return settled(actual); },
      .device_of = [](const void*) { return current; },
      .current_stream = [](int device) { return streams[device]; },
      .set_stream = [](int device, StreamHandle stream) { streams[device] = stream; },
      .copy = copy,
      .synchronize = synchronize_device,
      .stream = next_stream,
      .new_stream = new_stream,
      .stream_done = stream_done,
      .wait_for_stream =
          [](int device, StreamHandle stream) { wait_for(device, stream, "Stream.synchronize"); },
      .stream_after =
          [](int device, StreamHandle stream, EventHandle event) {
            enqueue(queue_of(device, stream), {{}, mark_of(event)});
          },
      .event = [](int, bool) -> EventHandle { return new Mark; },
      .free_event = [](EventHandle event) noexcept { delete &mark_of(event); },
      .record = [](int device, EventHandle event,
                   StreamHandle stream) { mark_of(event) = mark_in(device, stream); },
      .event_done = [](EventHandle event) { return passed(mark_of(event)); },
      .wait_for_event = [](EventHandle event) { pass(mark_of(event)); },
      .elapsed = [](EventHandle, EventHandle) { return 1.0F; },
      .begin_capture =
          [](int device, StreamHandle stream) {
            queue_of(device, stream).captured = std::make_unique<std::vector<Work>>();
          },
      .end_capture = end_capture,
      .launch = launch,
      .free_graph =
          [](void* graph) noexcept {
            refuse_forked();
            delete static_cast<std::vector<Work>*>(graph);
          },
  };
  return &plugin;
}

}  // namespace weft::cuda
