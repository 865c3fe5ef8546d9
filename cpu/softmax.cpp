#include <weft/cpu/softmax.h>

#include <algorithm>

#include <weft/core/allocator.h>
#include <weft/cpu/isa.h>
#include <weft/cpu/loop_walk.h>
#include <weft/cpu/reduce.h>

// Rows where dim is contiguous in all operands, columns where another dimension is; what is neither
// or of another dtype passes through rows in scratch memory. A row is never split, so threads do
// not change its bits.
namespace weft::cpu {
namespace {

// The other dimensions as a loop; dim apart. Operand 0 is written, 1 and 2 (maybe) are read.
struct Job {
  Loop loop;
  Index length;
  Index stride[3];  // of dim, in bytes
  Compute compute;
  Index element;  // bytes of the compute type
  bool log, direct;
  SoftmaxRun row, columns;
};

Job job_for(std::initializer_list<View> views, int dim, bool log) {
  Job job;  // NOLINT
  View without[3];
  Index sizes[kMaxRank], strides[3][kMaxRank];
  int k = 0;
  job.compute = compute_type(views.begin()->dtype);
  job.element = static_cast<Index>(compute_size(job.compute));
  job.direct = true;
  for (const View& v : views) {
    int rank = 0;
    for (int d = 0; d < v.rank; ++d) {
      if (d == dim) continue;
      sizes[rank] = v.size[d];
      strides[k][rank++] = v.stride[d];
    }
    const auto width = static_cast<Index>(size_of(v.dtype));
    job.stride[k] = (v.rank ? v.stride[dim] : 1) * width;
    job.direct = job.direct && v.dtype == compute_dtype(job.compute);
    without[k] = {v.data, sizes, strides[k], static_cast<std::int16_t>(rank), v.dtype};
    ++k;
  }
  const View& first = *views.begin();
  job.length = first.rank ? first.size[dim] : 1;
  job.log = log;
  job.loop = k == 2 ? make_loop(without[0].sizes(), {without[0], without[1]})
                    : make_loop(without[0].sizes(), {without[0], without[1], without[2]});
  return job;
}

bool contiguous_rows(const Job& job) {
  bool all = job.direct;
  for (int k = 0; k < job.loop.operands; ++k) all = all && job.stride[k] == job.element;
  return all;
}
bool contiguous_columns(const Job& job) {
  bool all = job.direct && job.loop.size[0] > 1;
  for (int k = 0; k < job.loop.operands; ++k) {
    all = all && job.loop.stride[k][0] == job.element && job.stride[k] % job.element == 0;
  }
  return all;
}

SoftmaxArgs args_at(const Job& job, char* const* at, Index n) {
  const bool two = job.loop.operands > 2;
  return {at[0],
          at[1],
          two ? at[2] : nullptr,
          job.length,
          n,
          job.stride[0] / job.element,
          job.stride[1] / job.element,
          two ? job.stride[2] / job.element : 0,
          job.log};
}

Index grain(const Job& job) { return std::max<Index>(1, kGrain / 4 / job.length); }

// Rows pass through scratch memory: loaded, computed, stored.
void run_scratch(const Job& job) {
  const Loop& loop = job.loop;
  const int c = static_cast<int>(job.compute);
  parallel_for(0, loop.numel, grain(job), [&](Index b, Index e) {
    struct Scratch {
      explicit Scratch(Index bytes) : a(allocate(kCPU, static_cast<std::size_t>(bytes))) {}
      ~Scratch() { deallocate(kCPU, a); }
      Allocation a;
    } scratch(3 * job.length * job.element);
    char* part[3];
    for (int k = 0; k < 3; ++k)
      part[k] = static_cast<char*>(scratch.a.data) + k * job.length * job.element;
    walk(loop, b, e, 1, [&](char* const* at, Index) {
      for (int k = 1; k < loop.operands; ++k) {
        isa().load[c][static_cast<int>(loop.dtype[k])](part[k], at[k], job.stride[k], job.length);
      }
      job.row({part[0], part[1], part[2], job.length, 1, 1, 1, 1, job.log});
      isa().store[c][static_cast<int>(loop.dtype[0])](at[0], job.stride[0], part[0], job.length);
    });
  });
}

void run(const Job& job) {
  if (job.loop.numel == 0 || job.length == 0) return;
  if (contiguous_rows(job)) {
    parallel_for(0, job.loop.numel, grain(job), [&](Index b, Index e) {
      walk(job.loop, b, e, 1, [&](char* const* at, Index) { job.row(args_at(job, at, 1)); });
    });
  } else if (contiguous_columns(job)) {
    parallel_for(0, job.loop.numel, std::max<Index>(grain(job), 64), [&](Index b, Index e) {
      walk(job.loop, b, e, kSoftmaxColumns,
           [&](char* const* at, Index n) { job.columns(args_at(job, at, n)); });
    });
  } else {
    run_scratch(job);
  }
}

}  // namespace

void softmax_forward(const View& y, const View& x, int dim, bool log) {
  Job job = job_for({y, x}, dim, log);
  job.row = softmax_loops().row[static_cast<int>(job.compute)];
  job.columns = softmax_loops().columns[static_cast<int>(job.compute)];
  run(job);
}

void softmax_backward(const View& gx, const View& gy, const View& y, int dim, bool log) {
  Job job = job_for({gx, gy, y}, dim, log);
  job.row = softmax_loops().row_backward[static_cast<int>(job.compute)];
  job.columns = softmax_loops().columns_backward[static_cast<int>(job.compute)];
  run(job);
}

}  // namespace weft::cpu
