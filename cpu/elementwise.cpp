#include <weft/cpu/elementwise.h>

#include <algorithm>
#include <cstring>

#include <weft/cpu/isa.h>
#include <weft/cpu/loop_walk.h>
#include <weft/cpu/move.h>
#include <weft/ops/unary.h>

// Elementwise loops over operands of any strides and dtypes. Contiguous operands of the compute
// type are used where they lie; others pass through a block that stays in the L1 cache.
namespace weft::cpu {
namespace {

constexpr Index kBlock = 512;

struct Job {
  Inner inner;
  const void* op;
  Compute compute;
  bool bool_result;
};

bool direct(const Loop& loop, int k, DType wanted) {
  return loop.dtype[k] == wanted && loop.stride[k][0] == static_cast<Index>(size_of(wanted));
}

// One block of an operand: where it lies, or what was loaded of it.
struct Operand {
  alignas(64) char block[kBlock * 8];
  const char* loaded = nullptr;  // of an operand that repeats: what the block holds
  Index length = 0;
};

void run_pieces(const Loop& loop, const Job& job, Index begin, Index end) {
  const DType wanted = compute_dtype(job.compute);
  const int c = static_cast<int>(job.compute);
  const bool out_direct = direct(loop, 0, job.bool_result ? DType::Bool : wanted);
  const Store store =
      job.bool_result ? isa().store_bool : isa().store[c][static_cast<int>(loop.dtype[0])];
  Operand operand[kMaxOperands];
  walk(loop, begin, end, kBlock, [&](char* const* at, Index n) {
    const void* in[kMaxOperands];
    for (int k = 1; k < loop.operands; ++k) {
      Operand& o = operand[k];
      in[k - 1] = o.block;
      if (direct(loop, k, wanted)) {
        in[k - 1] = at[k];
      } else if (loop.stride[k][0] != 0 || o.loaded != at[k] || o.length < n) {
        isa().load[c][static_cast<int>(loop.dtype[k])](o.block, at[k], loop.stride[k][0], n);
        o.loaded = loop.stride[k][0] == 0 ? at[k] : nullptr;
        o.length = n;
      }
    }
    if (out_direct) {
      job.inner(job.op, n, at[0], in);
    } else {
      job.inner(job.op, n, operand[0].block, in);
      store(at[0], loop.stride[0][0], operand[0].block, n);
    }
  });
}

void run(const Loop& loop, const Job& job) {
  if (loop.numel == 0) return;
  const DType wanted = compute_dtype(job.compute);
  bool flat = loop.rank == 1 && direct(loop, 0, job.bool_result ? DType::Bool : wanted);
  for (int k = 1; k < loop.operands; ++k) flat = flat && direct(loop, k, wanted);
  if (!flat) {
    parallel_for(0, loop.numel, kGrain, [&](Index b, Index e) { run_pieces(loop, job, b, e); });
    return;
  }
  parallel_for(0, loop.numel, kGrain, [&](Index b, Index e) {
    const void* in[kMaxOperands];
    for (int k = 1; k < loop.operands; ++k) in[k - 1] = loop.data[k] + b * loop.stride[k][0];
    job.inner(job.op, e - b, loop.data[0] + b * loop.stride[0][0], in);
  });
}

Job job_for(const Inner (&inner)[kComputeCount], DType in, const void* op,
            bool bool_result = false) {
  const Compute c = compute_type(in);
  return {inner[static_cast<int>(c)], op, c, bool_result};
}

}  // namespace

void unary(UnaryId id, const Loop& loop, DType in, const void* op) {
  const auto i = static_cast<std::size_t>(id);
  run(loop, job_for(isa().unary[i], in, op, unary_info[i].gives_bool));
}

void unary_grad(UnaryId id, const Loop& loop, DType in, const void* op) {
  run(loop, job_for(isa().unary_grad[static_cast<int>(id)], in, op));
}

void binary(BinaryId id, const Loop& loop, DType in, const void* op) {
  const auto i = static_cast<std::size_t>(id);
  run(loop, job_for(isa().binary[i], in, op, binary_info[i].gives_bool));
}

void binary_grad(BinaryId id, int which, const Loop& loop, DType in, const void* op) {
  run(loop, job_for(isa().binary_grad[which][static_cast<int>(id)], in, op));
}

namespace {

template <class U>
void copy_piece(char* out, Index out_stride, const char* x, Index x_stride, Index n) {
  if (out_stride == sizeof(U) && x_stride == sizeof(U)) {
    std::memcpy(out, x, static_cast<std::size_t>(n) * sizeof(U));
    return;
  }
  for (Index i = 0; i < n; ++i) {
    *reinterpret_cast<U*>(out + i * out_stride) = *reinterpret_cast<const U*>(x + i * x_stride);
  }
}

}  // namespace

void copy(const Loop& loop) {
  if (loop.numel == 0) return;
  if (loop.dtype[0] == loop.dtype[1]) {
    by_width(loop.dtype[0], [&](auto u) {
      parallel_walk(loop, loop.size[0], [&](char* const* at, Index n) {
        copy_piece<decltype(u)>(at[0], loop.stride[0][0], at[1], loop.stride[1][0], n);
      });
    });
    return;
  }
  // What becomes bool is compared with zero in its own type; all else is computed in the target's.
  const Compute compute = compute_type(loop.dtype[loop.dtype[0] == DType::Bool ? 1 : 0]);
  const int c = static_cast<int>(compute);
  const Load load = isa().load[c][static_cast<int>(loop.dtype[1])];
  const Store store = isa().store[c][static_cast<int>(loop.dtype[0])];
  const DType wanted = compute_dtype(compute);
  parallel_walk(loop, kBlock, [&](char* const* at, Index n) {
    alignas(64) char block[kBlock * 8];
    if (direct(loop, 1, wanted)) {
      store(at[0], loop.stride[0][0], at[1], n);
    } else if (direct(loop, 0, wanted)) {
      load(at[0], at[1], loop.stride[1][0], n);
    } else {
      load(block, at[1], loop.stride[1][0], n);
      store(at[0], loop.stride[0][0], block, n);
    }
  });
}

void where(const Loop& loop) {
  if (loop.numel == 0) return;
  by_width(loop.dtype[0], [&](auto u) {
    using U = decltype(u);
    const Index* s[4] = {loop.stride[0], loop.stride[1], loop.stride[2], loop.stride[3]};
    parallel_walk(loop, loop.size[0], [&](char* const* at, Index n) {
      for (Index i = 0; i < n; ++i) {
        const U a = *reinterpret_cast<const U*>(at[2] + i * s[2][0]),
                b = *reinterpret_cast<const U*>(at[3] + i * s[3][0]);
        *reinterpret_cast<U*>(at[0] + i * s[0][0]) = at[1][i * s[1][0]] ? a : b;
      }
    });
  });
}

void fill(const Loop& loop, const void* value) {
  if (loop.numel == 0) return;
  by_width(loop.dtype[0], [&](auto u) {
    using U = decltype(u);
    const U v = *static_cast<const U*>(value);
    parallel_walk(loop, loop.size[0], [&](char* const* at, Index n) {
      if (loop.stride[0][0] == sizeof(U)) {
        std::fill_n(reinterpret_cast<U*>(at[0]), n, v);
        return;
      }
      for (Index i = 0; i < n; ++i) *reinterpret_cast<U*>(at[0] + i * loop.stride[0][0]) = v;
    });
  });
}

void activate(const View& out, Activation activation) {
  if (activation == Activation::None) return;
  const op::Relu no_parameters;
  unary(detail::unary_of(activation), make_loop(out.sizes(), {out, out}), out.dtype,
        &no_parameters);
}

}  // namespace weft::cpu
