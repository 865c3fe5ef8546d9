#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include <weft/core/caching_allocator.h>
#include <weft/core/error.h>
#include <weft/tests/catch.h>

namespace weft::test {

inline constexpr std::size_t KiB = 1024, MiB = 1024 * KiB, GiB = 1024 * MiB;

inline StreamHandle stream(std::uintptr_t n) { return reinterpret_cast<StreamHandle>(n); }

using Log = std::vector<std::string>;

// Hands out addresses with no memory behind them: the policy must never touch a block.
class FakeSource final : public MemorySource {
 public:
  explicit FakeSource(std::size_t limit = SIZE_MAX, Log* log = nullptr) : limit(limit), log_(log) {}
  ~FakeSource() override { CHECK(held == 0); }

  void* allocate(std::size_t bytes) override {
    if (broken) throw DeviceError("the device is gone");
    const bool refused = fail_calls.contains(++calls) || bytes > limit || held > limit - bytes;
    note((refused ? "refuse " : "allocate ") + std::to_string(bytes / KiB));
    if (refused) return nullptr;
    held += bytes;
    auto* data = reinterpret_cast<void*>(next_);
    next_ += bytes + 2 * MiB;
    given_[data] = bytes;
    return data;
  }

  void free(void* data, std::size_t bytes) noexcept override {
    note("free " + std::to_string(bytes / KiB));
    const auto at = given_.find(data);
    CHECK((at != given_.end() && at->second == bytes));
    if (at != given_.end()) given_.erase(at);
    held -= bytes;
  }

  std::size_t limit, held = 0;
  int calls = 0;
  bool broken = false;
  std::set<int> fail_calls;  // the fault plan: calls of allocate, counted from 1, that fail

 private:
  void note(std::string what) {
    if (log_) log_->push_back(std::move(what));
  }
  Log* log_;
  std::uintptr_t next_ = std::uintptr_t{1} << 40;
  std::map<void*, std::size_t> given_;
};

// Events pass when the test says that their stream has finished, or when somebody waits.
class FakeEvents final : public EventSource {
 public:
  explicit FakeEvents(Log* log = nullptr) : log_(log) {}
  ~FakeEvents() override { CHECK(live() == 0); }

  EventHandle record(StreamHandle s) noexcept override {
    CHECK_FALSE(capturing);
    note("record");
    streams_.push_back(s);
    state_.push_back(State::Queued);
    return reinterpret_cast<EventHandle>(streams_.size());
  }
  bool done(EventHandle e) noexcept override {
    CHECK_FALSE(capturing);
    note("poll");
    return state_[index(e)] == State::Passed;
  }
  void wait(EventHandle e) noexcept override {
    CHECK_FALSE(capturing);
    note("wait");
    if (state_[index(e)] == State::Queued) state_[index(e)] = State::Passed;
  }
  void release(EventHandle e) noexcept override {
    CHECK(state_[index(e)] == State::Passed);
    state_[index(e)] = State::Released;
  }

  void finish(StreamHandle s) {
    for (std::size_t i = 0; i < state_.size(); ++i)
      if (streams_[i] == s && state_[i] == State::Queued) state_[i] = State::Passed;
  }
  std::size_t live() const {
    std::size_t n = 0;
    for (State s : state_) n += s != State::Released;
    return n;
  }
  std::size_t recorded() const { return state_.size(); }
  bool passed(std::size_t i) const { return state_[i] != State::Queued; }

  bool capturing = false;  // events may then be neither made nor queried

 private:
  enum class State { Queued, Passed, Released };
  static std::size_t index(EventHandle e) { return reinterpret_cast<std::uintptr_t>(e) - 1; }
  void note(const char* what) {
    if (log_) log_->push_back(what);
  }
  Log* log_;
  std::vector<StreamHandle> streams_;
  std::vector<State> state_;
};

// An allocator over both, in the shape of a GPU unless told otherwise.
struct Fake {
  explicit Fake(CachingConfig config = CachingConfig::cuda(), std::size_t limit = SIZE_MAX)
      : source(limit, &log), events(&log), allocator(kCPU, config, source, &events) {}

  void* data(CachingAllocator::Block* b) { return CachingAllocator::data(b); }

  Log log;
  FakeSource source;
  FakeEvents events;
  CachingAllocator allocator;
};

// What must hold of every snapshot: blocks tile their segments, free neighbours were merged, and
// the sums are those of the statistics.
inline void check_consistent(const CachingAllocator& allocator, std::size_t slab_limit = 0) {
  const MemoryStats stats = allocator.stats();
  const std::vector<MemoryBlock> blocks = allocator.snapshot();
  std::size_t in_use = 0, reserved = 0;
  bool tiled = true, merged = true;
  const MemoryBlock* last = nullptr;
  for (const MemoryBlock& b : blocks) {
    const bool first = !last || last->segment != b.segment;
    if (first) reserved += b.segment_bytes;
    if (b.state == BlockState::InUse) in_use += b.bytes;
    const auto* begin = static_cast<const char*>(b.data);
    const char* end =
        first ? static_cast<char*>(b.segment) : static_cast<const char*>(last->data) + last->bytes;
    tiled = tiled && (slab_limit ? begin >= end : begin == end) &&
            begin + b.bytes <= static_cast<char*>(b.segment) + b.segment_bytes;
    merged = merged && (first || slab_limit || b.state != BlockState::Cached ||
                        last->state != BlockState::Cached);
    last = &b;
  }
  CHECK(tiled);
  CHECK(merged);
  CHECK(in_use == stats.in_use);
  CHECK(reserved == stats.reserved);
}

}  // namespace weft::test
