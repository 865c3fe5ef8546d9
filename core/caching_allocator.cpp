#include <weft/core/caching_allocator.h>

#include <weft/core/caching_state.h>
#include <weft/core/check.h>

namespace weft {

using detail::Block;
using detail::Capture;
using detail::dispose;
using detail::kKiB;
using detail::kMiB;
using detail::make;
using detail::PrivatePool;
using detail::Segment;
using detail::StreamUse;

CachingConfig CachingConfig::cpu(std::size_t cache_cap) {
  CachingConfig c;
  c.round_to = 64 * kKiB;
  c.round_steps = 16;
  c.round_at_most = 2 * kMiB;
  c.slab_limit = kMiB;
  c.large_segment = 32 * kMiB;
  c.own_segment = 16 * kMiB;
  c.segment_round = 2 * kMiB;
  c.split_large = 64 * kKiB;
  c.cache_cap = cache_cap;
  return c;
}

CachingConfig CachingConfig::cuda() {
  CachingConfig c;
  c.small_limit = kMiB;
  c.small_segment = 2 * kMiB;
  c.large_segment = 20 * kMiB;
  c.own_segment = 10 * kMiB;
  c.segment_round = 2 * kMiB;
  c.split_large = kMiB + 1;
  c.limit_reserved = true;
  return c;
}

CachingAllocator::CachingAllocator(Device device, const CachingConfig& config, MemorySource& source,
                                   EventSource* events, MemorySource* direct)
    : source_(source),
      state_(new State(device, config, source, direct ? *direct : source, events)) {}

CachingAllocator::~CachingAllocator() {
  State& s = *state_;
  s.captures.clear();
  s.poll(true);
  s.dissolve_idle_slabs();
  while (s.segments) {
    Segment* segment = s.segments;
    for (Block *b = segment->first.next, *next; b; b = next) {
      next = b->next;
      if (b->state == BlockState::Cached) segment->pool->bins.remove(b);
      dispose(b);
    }
    s.release(segment);
  }
  if (s.spare) dispose(s.spare);
}

Block* CachingAllocator::allocate(std::size_t bytes, StreamHandle stream) {
  State& s = *state_;
  std::lock_guard lock(s.mutex);
  Block* b = s.serve(bytes, stream);
  b->requested = bytes;
  s.stats.in_use += b->size;
  ++s.stats.allocs;
  s.note_peak();
  return b;
}

void CachingAllocator::free(Block* b) noexcept {
  State& s = *state_;
  std::lock_guard lock(s.mutex);
  s.stats.in_use -= b->size;
  ++s.stats.frees;
  if (b->uses) return s.defer(b);
  s.give_back(b);
}

void* CachingAllocator::data(const Block* b) noexcept { return b->data; }
std::size_t CachingAllocator::size(const Block* b) noexcept { return b->size; }

void CachingAllocator::record_stream(Block* b, StreamHandle stream) {
  std::lock_guard lock(state_->mutex);
  if (stream == b->segment->pool->stream) return;
  for (StreamUse* use = b->uses; use; use = use->next)
    if (use->stream == stream) return;
  b->uses = make<StreamUse>(stream, nullptr, b, b->uses);
}

void CachingAllocator::fill(const Block* b, unsigned char value) noexcept {
  StreamHandle stream;
  {
    const std::lock_guard lock(state_->mutex);
    if (b->uses) return;
    stream = b->segment->pool->stream;
  }
  source_.fill(b->data, value, b->requested, stream);
}

int CachingAllocator::create_private_pool() {
  std::lock_guard lock(state_->mutex);
  auto& pools = state_->private_pools;
  return pools.emplace_back(PrivatePool{static_cast<int>(pools.size()) + 1, false}).id;
}

void CachingAllocator::begin_capture(StreamHandle stream, int pool) {
  State& s = *state_;
  std::lock_guard lock(s.mutex);
  const bool known = pool > 0 && pool <= static_cast<int>(s.private_pools.size()) &&
                     !s.private_pools[static_cast<std::size_t>(pool) - 1].released;
  if (!known) fail<ValueError>("begin_capture", "got pool {}, expected a private pool", pool);
  for (const Capture& c : s.captures)
    if (c.stream == stream)
      fail<ValueError>("begin_capture", "got a stream that is being captured");
  s.captures.push_back({stream, pool});
}

void CachingAllocator::end_capture(StreamHandle stream) {
  State& s = *state_;
  std::lock_guard lock(s.mutex);
  if (std::erase_if(s.captures, [&](const Capture& c) { return c.stream == stream; }) == 0)
    fail<ValueError>("end_capture", "got a stream that is not being captured");
  if (!s.captures.empty()) return;
  for (Block *b = std::exchange(s.after_capture, nullptr), *next; b; b = next) {
    next = std::exchange(b->bin_next, nullptr);
    s.record_events(b);
  }
}

void CachingAllocator::release_private_pool(int pool) {
  State& s = *state_;
  std::lock_guard lock(s.mutex);
  for (PrivatePool& p : s.private_pools)
    if (p.id == pool) p.released = true;
}

void CachingAllocator::empty_cache() noexcept {
  State& s = *state_;
  std::lock_guard lock(s.mutex);
  s.poll(true);
  s.dissolve_idle_slabs();
  s.trim(SIZE_MAX);
}

void CachingAllocator::set_limit(std::size_t bytes) noexcept {
  State& s = *state_;
  std::lock_guard lock(s.mutex);
  s.stats.limit = bytes;
  const std::size_t total = s.stats.reserved + s.also_in_use();
  if (bytes == 0 || total <= bytes) return;
  s.dissolve_idle_slabs();
  s.trim(total - bytes);
}

void CachingAllocator::set_passthrough(bool on) noexcept {
  std::lock_guard lock(state_->mutex);
  state_->passthrough = on;
}

void CachingAllocator::set_also_in_use(const std::atomic<std::ptrdiff_t>* bytes) noexcept {
  std::lock_guard lock(state_->mutex);
  state_->also = bytes;
}

void CachingAllocator::note_peak() noexcept {
  std::lock_guard lock(state_->mutex);
  state_->note_peak();
}

void CachingAllocator::check_limit(std::size_t bytes) {
  std::lock_guard lock(state_->mutex);
  state_->check_limit(bytes, bytes);
}

MemoryStats CachingAllocator::stats() const {
  std::lock_guard lock(state_->mutex);
  return state_->stats;
}

std::vector<MemoryBlock> CachingAllocator::snapshot() const {
  std::lock_guard lock(state_->mutex);
  std::vector<MemoryBlock> out;
  const auto add = [&](const Block& b) {
    const Segment& s = *b.segment;
    out.push_back({b.data, b.size, b.state == BlockState::InUse ? b.requested : 0, b.state,
                   s.pool->stream, s.pool->private_pool, s.first.data, s.size});
  };
  for (const Segment* s = state_->segments; s; s = s->next) {
    for (const Block* b = &s->first; b; b = b->next) {
      if (!b->cut) add(*b);
      for (const Block* piece = b->cut ? b->cut->first : nullptr; piece; piece = piece->next)
        add(*piece);
    }
  }
  return out;
}

void CachingAllocator::reset_peak() noexcept {
  State& s = *state_;
  std::lock_guard lock(s.mutex);
  s.stats.peak_in_use = s.stats.in_use + s.also_in_use();
  s.stats.peak_reserved = s.stats.reserved;
}

void CachingAllocator::lock() const { state_->mutex.lock(); }
void CachingAllocator::unlock() const { state_->mutex.unlock(); }

}  // namespace weft
