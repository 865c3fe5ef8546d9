#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <limits>

#include <omp.h>

#include <weft/core/check.h>
#include <weft/core/environment.h>
#include <weft/core/fork.h>
#include <weft/core/interrupt.h>
#include <weft/core/threads.h>

#if defined(__SANITIZE_THREAD__)
extern "C" void __tsan_acquire(void*);
extern "C" void __tsan_release(void*);
#endif

namespace weft {
namespace {

using detail::kMaxThreads;
constexpr Index kMaxGrain = Index{1} << 40;

// How many processors a control group's "quota period" allows, in microseconds a period.
int quota() {
  std::ifstream file("/sys/fs/cgroup/cpu.max");
  double quota = 0, period = 0;
  if (!(file >> quota >> period) || quota <= 0 || period <= 0) return kMaxThreads;
  return static_cast<int>(std::clamp(quota / period + 0.5, 1.0, double{kMaxThreads}));
}

int default_threads() {
  int threads = detail::environment().threads;
  if (threads < 1)
    threads = std::getenv("OMP_NUM_THREADS") ? omp_get_max_threads()
                                             : std::min(omp_get_num_procs(), quota());
  return std::clamp(threads, 1, kMaxThreads);
}

std::atomic<int>& thread_count() {
  static std::atomic<int> count{default_threads()};
  return count;
}

std::atomic<bool> started{false};  // OpenMP's workers
std::atomic<bool> forked{false};   // from a process that had them

struct Job {
  Index begin, end, ranges;
  Index piece;  // what is run between two looks for an interrupt, or more than there is
  detail::RangeFunction body;
  std::atomic<bool> failed{false};
  std::exception_ptr error;
  char start = 0, done = 0;  // addresses for the annotations below
};

// What runs for a millisecond or so, and costs far more than to start again in the midst.
Index piece_of(Index grain) { return grain > 1 ? std::min(grain, kMaxGrain) * 32 : 1; }

void run_pieces(const detail::RangeFunction& body, Index begin, Index end, Index piece) {
  for (; end - begin > piece; begin += piece) {
    body.call(body.object, begin, begin + piece);
    check_interrupt("loop");
  }
  body.call(body.object, begin, end);
}

// Thread sanitizer does not see libgomp's fork and join.
void annotate_release([[maybe_unused]] char& at) {
#if defined(__SANITIZE_THREAD__)
  __tsan_release(&at);
#endif
}
void annotate_acquire([[maybe_unused]] char& at) {
#if defined(__SANITIZE_THREAD__)
  __tsan_acquire(&at);
#endif
}

[[gnu::noinline]] void run_range(Job& job, Index i) noexcept {
  annotate_acquire(job.start);
  const Index length = job.end - job.begin, each = length / job.ranges, more = length % job.ranges;
  const Index first = job.begin + i * each + std::min(i, more);
  try {
    const detail::RegionMember member(job.failed);
    run_pieces(job.body, first, first + each + (i < more ? 1 : 0), job.piece);
  } catch (...) {
    if (!job.failed.exchange(true)) job.error = std::current_exception();
  }
  annotate_release(job.done);
}

[[gnu::noinline]]
#if defined(__SANITIZE_THREAD__)
__attribute__((no_sanitize("thread")))
#endif
void fork_join(Job& job) {
  Job* const shared = &job;
#pragma omp parallel num_threads(static_cast <int>(shared->ranges)) firstprivate(shared)
  {
    // Fewer threads may come than were asked for.
    for (Index i = omp_get_thread_num(); i < shared->ranges; i += omp_get_num_threads())
      run_range(*shared, i);
  }
}

}  // namespace

void set_num_threads(int threads) {
  if (threads < 1 || threads > kMaxThreads)
    fail<ValueError>("set_num_threads", "got {}, expected 1 to {}", threads, kMaxThreads);
  if (threads > 1 && forked)
    fail<Error>("set_num_threads",
                "got {}, expected 1: this process was forked from one that had threads at work",
                threads);
  thread_count().store(threads, std::memory_order_relaxed);
  apply_num_threads();
}

void detail::keep_one_thread() noexcept {
  if (!started) return;
  forked = true;
  thread_count() = 1;
  omp_set_num_threads(1);
}

int get_num_threads() noexcept { return thread_count().load(std::memory_order_relaxed); }

void apply_num_threads() noexcept {
  thread_local int applied = 0;
  const int threads = get_num_threads();
  if (applied == threads) return;
  started = true;
  omp_set_num_threads(threads);
  applied = threads;
}

void detail::run_parallel(Index begin, Index end, Index grain, RangeFunction body) {
  grain = std::max<Index>(grain, 1);
  const Index wanted = (end - begin - 1) / grain + 1;  // end - begin may be near the largest number
  const Index ranges = std::min<Index>(get_num_threads(), wanted);
  if (omp_in_parallel()) return body.call(body.object, begin, end);
  const Index piece = interruptible() ? piece_of(grain) : std::numeric_limits<Index>::max();
  if (ranges <= 1) return run_pieces(body, begin, end, piece);
  Job job{
      .begin = begin, .end = end, .ranges = ranges, .piece = piece, .body = body, .error = nullptr};
  annotate_release(job.start);
  started = true;
  fork_join(job);
  annotate_acquire(job.done);
  if (job.error) std::rethrow_exception(job.error);
}

}  // namespace weft
