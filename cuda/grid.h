#pragma once

#include <algorithm>
#if !defined(__CUDACC__)
#include <functional>
#endif

#include <weft/core/shape.h>
#include <weft/cuda/runtime.h>

// Launches. The body of a kernel is a struct with `WEFT_HD void operator()(Index i) const`. nvcc
// makes it a grid's; any other compiler makes loops over the same grid, block after block and
// thread after thread: so all of it but launches and library calls is tested without a device
// (tests/cuda/). For .cu files only.
namespace weft::cuda {

inline constexpr int kThreads = 256;
// Far more than it holds at a time, so that the last ones to end are a small part.
inline constexpr int kBlocksPerMultiprocessor = 64;

#if !defined(__CUDACC__)
// Queues what would be a launch on the thread's stream.
void simulate(std::function<void()> work);
#endif

struct Grid {
  Index blocks;
  int threads;
};

// Blocks for n threads, but for no more than keep a device of so many multiprocessors busy: then
// threads stride over the rest.
inline Grid grid_for(Index n, int multiprocessors, int threads = kThreads) {
  const Index most = Index{multiprocessors} * kBlocksPerMultiprocessor;
  return {std::clamp<Index>((n + threads - 1) / threads, 1, most), threads};
}

template <class Body>
WEFT_HD void run_thread(const Body& body, Index n, Index thread, Index step) {
  for (Index i = thread; i < n; i += step) body(i);
}

#if defined(__CUDACC__)
template <class Body>
__global__ void __launch_bounds__(kThreads) run_grid(const __grid_constant__ Body body, Index n) {
  run_thread(body, n, Index{blockIdx.x} * blockDim.x + threadIdx.x, Index{gridDim.x} * blockDim.x);
}
#endif

// body(i) for every i below n, in any order.
template <class Body>
void for_each(const char* op, Index n, const Body& body) {
  if (n == 0) return;
  const Grid grid = grid_for(n, multiprocessors());
#if defined(__CUDACC__)
  run_grid<<<static_cast<unsigned>(grid.blocks), static_cast<unsigned>(grid.threads), 0,
             static_cast<cudaStream_t>(stream())>>>(body, n);
#else
  simulate([body, n, threads = grid.blocks * grid.threads] {
    for (Index t = 0; t < threads; ++t) run_thread(body, n, t, threads);
  });
#endif
  launched(op);
}

// Reductions. A Body has a type Acc (trivially copyable) and
//   Acc part(Index group, int lane, int lanes) const: what one of the lanes finds in its share,
//   Acc join(Acc a, Acc b) const,
//   void finish(Index group, Acc) const,
// and where each element is made of what was found in all of them
//   void spread(Index group, int lane, int lanes) const, called after finish: the second reading
// of a row, then, is of the cache.
// Shares are joined in a fixed tree, so the bits depend on `lanes` alone.
template <class Body>
concept Spreads = requires(const Body& body) {
  body.spread(Index{}, 0, 1);
};
template <class Body>
WEFT_HD void join_half(const Body& body, typename Body::Acc* lane, int i, int half) {
  if (i < half) lane[i] = body.join(lane[i], lane[i + half]);
}

#if defined(__CUDACC__)
template <class Body>
__global__ void __launch_bounds__(kThreads)
    run_groups(const __grid_constant__ Body body, Index groups) {
  using Acc = typename Body::Acc;
  extern __shared__ __align__(16) unsigned char shared[];
  const int lanes = static_cast<int>(blockDim.x), lane = static_cast<int>(threadIdx.x);
  Acc* all = reinterpret_cast<Acc*>(shared) + threadIdx.y * blockDim.x;
  // Whole blocks go round together: the barriers below are for all of their threads.
  const Index step = Index{gridDim.x} * blockDim.y;
  for (Index first = Index{blockIdx.x} * blockDim.y; first < groups; first += step) {
    const Index group = first + threadIdx.y;
    const bool there = group < groups;
    if (there) all[lane] = body.part(group, lane, lanes);
    for (int half = lanes / 2; half > 0; half /= 2) {
      __syncthreads();
      if (there) join_half(body, all, lane, half);
    }
    if (there && lane == 0) body.finish(group, all[0]);
    __syncthreads();
    if constexpr (Spreads<Body>) {
      if (there) body.spread(group, lane, lanes);
    }
  }
}
#endif

// Each of the groups with `lanes` threads, a power of two up to kThreads.
template <class Body>
void for_groups(const char* op, Index groups, int lanes, const Body& body) {
  using Acc = typename Body::Acc;
  if (groups == 0) return;
#if defined(__CUDACC__)
  const dim3 threads(static_cast<unsigned>(lanes), static_cast<unsigned>(kThreads / lanes));
  const Grid grid = grid_for(groups, multiprocessors(), kThreads / lanes);
  run_groups<<<static_cast<unsigned>(grid.blocks), threads, kThreads * sizeof(Acc),
               static_cast<cudaStream_t>(stream())>>>(body, groups);
#else
  simulate([body, groups, lanes] {
    Acc all[kThreads];
    for (Index group = 0; group < groups; ++group) {
      for (int i = 0; i < lanes; ++i) all[i] = body.part(group, i, lanes);
      for (int half = lanes / 2; half > 0; half /= 2) {
        for (int i = 0; i < lanes; ++i) join_half(body, all, i, half);
      }
      body.finish(group, all[0]);
      if constexpr (Spreads<Body>) {
        for (int i = 0; i < lanes; ++i) body.spread(group, i, lanes);
      }
    }
  });
#endif
  launched(op);
}

// Lanes for groups of n elements: enough to be quick, few enough that each has work.
inline int lanes_for(Index n) {
  int lanes = 1;
  while (lanes < kThreads && lanes * 4 < n) lanes *= 2;
  return lanes;
}

}  // namespace weft::cuda
