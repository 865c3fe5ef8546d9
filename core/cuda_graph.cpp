#include <weft/core/cuda_graph.h>

#include <utility>
#include <vector>

#include <weft/core/check.h>
#include <weft/core/cuda_capture.h>
#include <weft/core/cuda_own_stream.h>
#include <weft/core/cuda_plugin.h>
#include <weft/core/fork.h>
#include <weft/core/pinned.h>
#include <weft/core/transfer.h>

namespace weft::cuda {

namespace {

constexpr std::size_t kRoom = std::size_t{64} << 10;  // bytes of a page

// A value that the host writes anew for each replay, and where.
struct Value {
  std::size_t page, offset;
  std::function<void(void* to)> write;
};

}  // namespace

struct Graph::State {
  Device device;
  CachingAllocator* allocator = nullptr;
  int pool = 0;
  Stream stream{0, StreamHandle{}};  // that is captured
  bool capturing = false;
  void* graph = nullptr;
  std::vector<IntrusivePtr<Storage>> pages;  // of values, on the device
  std::size_t used = kRoom;                  // of the last one
  std::vector<Value> values;
  RandomKey first{};        // the default generator's state when the capture began
  std::uint64_t drawn = 0;  // blocks, by one replay
  RandomKey now{};          // the state when the replay at hand began

  void add_page();
  void begin();
  void end();
  void launch();
  ~State();
};

namespace {
thread_local Graph::State* current = nullptr;  // the capture of this thread
}

bool is_current_stream_capturing() noexcept { return current != nullptr; }

const void* on_replay(std::size_t bytes, std::function<void(void* to)> write) {
  Graph::State& s = *current;
  constexpr std::size_t kStep = 16;
  if (s.used + bytes > kRoom) s.add_page();
  s.values.push_back({s.pages.size() - 1, s.used, std::move(write)});
  const char* at = static_cast<const char*>(s.pages.back()->data()) + s.used;
  s.used += (bytes + kStep - 1) / kStep * kStep;
  return at;
}

const RandomKey* replayed_key(RandomKey key) {
  if (!current) return nullptr;
  Graph::State& s = *current;
  if (key.seed != s.first.seed || key.offset < s.first.offset ||
      key.offset >= default_generator().state().offset)
    return nullptr;
  const std::uint64_t ahead = key.offset - s.first.offset;
  return static_cast<const RandomKey*>(on_replay(sizeof key, [&s, ahead](void* to) {
    *static_cast<RandomKey*>(to) = {s.now.seed, s.now.offset + ahead};
  }));
}

// Not of the graph's pool: what the graph itself frees there before, a replay would write again.
void Graph::State::add_page() {
  void* data = plugin().memory(device.index).allocate(kRoom);
  if (!data) throw OutOfMemory("[Graph] out of memory on " + device.str(), kRoom, 0, 0, 0);
  struct Page {
    int device;
    void* data;
  };
  const auto free = [](void* page) {
    const std::unique_ptr<Page> p(static_cast<Page*>(page));
    if (!detail::cuda_left_behind()) plugin().memory(p->device).free(p->data, kRoom);
  };
  pages.push_back(Storage::borrow(device, data, kRoom, free, new Page{device.index, data}));
  used = 0;
}

void Graph::State::begin() {
  if (current) fail<Error>("Graph.capture_begin", "got a capture within a capture");
  if (graph || capturing)
    fail<Error>("Graph.capture_begin", "got a graph that was captured, expected a new one");
  stream = current_stream();
  if (!stream.handle())
    fail<Error>("Graph.capture_begin", "got the default stream, expected another (StreamGuard)");
  if (allocation_mode().passthrough)
    fail<Error>("Graph.capture_begin",
                "got the pass-through mode of WEFT_ALLOC, which keeps no "
                "memory for replays, expected another");
  device = Device(DeviceType::CUDA, stream.device());
  allocator = &caching_allocator(device);
  pool = allocator->create_private_pool();
  allocator->begin_capture(stream.handle(), pool);
  try {
    plugin().begin_capture(device.index, stream.handle());
  } catch (...) {
    allocator->end_capture(stream.handle());
    allocator->release_private_pool(pool);
    throw;
  }
  first = default_generator().state();
  capturing = true;
  current = this;
}

void Graph::State::end() {
  current = nullptr;
  capturing = false;
  const RandomKey last = default_generator().state();
  if (last.seed == first.seed) {  // nothing ran: what was drawn is drawn by the replays
    drawn = last.offset - first.offset;
    default_generator().set_state(first);
  }
  graph = plugin().end_capture(device.index, stream.handle());
  allocator->end_capture(stream.handle());  // may record events, which the capture must not see
  if (!graph) fail<DeviceError>("Graph.capture_end", "got work that cannot be captured");
}

void Graph::State::launch() {
  if (!graph) fail<Error>("Graph.replay", "got a graph that was not captured");
  if (current) fail<Error>("Graph.replay", "got a replay within a capture");
  const Stream on = current_stream(device.index);
  const Plugin& p = plugin(device);
  std::vector<IntrusivePtr<Storage>> written;
  for (std::size_t i = 0; i < pages.size(); ++i) written.push_back(allocate_pinned(kRoom));
  now = default_generator().next(static_cast<Index>(4 * drawn));
  for (const Value& v : values) v.write(static_cast<char*>(written[v.page]->data()) + v.offset);
  for (std::size_t i = 0; i < pages.size(); ++i) {
    const std::size_t bytes = i + 1 < pages.size() ? kRoom : used;
    transfer_async(pages[i]->data(), *pages[i], written[i]->data(), *written[i], bytes);
  }
  p.launch(graph, device.index, on.handle());
}

Graph::State::~State() {
  if (detail::cuda_left_behind()) return;
  if (graph) {
    try {
      plugin().synchronize(device.index);  // replays read the pages
    } catch (...) {                        // what went wrong there is no longer of use
    }
    plugin().free_graph(graph);
  }
  pages.clear();
  if (pool) allocator->release_private_pool(pool);
}

Graph::Graph() : state_(std::make_unique<State>()) {}
Graph::~Graph() {
  if (state_->capturing) abandon();
}

void Graph::capture_begin() { state_->begin(); }
void Graph::capture_end() {
  if (current != state_.get())
    fail<Error>("Graph.capture_end", "got a graph that this thread does not capture");
  try {
    state_->end();
  } catch (...) {
    state_ = std::make_unique<State>();
    throw;
  }
}
void Graph::replay() { state_->launch(); }

void Graph::reset() {
  if (state_->capturing)
    fail<Error>("Graph.reset", "got a graph that is being captured, expected capture_end() before");
  state_ = std::make_unique<State>();
}

void Graph::abandon() noexcept {
  try {
    state_->end();
  } catch (...) {  // a capture that failed has no graph to give
  }
  state_ = std::make_unique<State>();
}

namespace {
// For what is queued from here on, with nothing under way.
std::unique_ptr<OwnStream> idle_stream() {
  synchronize();
  return std::make_unique<OwnStream>();
}
}  // namespace

Graph::Begun::Begun(Graph& graph) : graph_(graph), own_(idle_stream()), guard_(own_->get()) {
  graph.capture_begin();
}
Graph::Begun::~Begun() {
  if (graph_.state_->capturing) graph_.abandon();
}

}  // namespace weft::cuda
