#pragma once

#include <array>
#include <utility>

#include <weft/cuda/grid.h>
#include <weft/cuda/loop.h>
#include <weft/cuda/number.h>

// Elementwise kernels, from the formulas of ops/unary.h and ops/binary.h as they are. The dtypes of
// operands are known when a kernel runs, not when it is compiled: one kernel a formula and type to
// compute in serves every mixture of them, and the branch on a dtype, the same for all threads,
// costs nothing beside the memory. For .cu files only.
namespace weft::cuda {

enum class Compute : std::uint8_t { F32, F64, Int };
constexpr Compute compute_type(DType t) {
  return t == DType::F64 ? Compute::F64 : is_floating(t) ? Compute::F32 : Compute::Int;
}

// f(const C (&in)[K]) gives the element, a C or a bool.
template <class C, int K, class F>
struct Pointwise {
  Loop loop;    // operand 0 is the output
  bool flat;    // operands lie dense and on borders: kVector elements at a time
  C number[K];  // of the operands in loop.host
  F f;

  WEFT_HD bool is_number(int k) const { return loop.host >> (k + 1) & 1; }

  WEFT_HD void element(Index i) const {
    Index offset[K + 1];
    locate(loop, i, offset);
    C in[K];
    for (int k = 0; k < K; ++k)
      in[k] =
          is_number(k) ? number[k] : load<C>(loop.data[k + 1] + offset[k + 1], loop.dtype[k + 1]);
    store(loop.data[0] + offset[0], loop.dtype[0], f(in));
  }
  WEFT_HD void pack(Index first) const {
    C in[K][kVector];
    for (int k = 0; k < K; ++k) {
      if (loop.stride[k + 1][0] != 0) {
        load_pack<C>(loop.data[k + 1] + first * loop.stride[k + 1][0], loop.dtype[k + 1], in[k]);
        continue;
      }
      const C one = is_number(k) ? number[k] : load<C>(loop.data[k + 1], loop.dtype[k + 1]);
      for (int j = 0; j < kVector; ++j) in[k][j] = one;
    }
    decltype(std::declval<const F&>()(std::declval<const C(&)[K]>())) out[kVector];
    for (int j = 0; j < kVector; ++j) {
      C one[K];
      for (int k = 0; k < K; ++k) one[k] = in[k][j];
      out[j] = f(one);
    }
    store_pack(loop.data[0] + first * loop.stride[0][0], loop.dtype[0], out);
  }
  WEFT_HD void operator()(Index i) const {
    if (!flat) return element(i);
    const Index first = i * kVector;
    if (first + kVector <= loop.numel) return pack(first);
    for (Index j = first; j < loop.numel; ++j) element(j);
  }
};

// Out: what the formula gives, C or bool.
template <class C, class Out>
bool is_flat(const Loop& loop) {
  if (loop.rank != 1) return false;
  for (int k = 0; k < loop.operands; ++k) {
    const DType t = loop.dtype[k];
    if (k > 0 && loop.stride[k][0] == 0) continue;  // one element for all
    const auto width = static_cast<Index>(size_of(t));
    const auto border = static_cast<std::uintptr_t>(std::min<Index>(width * kVector, 16));
    if (loop.stride[k][0] != width || reinterpret_cast<std::uintptr_t>(loop.data[k]) % border != 0)
      return false;
    if (k == 0 && std::is_same_v<Out, bool> ? t != DType::Bool : !packs<C>(t)) return false;
  }
  return true;
}

template <class C, int K, class F>
void pointwise(const char* op, const Loop& loop, const F& f) {
  using Out = decltype(f(std::declval<const C(&)[K]>()));
  check_pointers(loop);
  const bool flat = is_flat<C, Out>(loop);
  const Index n = flat ? (loop.numel + kVector - 1) / kVector : loop.numel;
  Pointwise<C, K, F> body{loop, flat, {}, f};
  for (int k = 0; k < K; ++k) {
    if (!body.is_number(k)) continue;
    body.number[k] = load<C>(loop.data[k + 1], loop.dtype[k + 1]);
    body.loop.stride[k + 1][0] = 0;
  }
  for_each(op, n, body);
}

using PointwiseKernel = void (*)(const Loop&, const void* op);

// F: Op and C to the functor that computes an element in C from K others, made of an Op. Null where
// Op has none.
template <template <class, class> class F, int K, class Op, class C>
constexpr PointwiseKernel pointwise_kernel() {
  if constexpr (F<Op, C>::there) {
    return [](const Loop& loop, const void* op) {
      pointwise<C, K>(Op::name, loop, F<Op, C>{*static_cast<const Op*>(op)});
    };
  } else {
    return nullptr;
  }
}
// By op of the list and Compute.
template <template <class, class> class F, int K, class... Ops>
constexpr auto pointwise_table(OpList<Ops...>) {
  return std::array<std::array<PointwiseKernel, 3>, sizeof...(Ops)>{
      {{pointwise_kernel<F, K, Ops, float>(), pointwise_kernel<F, K, Ops, double>(),
        pointwise_kernel<F, K, Ops, Int>()}...}};
}

}  // namespace weft::cuda
