#include <weft/core/pinned.h>

#include <memory>
#include <mutex>

#include <weft/core/caching_allocator.h>
#include <weft/core/cuda_plugin.h>
#include <weft/core/fork.h>

namespace weft {

namespace {

// The allocator knows streams by handles, and the default streams of all devices have the same.
struct Queue {
  int device;
  StreamHandle stream;
};
Queue* queue_of(int device, StreamHandle stream) {
  static std::mutex mutex;
  static auto& known = *new std::vector<std::unique_ptr<Queue>>;
  const std::lock_guard lock(mutex);
  for (const auto& q : known)
    if (q->device == device && q->stream == stream) return q.get();
  return known.emplace_back(new Queue{device, stream}).get();
}

struct Mark {
  EventSource* source;
  EventHandle event;
};

// Events of whichever device a queue belongs to.
class QueueEvents final : public EventSource {
 public:
  EventHandle record(StreamHandle stream) noexcept override {
    const auto& queue = *static_cast<const Queue*>(stream);
    EventSource& source = cuda::plugin().events(queue.device);
    return new Mark{&source, source.record(queue.stream)};
  }
  bool done(EventHandle event) noexcept override {
    const Mark& mark = *static_cast<Mark*>(event);
    return !mark.event || mark.source->done(mark.event);
  }
  void wait(EventHandle event) noexcept override {
    const Mark& mark = *static_cast<Mark*>(event);
    if (mark.event) mark.source->wait(mark.event);
  }
  void release(EventHandle event) noexcept override {
    const std::unique_ptr<Mark> mark(static_cast<Mark*>(event));
    if (mark->event) mark->source->release(mark->event);
  }
};

CachingAllocator& allocator() {
  static auto& events = *new QueueEvents;
  static auto& instance =
      *new CachingAllocator(kCPU, CachingConfig::cuda(), cuda::plugin().pinned_memory(), &events);
  return instance;
}

void give_back(void* block) {
  if (block && !detail::cuda_left_behind())
    allocator().free(static_cast<CachingAllocator::Block*>(block));
}

}  // namespace

IntrusivePtr<Storage> allocate_pinned(std::size_t bytes) {
  cuda::plugin();
  if (bytes == 0) return Storage::borrow(kCPU, nullptr, 0, give_back, nullptr);
  CachingAllocator::Block* block = allocator().allocate(bytes);
  return Storage::borrow(kCPU, CachingAllocator::data(block), bytes, give_back, block);
}

Tensor make_pinned_tensor(const Shape& sizes, const Shape& strides, DType dtype) {
  auto storage =
      allocate_pinned(static_cast<std::size_t>(checked_numel("empty", sizes)) * size_of(dtype));
  void* const data = storage->data();
  return Tensor(
      IntrusivePtr<TensorImpl>(new TensorImpl(std::move(storage), data, dtype, sizes, strides)));
}

bool is_pinned(const Storage& storage) noexcept { return storage.released_by() == give_back; }

void used_on(const Storage& pinned, int device, StreamHandle stream) {
  if (!pinned.context()) return;
  allocator().record_stream(static_cast<CachingAllocator::Block*>(pinned.context()),
                            queue_of(device, stream));
}

MemoryStats pinned_memory_stats() {
  cuda::plugin();
  return allocator().stats();
}

}  // namespace weft
