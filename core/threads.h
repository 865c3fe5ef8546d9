#pragma once

#include <memory>
#include <type_traits>

#include <weft/core/macros.h>
#include <weft/core/shape.h>

// One thread runtime: OpenMP, which oneDNN uses too. Its workers wait for the next region actively
// for a few milliseconds at most (libgomp's default) and then sleep; an idle process uses no CPU.
namespace weft {

// How many threads an operation may use, from 1 to 1024; else ValueError. At start:
// WEFT_NUM_THREADS, else OMP_NUM_THREADS, else the processors this process may use (affinity,
// control group's quota).
WEFT_API void set_num_threads(int threads);
WEFT_API int get_num_threads() noexcept;

// OpenMP keeps its own setting for each thread: call this before a library that reads it.
WEFT_API void apply_num_threads() noexcept;

namespace detail {

struct RangeFunction {
  const void* object;
  void (*call)(const void* object, Index begin, Index end);
};
WEFT_API void run_parallel(Index begin, Index end, Index grain, RangeFunction body);

}  // namespace detail

// Calls body(b, e) on ranges that together are [begin, end): in the calling thread where there are
// no more than grain elements, one thread is set or the caller is itself in a parallel region, else
// on several threads, each with at most one range of at least grain elements but for rounding (in
// several calls where an interrupt check is set). How ranges are cut depends on the number of
// threads. An exception (the first, of several) reaches the caller after all ranges have ended.
template <class F>
void parallel_for(Index begin, Index end, Index grain, F&& body) {
  if (end <= begin) return;
  if (end - begin <= grain) {
    body(begin, end);
    return;
  }
  using Body = std::remove_reference_t<F>;
  const auto call = [](const void* object, Index b, Index e) {
    (*const_cast<Body*>(static_cast<const Body*>(object)))(b, e);
  };
  detail::run_parallel(begin, end, grain, {std::addressof(body), call});
}

}  // namespace weft
