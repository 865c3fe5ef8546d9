#pragma once

#include <array>
#include <memory>

#include <weft/cpu/dnnl/operation.h>

namespace weft::cpu::dnnl {

// What an operation is: numbers only, compared as such; unused ones are 0.
struct Key {
  std::array<std::int64_t, 24> words{};
  int used = 0;

  void add(std::int64_t word) { words[static_cast<std::size_t>(used++)] = word; }
  friend bool operator==(const Key& a, const Key& b) { return a.words == b.words; }
  std::uint64_t hash() const;
};

// The operations one thread has prepared: 64 sets of 8; the least recently used of a full set goes.
// No locks: threads that run the same operation at once each have their own.
class OperationCache {
 public:
  static OperationCache& of_this_thread();

  // make() gives an Operation; the result belongs to the cache and lasts until the next find().
  template <class Make>
  Operation& find(const Key& key, Make&& make) {
    Entry* set = sets_.get() + key.hash() % kSets * kWays;
    Entry* oldest = set;
    for (Entry* e = set; e != set + kWays; ++e) {
      if (e->last_use && e->key == key) {
        e->last_use = ++clock_;
        return e->operation;
      }
      if (e->last_use < oldest->last_use) oldest = e;
    }
    oldest->operation = make();
    oldest->key = key;
    oldest->last_use = ++clock_;
    return oldest->operation;
  }

 private:
  static constexpr std::uint64_t kSets = 64, kWays = 8;
  struct Entry {
    Key key;
    std::uint64_t last_use = 0;  // 0: empty
    Operation operation;
  };

  std::unique_ptr<Entry[]> sets_ = std::make_unique<Entry[]>(kSets * kWays);
  std::uint64_t clock_ = 0;
};

// Operations made and run in its scope use one thread where `single`, else all that are set.
class ThreadScope {
 public:
  explicit ThreadScope(bool single);
  ThreadScope(const ThreadScope&) = delete;
  ThreadScope& operator=(const ThreadScope&) = delete;
  ~ThreadScope();
  int threads() const { return threads_; }  // belongs into every key

 private:
  int before_, threads_;
};

}  // namespace weft::cpu::dnnl
