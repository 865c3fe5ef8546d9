#include <algorithm>

#include <weft/core/caching_state.h>
#include <weft/core/check.h>

namespace weft {

using detail::Block;
using detail::Capture;
using detail::dispose;
using detail::kKiB;
using detail::kMiB;
using detail::make;
using detail::Pool;
using detail::PrivatePool;
using detail::round_up;
using detail::Segment;
using detail::Slab;
using detail::SlabClass;
using detail::StreamUse;

namespace {

constexpr std::size_t kMaxRequest = std::size_t{1} << 48;  // keeps the arithmetic from overflowing

std::string human(std::size_t bytes) {
  const char* units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  int unit = 0;
  double value = static_cast<double>(bytes);
  for (; value >= 1024; value /= 1024) ++unit;
  return unit == 0 ? fmt::format("{} B", bytes) : fmt::format("{:.1f} {}", value, units[unit]);
}

std::size_t round_request(const CachingConfig& c, std::size_t bytes) {
  if (bytes <= c.slab_limit) return SlabClass(bytes).size;
  std::size_t step = c.round_to;
  if (c.round_steps > 0) {
    const std::size_t wanted = std::bit_floor(bytes) / static_cast<std::size_t>(c.round_steps);
    step = std::clamp(wanted, step, std::max(step, c.round_at_most));
  }
  return round_up(bytes, step);
}

std::size_t segment_size(const CachingConfig& c, bool small, std::size_t size) {
  const std::size_t exact = round_up(size, c.segment_round);
  if (small) return std::max(c.small_segment, exact);
  return size < c.own_segment ? std::max(c.large_segment, exact) : exact;
}

std::size_t slab_size(std::size_t piece) { return std::clamp(piece * 16, 256 * kKiB, 4 * kMiB); }

}  // namespace

// -- requests

Block* CachingAllocator::State::serve(std::size_t bytes, StreamHandle stream) {
  if (bytes > kMaxRequest) out_of_memory(bytes);
  if (pending) poll(false);
  const std::size_t size = passthrough ? bytes : round_request(config, bytes);
  check_limit(size, bytes);
  Pool& pool = pool_for(stream, bytes);
  if (passthrough) return direct_block(pool, bytes);
  if (bytes <= config.slab_limit) return take_piece(pool, SlabClass(bytes), bytes);
  return obtain(pool, size, size, bytes);
}

void CachingAllocator::State::check_limit(std::size_t size, std::size_t bytes) {
  if (stats.limit && stats.in_use + also_in_use() + size > stats.limit) out_of_memory(bytes);
}

Pool& CachingAllocator::State::pool_for(StreamHandle stream, std::size_t bytes) {
  int id = 0;
  for (const Capture& c : captures)
    if (c.stream == stream) id = c.pool;
  const bool small = bytes <= config.small_limit;
  for (const auto& p : pools)
    if (p->stream == stream && p->private_pool == id && p->small == small) return *p;
  auto pool = std::make_unique<Pool>();
  pool->stream = stream;
  pool->private_pool = id;
  pool->small = small;
  return *pools.emplace_back(std::move(pool));
}

Block* CachingAllocator::State::direct_block(Pool& pool, std::size_t bytes) {
  Segment* segment = add_segment(pool, bytes, direct);
  if (!segment) out_of_memory(bytes);
  segment->direct = true;
  return &segment->first;
}

Block* CachingAllocator::State::obtain(Pool& pool, std::size_t want, std::size_t least,
                                       std::size_t bytes) {
  if (!spare) spare = make<Block>();
  Block* b = take(pool, want);
  if (!b) b = new_segment(pool, want, segment_size(config, pool.small, want));
  if (!b) b = last_resort(pool, want, least);
  if (!b) out_of_memory(bytes);
  split(b, want);
  return b;
}

Block* CachingAllocator::State::take(Pool& pool, std::size_t size) {
  Block* b = pool.bins.best(size);
  if (!b) return nullptr;
  pool.bins.remove(b);
  b->state = BlockState::InUse;
  return b;
}

Block* CachingAllocator::State::last_resort(Pool& pool, std::size_t want, std::size_t least) {
  ++stats.retries;
  Block* b = nullptr;
  if (poll(false) && (b = take(pool, want))) return b;
  dissolve_idle_slabs();
  if ((b = take(pool, want))) return b;
  trim(segment_size(config, pool.small, want));
  if ((b = new_segment(pool, want, segment_size(config, pool.small, want)))) return b;
  poll(true);
  dissolve_idle_slabs();
  if ((b = take(pool, want))) return b;
  trim(SIZE_MAX);
  if ((b = new_segment(pool, want, round_up(want, config.segment_round)))) return b;
  if ((b = take(pool, least))) return b;
  return least < want ? new_segment(pool, least, round_up(least, config.segment_round)) : nullptr;
}

void CachingAllocator::State::split(Block* b, std::size_t size) {
  Pool& pool = *b->segment->pool;
  const std::size_t smallest = pool.small ? config.split_small : config.split_large;
  if (b->size < size + smallest) return;
  Block* rest = std::exchange(spare, nullptr);
  *rest = {};
  rest->data = b->data + size;
  rest->size = b->size - size;
  rest->segment = b->segment;
  rest->previous = b;
  rest->next = b->next;
  if (rest->next) rest->next->previous = rest;
  rest->state = BlockState::Cached;
  b->next = rest;
  b->size = size;
  pool.bins.add(rest);
}

void CachingAllocator::State::out_of_memory(std::size_t bytes) {
  ++stats.failures;
  const std::size_t in_use = stats.in_use + also_in_use(), cached = stats.cached();
  const std::size_t most = stats.limit ? stats.limit : source.capacity();
  const std::size_t room = most > in_use ? most - in_use : 0;
  const std::string reason =
      most > 0 && room < bytes ? "expected at most " + human(room) : "which the system refused";
  throw OutOfMemory(
      fmt::format("[allocate] out of memory on {}: got a request for {}, {} (in use {}, cached {}, "
                  "limit {})",
                  device, human(bytes), reason, human(in_use), human(cached),
                  stats.limit ? human(stats.limit) : "none"),
      bytes, in_use, cached, stats.limit);
}

// -- slabs

Block* CachingAllocator::State::take_piece(Pool& pool, SlabClass c, std::size_t bytes) {
  Slab* slab = pool.slabs[static_cast<std::size_t>(c.index)];
  if (!slab) slab = new_slab(pool, c, bytes);
  Block* piece = slab->free;
  if (piece) {
    slab->free = piece->bin_next;
  } else {
    piece = make<Block>();
    piece->data = slab->home->data + slab->piece * static_cast<std::size_t>(slab->cut++);
    piece->size = slab->piece;
    piece->segment = slab->home->segment;
    piece->slab = slab;
    piece->previous = slab->last;
    (slab->last ? slab->last->next : slab->first) = piece;
    slab->last = piece;
  }
  piece->bin_next = nullptr;
  piece->state = BlockState::InUse;
  ++slab->live;
  if (slab->full()) unlink(slab);
  return piece;
}

Slab* CachingAllocator::State::new_slab(Pool& pool, SlabClass c, std::size_t bytes) {
  Slab* slab = make<Slab>();
  try {
    const std::size_t want = round_up(slab_size(c.size), config.round_to);
    slab->home = obtain(pool, want, round_up(c.size, config.round_to), bytes);
  } catch (...) {
    dispose(slab);
    throw;
  }
  slab->home->cut = slab;
  slab->piece = c.size;
  slab->size_class = c.index;
  slab->capacity = static_cast<int>(slab->home->size / c.size);
  link(slab);
  return slab;
}

void CachingAllocator::State::link(Slab* slab) {
  Slab*& head = slab->home->segment->pool->slabs[static_cast<std::size_t>(slab->size_class)];
  slab->previous = nullptr;
  slab->next = head;
  if (head) head->previous = slab;
  head = slab;
}

void CachingAllocator::State::unlink(Slab* slab) {
  Slab*& head = slab->home->segment->pool->slabs[static_cast<std::size_t>(slab->size_class)];
  (slab->previous ? slab->previous->next : head) = slab->next;
  if (slab->next) slab->next->previous = slab->previous;
  slab->previous = slab->next = nullptr;
}

void CachingAllocator::State::give_back_piece(Block* piece) {
  Slab* slab = piece->slab;
  if (slab->full()) link(slab);
  piece->state = BlockState::Cached;
  piece->bin_next = slab->free;
  slab->free = piece;
  // The last one with room stays, so that one tensor made and freed in turn does not cut it anew.
  if (--slab->live == 0 && (slab->previous || slab->next)) dissolve(slab);
}

void CachingAllocator::State::dissolve(Slab* slab) {
  unlink(slab);
  for (Block *piece = slab->first, *next; piece; piece = next) {
    next = piece->next;
    dispose(piece);
  }
  Block* home = slab->home;
  home->cut = nullptr;
  dispose(slab);
  give_back(home);
}

void CachingAllocator::State::dissolve_idle_slabs() {
  for (const auto& pool : pools) {
    for (Slab* slab : pool->slabs) {
      for (Slab* next; slab; slab = next) {
        next = slab->next;
        if (slab->live == 0) dissolve(slab);
      }
    }
  }
}

// -- segments

// A segment of `size` bytes as one free block, taken.
Block* CachingAllocator::State::new_segment(Pool& pool, std::size_t want, std::size_t size) {
  const auto excess = [&] {
    const std::size_t total = stats.reserved + also_in_use() + size;
    return stats.limit && total > stats.limit ? total - stats.limit : 0;
  };
  if (excess()) trim(excess());
  if (excess()) size = round_up(want, config.segment_round);
  if (excess() && config.limit_reserved) return nullptr;
  Segment* segment = add_segment(pool, size, source);
  return segment ? &segment->first : nullptr;
}

Segment* CachingAllocator::State::add_segment(Pool& pool, std::size_t size, MemorySource& from) {
  Segment* segment = make<Segment>();
  void* data = nullptr;
  try {
    data = from.allocate(size);
  } catch (...) {
    dispose(segment);
    throw;
  }
  if (!data) {
    dispose(segment);
    return nullptr;
  }
  segment->first.data = static_cast<char*>(data);
  segment->first.size = segment->size = size;
  segment->first.segment = segment;
  segment->pool = &pool;
  segment->source = &from;
  segment->next = segments;
  if (segments) segments->previous = segment;
  segments = segment;
  stats.reserved += size;
  stats.peak_reserved = std::max(stats.peak_reserved, stats.reserved);
  ++stats.source_allocs;
  return segment;
}

void CachingAllocator::State::release(Segment* segment) {
  (segment->previous ? segment->previous->next : segments) = segment->next;
  if (segment->next) segment->next->previous = segment->previous;
  if (segment->first.state == BlockState::Cached) segment->pool->bins.remove(&segment->first);
  stats.reserved -= segment->size;
  ++stats.source_frees;
  segment->source->free(segment->first.data, segment->size);
  dispose(segment);
}

bool CachingAllocator::State::releasable(const Segment& segment) const {
  if (!segment.idle()) return false;
  const int id = segment.pool->private_pool;
  return id == 0 || std::ranges::any_of(private_pools, [&](const PrivatePool& p) {
           return p.id == id && p.released;
         });
}

// Gives back empty segments, the longest empty first, until `enough` bytes are gone.
void CachingAllocator::State::trim(std::size_t enough) {
  for (std::size_t gone = 0; gone < enough;) {
    Segment* oldest = nullptr;
    for (Segment* s = segments; s; s = s->next)
      if (releasable(*s) && (!oldest || s->idle_since < oldest->idle_since)) oldest = s;
    if (!oldest) return;
    gone += oldest->size;
    release(oldest);
  }
}

// -- returning blocks

void CachingAllocator::State::give_back(Block* b) {
  if (b->slab) return give_back_piece(b);
  if (b->segment->direct) return release(b->segment);
  b->state = BlockState::Cached;
  b->requested = 0;
  Pool& pool = *b->segment->pool;
  if (Block* right = b->next; right && right->state == BlockState::Cached) {
    pool.bins.remove(right);
    merge(b, right);
  }
  if (Block* left = b->previous; left && left->state == BlockState::Cached) {
    pool.bins.remove(left);
    merge(left, b);
    b = left;
  }
  pool.bins.add(b);
  if (b->size != b->segment->size) return;
  b->segment->idle_since = ++clock;
  if (stats.cached() > config.cache_cap) trim(stats.cached() - config.cache_cap);
}

void CachingAllocator::State::merge(Block* left, Block* right) {
  left->size += right->size;
  left->next = right->next;
  if (left->next) left->next->previous = left;
  dispose(right);
}

void CachingAllocator::State::defer(Block* b) {
  b->state = BlockState::Pending;
  if (captures.empty()) return record_events(b);
  b->bin_next = after_capture;
  after_capture = b;
}

void CachingAllocator::State::record_events(Block* b) {
  for (StreamUse *use = std::exchange(b->uses, nullptr), *next; use; use = next) {
    next = std::exchange(use->next, nullptr);
    use->event = events ? events->record(use->stream) : nullptr;
    if (!use->event) {
      dispose(use);
      continue;
    }
    ++b->events;
    *pending_end = use;
    pending_end = &use->next;
  }
  if (b->events == 0) give_back(b);
}

// Returns the blocks whose events have all passed; says whether there were any.
bool CachingAllocator::State::poll(bool wait) {
  if (!captures.empty()) return false;
  bool any = false;
  StreamUse** at = &pending;
  while (StreamUse* use = *at) {
    if (wait) events->wait(use->event);
    if (!wait && !events->done(use->event)) {
      at = &use->next;
      continue;
    }
    events->release(use->event);
    *at = use->next;
    if (!*at) pending_end = at;
    Block* b = use->block;
    dispose(use);
    if (--b->events == 0) {
      give_back(b);
      any = true;
    }
  }
  return any;
}

}  // namespace weft
