#pragma once

#include <weft/cuda/loop.h>
#include <weft/cuda/number.h>

// The elements of a row, shared out among the lanes of a group: packs of kVector at a time where
// they lie beside each other and on borders, which keeps enough bytes on their way to fill the
// memory's bandwidth. The branch on the dtype stands outside the loop. For .cu files only.
namespace weft::cuda {

#if defined(__CUDA_ARCH__)
#define WEFT_UNROLL _Pragma("unroll 4")
#else
#define WEFT_UNROLL
#endif

template <class C>
inline constexpr DType kDType = std::is_same_v<C, double> ? DType::F64 : DType::F32;

// Whether packs of the dtype can be read at p and every `stride` bytes from there.
inline bool on_border(const void* p, Index stride, DType t) {
  const auto border = std::min<Index>(static_cast<Index>(size_of(t)) * kVector, 16);
  return reinterpret_cast<std::uintptr_t>(p) % static_cast<std::uintptr_t>(border) == 0 &&
         stride % border == 0;
}

// f(i, value as it lies in memory) for a lane's elements of n.
template <class D, class F>
WEFT_HD void each_packed(const char* row, Index n, int lane, int lanes, F&& f) {
  const Index packs = n / kVector;
  for (Index p = lane; p < packs; p += lanes) {
    const Pack<D> pack = pack_at<D>(row)[p];
    for (int j = 0; j < kVector; ++j) f(p * kVector + j, pack.value[j]);
  }
  for (Index i = packs * kVector + lane; i < n; i += lanes)
    f(i, reinterpret_cast<const D*>(row)[i]);
}
template <class D, class F>
WEFT_HD void each_strided(const char* row, Index stride, Index n, int lane, int lanes, F&& f) {
  WEFT_UNROLL
  for (Index i = lane; i < n; i += lanes) f(i, *reinterpret_cast<const D*>(row + i * stride));
}

// A number for each column, or for each row; where there is no data one for all.
struct Terms {
  char* data;
  Index stride;  // bytes
  DType dtype;
  bool packed;  // beside each other, on a border
  double otherwise;

  Terms(const View& v, double otherwise)
      : data(v.as<char>()),
        stride((v && v.rank == 1 ? v.stride[0] : 1) * static_cast<Index>(size_of(v.dtype))),
        dtype(v.dtype),
        packed(stride == static_cast<Index>(size_of(dtype)) && on_border(data, 0, dtype)),
        otherwise(otherwise) {
    if (data) check_pointer(data);
  }
  template <class C>
  WEFT_HD C get(Index i) const {
    if (!data) return static_cast<C>(otherwise);
    if (dtype == kDType<C>) return *reinterpret_cast<const C*>(data + i * stride);
    return load<C>(data + i * stride, dtype);
  }
  // Those of kVector columns; the first is a multiple of it.
  template <class C>
  WEFT_HD void get(Index i, C (&out)[kVector]) const {
    if (data && packed && dtype == kDType<C>) {
      const Pack<C> pack = *pack_at<C>(data + i * stride);
      for (int j = 0; j < kVector; ++j) out[j] = pack.value[j];
      return;
    }
    for (int j = 0; j < kVector; ++j) out[j] = get<C>(i + j);
  }
  template <class C>
  WEFT_HD void set(Index i, C value) const {
    if (data) store(data + i * stride, dtype, value);
  }
};

struct Row {
  char* data;
  Index stride;  // bytes
  template <class D>
  WEFT_HD D& at(Index i) const {
    return *reinterpret_cast<D*>(data + i * stride);
  }
  template <class D>
  WEFT_HD Pack<D>& pack(Index p) const {
    return pack_at<D>(data)[p];
  }
};

// Rows of one length and dtype, which is computed in C, and numbers for their columns.
template <class C>
struct RowLoop {
  Index length;
  DType dtype;
  bool packed;  // all rows are

  // f(i, v) for the elements of a lane: v holds the K rows', then the numbers of T terms.
  template <int T = 0, int K, class F>
  WEFT_HD void each(const Row (&in)[K], const Terms* terms, int lane, int lanes, F&& f) const {
    walk<T>(
        in, terms, lane, lanes,
        [&](auto, Index p, const C(&v)[kVector][K + T]) {
          for (int j = 0; j < kVector; ++j) f(p * kVector + j, v[j]);
        },
        [&](auto, Index i, const C(&v)[K + T]) { f(i, v); });
  }
  // out = f(v) for the same.
  template <int T = 0, int K, class F>
  WEFT_HD void map(const Row& out, const Row (&in)[K], const Terms* terms, int lane, int lanes,
                   F&& f) const {
    walk<T>(
        in, terms, lane, lanes,
        [&](auto d, Index p, const C(&v)[kVector][K + T]) {
          Pack<decltype(d)> y;
          for (int j = 0; j < kVector; ++j) y.value[j] = narrow<decltype(d)>(f(v[j]));
          out.template pack<decltype(d)>(p) = y;
        },
        [&](auto d, Index i, const C(&v)[K + T]) {
          out.template at<decltype(d)>(i) = narrow<decltype(d)>(f(v));
        });
  }

 private:
  // Packs go to all(d, p, v), what is left over to one(d, i, v); d is of the rows' type.
  template <int T, int K, class All, class One>
  WEFT_HD void walk(const Row (&in)[K], const Terms* terms, int lane, int lanes, All&& all,
                    One&& one) const {
    by_pack<C>(dtype, [&](auto d) {
      using D = decltype(d);
      const Index packs = packed ? length / kVector : 0;
      for (Index p = lane; p < packs; p += lanes) {
        C v[kVector][K + T];
        read_pack<D, T>(in, terms, p, v);
        all(d, p, v);
      }
      WEFT_UNROLL
      for (Index i = packs * kVector + lane; i < length; i += lanes) {
        C v[K + T];
        read<D, T>(in, terms, i, v);
        one(d, i, v);
      }
    });
  }
  template <class D, int T, int K>
  WEFT_HD static void read_pack(const Row (&in)[K], const Terms* terms, Index p,
                                C (&v)[kVector][K + T]) {
    for (int k = 0; k < K; ++k) {
      const Pack<D> pack = in[k].template pack<D>(p);
      for (int j = 0; j < kVector; ++j) v[j][k] = widen<C>(pack.value[j]);
    }
    for (int k = 0; k < T; ++k) {
      C number[kVector];
      terms[k].get(p * kVector, number);
      for (int j = 0; j < kVector; ++j) v[j][K + k] = number[j];
    }
  }
  template <class D, int T, int K>
  WEFT_HD static void read(const Row (&in)[K], const Terms* terms, Index i, C (&v)[K + T]) {
    for (int k = 0; k < K; ++k) v[k] = widen<C>(in[k].template at<D>(i));
    for (int k = 0; k < T; ++k) v[K + k] = terms[k].template get<C>(i);
  }
};

}  // namespace weft::cuda
