#include <pthread.h>

#include <algorithm>

#include <weft/core/allocator.h>
#include <weft/core/caching_allocator.h>
#include <weft/core/check.h>
#include <weft/core/cuda_plugin.h>
#include <weft/core/environment.h>
#include <weft/core/fork.h>
#include <weft/core/interrupt.h>
#include <weft/core/memory_source.h>

// How much the CPU keeps cached: half of the memory the process may use, so that a training step
// finds all its buffers warm (it uses the same ones again and again) while a program that freed
// much for good, or shares the machine, does not hold more than that.
namespace weft {
namespace {

enum Flag : std::uint32_t { kPassthrough = 1, kPoison = 2, kFail = 4, kLimit = 8, kRefuse = 16 };

struct Registered {
  std::atomic<CachingAllocator*> allocator{nullptr};
  StreamHandle (*current_stream)(int device) = nullptr;
};
constinit Registered registered[128];  // CUDA devices by index
constinit std::atomic<std::uint64_t> fail_countdown{0};

void set_flag(Flag flag, bool on) {
  if (on) {
    detail::allocation_flags.fetch_or(flag);
  } else {
    detail::allocation_flags.fetch_and(~flag);
  }
}

// From this many bytes on what fills them may take long.
constexpr std::size_t kLongWork = 1 << 16;

CachingAllocator& cpu_allocator();

void lock_for_fork() {
  detail::lock_generators();
  detail::lock_small_store();
  cpu_allocator().lock();
}
void unlock_after_fork() {
  cpu_allocator().unlock();
  detail::unlock_small_store();
  detail::unlock_generators();
}
void unlock_in_child() {
  unlock_after_fork();
  detail::keep_one_thread();
}

CachingAllocator& make_cpu_allocator() {
  auto& allocator = *new CachingAllocator(kCPU, CachingConfig::cpu(total_memory() / 2),
                                          cpu_source(), nullptr, &malloc_source());
  allocator.set_also_in_use(&detail::small_published());
  const detail::Environment& environment = detail::environment();
  const AllocationMode mode = environment.allocation;
  allocator.set_passthrough(mode.passthrough);
  set_flag(kPassthrough, mode.passthrough);
  set_flag(kPoison, mode.poison);
  set_flag(kRefuse, !environment.complaint.empty());
  if (environment.fail_at) fail_allocation_at(environment.fail_at);
  pthread_atfork(lock_for_fork, unlock_after_fork, unlock_in_child);
  return allocator;
}

// Never destroyed: statics may free tensors when the process ends.
CachingAllocator& cpu_allocator() {
  static CachingAllocator& allocator = make_cpu_allocator();
  return allocator;
}

bool has_flag(Flag flag) { return detail::allocation_flags.load(std::memory_order_relaxed) & flag; }

void count_down(Device device, std::size_t bytes) {
  std::uint64_t left = fail_countdown.load();
  while (left > 0 && !fail_countdown.compare_exchange_weak(left, left - 1)) {
  }
  if (left != 1) return;
  set_flag(kFail, false);
  const MemoryStats s = memory_stats(device);
  throw OutOfMemory(fmt::format("[allocate] out of memory on {}: got a request for {} bytes, which "
                                "fail_allocation_at makes fail",
                                device, bytes),
                    bytes, s.in_use, s.cached(), s.limit);
}

Allocation allocate_small(CachingAllocator& allocator, std::size_t bytes) {
  const int c = detail::small_class(bytes);
  if (has_flag(kLimit)) {
    detail::publish_small();
    allocator.check_limit(detail::small_class_bytes(c));
  }
  void* data = small_alloc(bytes);
  detail::count_small_alloc_slow(c);
  if (has_flag(kLimit)) detail::publish_small();
  allocator.note_peak();
  return {data, nullptr, bytes};
}

void poison(CachingAllocator& allocator, const Allocation& a, unsigned char value) noexcept {
  if (a.handle) return allocator.fill(static_cast<CachingAllocator::Block*>(a.handle), value);
  allocator.source().fill(a.data, value, a.bytes, nullptr);
}

Allocation allocate_cached(CachingAllocator& allocator, Device device, std::size_t bytes) {
  StreamHandle stream = nullptr;
  if (device == kCPU) {
    detail::publish_small();
  } else if (const auto current = registered[device.index].current_stream) {
    stream = current(device.index);
  }
  CachingAllocator::Block* block = allocator.allocate(bytes, stream);
  return {CachingAllocator::data(block), block, bytes};
}

}  // namespace

namespace detail {

constinit std::atomic<std::uint32_t> allocation_flags{0};

bool small_passthrough() noexcept {
  static const bool on = environment().allocation.passthrough;
  return on;
}

Allocation allocate_slow(Device device, std::size_t bytes) {
  if (bytes == 0) return {};
  if (bytes >= kLongWork) check_interrupt("allocate");
  CachingAllocator& allocator = caching_allocator(device);
  if (has_flag(kRefuse)) environment().check();
  if (has_flag(kFail)) count_down(device, bytes);
  const bool small = device == kCPU && bytes <= kSmallData && !has_flag(kPassthrough);
  const Allocation a =
      small ? allocate_small(allocator, bytes) : allocate_cached(allocator, device, bytes);
  if (has_flag(kPoison)) poison(allocator, a, 0xA5);
  return a;
}

void deallocate_slow(Device device, const Allocation& a) noexcept {
  if (!a.data || (device != kCPU && cuda_left_behind())) return;
  CachingAllocator& allocator = caching_allocator(device);
  if (has_flag(kPoison)) poison(allocator, a, 0x5A);
  if (a.handle) return allocator.free(static_cast<CachingAllocator::Block*>(a.handle));
  small_free(a.data, a.bytes);
  count_small_free_slow(small_class(a.bytes));
}

}  // namespace detail

CachingAllocator& caching_allocator(Device device) {
  if (device == kCPU) return cpu_allocator();
  const auto find = [device] { return registered[device.index].allocator.load(); };
  if (device.index >= 0) {
    if (CachingAllocator* allocator = find()) [[likely]]
      return *allocator;
    cuda::plugin(device);  // loads the back end, which registers its devices
    if (CachingAllocator* allocator = find()) return *allocator;
  }
  fail<DeviceError>("allocate", "got device {}, which has no allocator here", device);
}

void register_allocator(Device device, CachingAllocator* allocator,
                        StreamHandle (*current_stream)(int)) {
  if (device.type == DeviceType::CPU || device.index < 0)
    fail<DeviceError>("register_allocator", "got {}, expected a device with an index", device);
  registered[device.index].current_stream = current_stream;
  registered[device.index].allocator.store(allocator);
  if (allocator) allocator->set_passthrough(allocation_mode().passthrough);
}

MemoryStats memory_stats(Device device) {
  CachingAllocator& allocator = caching_allocator(device);
  if (device != kCPU) return allocator.stats();
  detail::publish_small();
  allocator.note_peak();
  MemoryStats s = allocator.stats();
  const detail::SmallStats small = detail::small_stats();
  s.in_use += static_cast<std::size_t>(std::max<std::ptrdiff_t>(small.data_in_use, 0));
  s.reserved += small.reserved;
  s.peak_reserved += small.reserved;  // chunks only ever grow in number
  s.allocs += small.data_allocs;
  s.frees += small.data_frees;
  s.source_allocs += small.source_allocs;
  return s;
}

std::vector<MemoryBlock> memory_snapshot(Device device) {
  std::vector<MemoryBlock> blocks = caching_allocator(device).snapshot();
  const auto add = [](void* context, void* data, std::size_t bytes) {
    static_cast<std::vector<MemoryBlock>*>(context)->push_back(
        {data, bytes, 0, BlockState::Small, nullptr, 0, data, bytes});
  };
  if (device == kCPU) detail::for_each_small_chunk(add, &blocks);
  return blocks;
}

void empty_cache(Device device) { caching_allocator(device).empty_cache(); }

void set_memory_limit(std::size_t bytes, Device device) {
  CachingAllocator& allocator = caching_allocator(device);
  allocator.set_limit(bytes);
  if (device == kCPU) set_flag(kLimit, bytes != 0);
}

void reset_peak_memory_stats(Device device) {
  if (device == kCPU) detail::publish_small();
  caching_allocator(device).reset_peak();
}

void set_allocation_mode(AllocationMode mode) {
  cpu_allocator().set_passthrough(mode.passthrough);
  for (Registered& r : registered)
    if (CachingAllocator* allocator = r.allocator.load())
      allocator->set_passthrough(mode.passthrough);
  set_flag(kPassthrough, mode.passthrough);
  set_flag(kPoison, mode.poison);
}

AllocationMode allocation_mode() {
  cpu_allocator();
  return {has_flag(kPassthrough), has_flag(kPoison)};
}

void fail_allocation_at(std::uint64_t k) {
  fail_countdown.store(k);
  set_flag(kFail, k != 0);
}

}  // namespace weft
