#include <weft/cpu/dnnl/cache.h>

#include <omp.h>

#include <weft/core/threads.h>

namespace weft::cpu::dnnl {

std::uint64_t Key::hash() const {
  std::uint64_t h = 0x9E3779B97F4A7C15u;
  for (std::int64_t w : words) {
    h = (h ^ static_cast<std::uint64_t>(w)) * 0xBF58476D1CE4E5B9u;
    h ^= h >> 29;
  }
  return h;
}

OperationCache& OperationCache::of_this_thread() {
  thread_local OperationCache cache;
  return cache;
}

ThreadScope::ThreadScope(bool single) {
  apply_num_threads();
  before_ = omp_get_max_threads();
  threads_ = single || omp_in_parallel() ? 1 : before_;
  if (threads_ != before_) omp_set_num_threads(threads_);
}

ThreadScope::~ThreadScope() {
  if (threads_ != before_) omp_set_num_threads(before_);
}

}  // namespace weft::cpu::dnnl
