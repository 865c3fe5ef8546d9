#include <weft/cpu/matmul.h>

#include <algorithm>
#include <cmath>
#include <type_traits>

#include <weft/core/check.h>
#include <weft/core/context.h>
#include <weft/core/interrupt.h>
#include <weft/core/threads.h>
#include <weft/cpu/dnnl/api.h>
#include <weft/cpu/dnnl/matmul.h>
#include <weft/cpu/elementwise.h>
#include <weft/cpu/isa/tables.h>
#include <weft/cpu/staging.h>

namespace weft::cpu {
namespace {

// Products (multiplications) up to which our own kernel beats oneDNN and a parallel region.
constexpr Index kSmall = Index{1} << 18;

struct Sizes {
  Index batch, m, n, k;
  Index products() const { return m * n * k; }
};

struct Factors {
  double alpha, beta;
  Activation activation;

  bool relu() const { return activation == Activation::Relu; }
  Activation after_relu() const { return relu() ? Activation::None : activation; }
};

Sizes sizes_of(const View& out, const View& a) {
  return {out.size[0], out.size[1], out.size[2], a.size[2]};
}

void run(const GemmTask<float>& t) { gemm_kernels().f32(t); }
void run(const GemmTask<double>& t) { gemm_kernels().f64(t); }

// A band of rows, or of columns, in pieces: an interrupt waits for one.
template <class T>
void run_bands(const GemmTask<T>& task, bool rows) {
  constexpr Index kLong = Index{1} << 28, kStep = 48;
  const Index length = rows ? task.n : task.m, others = (rows ? task.m : task.n) * task.k;
  const Index each = std::max(kLong / std::max<Index>(others, 1) / kStep, Index{1}) * kStep;
  if (each >= length) return run(task);
  for (Index i = 0; i < length; i += each) {
    check_interrupt("matmul");
    GemmTask<T> t = task;
    (rows ? t.n : t.m) = std::min(each, length - i);
    t.a += rows ? 0 : i * t.a_row;
    t.b += rows ? i * t.b_column : 0;
    t.c += i * (rows ? t.c_column : t.c_row);
    if (t.bias && rows) t.bias += i * t.bias_stride;
    run(t);
  }
}

// Parts of whole panels of columns, or of rows where those are fewer.
template <class T>
void split(const GemmTask<T>& task) {
  constexpr Index kStep = 48;
  const bool rows = task.m > task.n;
  const Index parts = ((rows ? task.m : task.n) + kStep - 1) / kStep;
  const Index cost = std::max<Index>(task.m * task.n * task.k / std::max<Index>(parts, 1), 1);
  parallel_for(0, parts, kSmall / cost + 1, [&](Index begin, Index end) {
    GemmTask<T> t = task;
    const Index first = begin * kStep, last = std::min(end * kStep, rows ? t.m : t.n);
    (rows ? t.m : t.n) = last - first;
    t.a += rows ? first * t.a_row : 0;
    t.b += rows ? 0 : first * t.b_column;
    t.c += first * (rows ? t.c_row : t.c_column);
    if (t.bias && !rows) t.bias += first * t.bias_stride;
    run_bands(t, rows);
  });
}

template <class T>
GemmTask<T> task_of(const View& out, const View& a, const View& b, const View& bias,
                    const Factors& f) {
  const Sizes s = sizes_of(out, a);
  return {s.m,
          s.n,
          s.k,
          a.as<const T>(),
          b.as<const T>(),
          out.as<T>(),
          a.stride[1],
          a.stride[2],
          b.stride[1],
          b.stride[2],
          out.stride[1],
          out.stride[2],
          bias.as<const T>(),
          bias ? bias.stride[0] : 0,
          static_cast<T>(f.alpha),
          static_cast<T>(f.beta),
          f.relu()};
}

template <class T>
void own(const View& out, const View& a, const View& b, const View& bias, const Factors& f) {
  const GemmTask<T> task = task_of<T>(out, a, b, bias, f);
  const Sizes s = sizes_of(out, a);
  if (s.batch == 1) {
    split(task);
    return activate(out, f.after_relu());
  }
  parallel_for(0, s.batch, kSmall / std::max<Index>(s.products(), 1) + 1, [&](Index i, Index end) {
    for (; i < end; ++i) {
      GemmTask<T> t = task;
      t.a += i * a.stride[0];
      t.b += i * b.stride[0];
      t.c += i * out.stride[0];
      run(t);
    }
  });
  activate(out, f.after_relu());
}

template <class T>
void integers(const View& out, const View& a, const View& b, const View& bias, const Factors& f) {
  using U = std::common_type_t<unsigned, std::make_unsigned_t<T>>;  // two shorts multiply as int
  const Sizes s = sizes_of(out, a);
  const auto alpha = static_cast<U>(static_cast<std::int64_t>(f.alpha));
  const auto beta = static_cast<U>(static_cast<std::int64_t>(f.beta));
  parallel_for(0, s.batch * s.m, kSmall / std::max<Index>(s.n * s.k, 1) + 1, [&](Index i, Index e) {
    for (; i < e; ++i) {
      const Index n = i / s.m, row = i % s.m;
      for (Index j = 0; j < s.n; ++j) {
        U sum = 0;
        for (Index k = 0; k < s.k; ++k)
          sum += U(a.as<T>()[n * a.stride[0] + row * a.stride[1] + k * a.stride[2]]) *
                 U(b.as<T>()[n * b.stride[0] + k * b.stride[1] + j * b.stride[2]]);
        T& to = out.as<T>()[n * out.stride[0] + row * out.stride[1] + j * out.stride[2]];
        U x = alpha * sum;
        if (beta) x += beta * U(to);
        if (bias) x += U(bias.as<T>()[j * bias.stride[0]]);
        to = f.relu() ? std::max<T>(static_cast<T>(x), 0) : static_cast<T>(x);
      }
    }
  });
}

// The product in another dtype, for what has none of its own.
void converted(DType t, const View& out, const View& a, const View& b, const View& bias,
               const Factors& f) {
  const StagedInput a2(a, t, Order::Rows), b2(b, t, Order::Rows);
  const StagedInput bias2(bias ? bias : View{nullptr, b.size, b.stride, 0, t}, t, Order::Rows);
  const StagedOutput out2(out, t, Order::Rows);
  if (f.beta != 0 && out2.view().data != out.data) copy_view(out2.view(), out);
  matmul(out2.view(), a2.view(), b2.view(), bias2.view(), f.alpha, f.beta, f.activation);
  out2.finish();
}

bool is_small(const Sizes& s) { return s.products() <= kSmall || std::min({s.m, s.n, s.k}) == 0; }

void f32(const View& out, const View& a, const View& b, const View& bias, const Factors& f) {
  if (is_small(sizes_of(out, a)) || f.alpha != 1) return own<float>(out, a, b, bias, f);
  const bool medium = float32_matmul_precision() == MatmulPrecision::Medium;
  dnnl::matmul(out, a, b, bias, static_cast<float>(f.beta), medium && dnnl::has_fast_bf16());
  activate(out, f.activation);
}

void bf16(const View& out, const View& a, const View& b, const View& bias, const Factors& f) {
  if (is_small(sizes_of(out, a)) || f.alpha != 1 || !dnnl::has_fast_bf16())
    return converted(DType::F32, out, a, b, bias, f);
  dnnl::matmul(out, a, b, bias, static_cast<float>(f.beta), false);
  activate(out, f.activation);
}

}  // namespace

void parallel_gemm(const GemmTask<float>& task) { split(task); }
void parallel_gemm(const GemmTask<double>& task) { split(task); }

void matmul(const View& out, const View& a, const View& b, const View& bias, double alpha,
            double beta, Activation activation) {
  if (numel(out) == 0) return;
  const Factors f{alpha, beta, activation};
  switch (out.dtype) {
    case DType::F32: return f32(out, a, b, bias, f);
    case DType::F64: return own<double>(out, a, b, bias, f);
    case DType::BF16: return bf16(out, a, b, bias, f);
    case DType::F16: return converted(DType::F32, out, a, b, bias, f);
    case DType::U8: return integers<std::uint8_t>(out, a, b, bias, f);
    case DType::I8: return integers<std::int8_t>(out, a, b, bias, f);
    case DType::I16: return integers<std::int16_t>(out, a, b, bias, f);
    case DType::I32: return integers<std::int32_t>(out, a, b, bias, f);
    case DType::I64: return integers<std::int64_t>(out, a, b, bias, f);
    case DType::Bool: break;
  }
  fail<DTypeError>("matmul", "got bool, expected a number");
}

}  // namespace weft::cpu
