#pragma once

#include <cstring>
#include <type_traits>

#include <weft/core/dtype.h>
#include <weft/core/shape.h>

// What kernels that move elements do with a pair of them, or with pairs that lie beside each other;
// for .cpp files of cpu/ only.
namespace weft::cpu {

struct Read {
  template <class T>
  void operator()(const T& partner, T& dense) const {
    dense = partner;
  }
  template <class T>
  void operator()(const T* partner, T* dense, Index n) const {
    std::memcpy(dense, partner, static_cast<std::size_t>(n) * sizeof(T));
  }
};
struct Write {
  template <class T>
  void operator()(T& partner, const T& dense) const {
    partner = dense;
  }
  template <class T>
  void operator()(T* partner, const T* dense, Index n) const {
    std::memcpy(partner, dense, static_cast<std::size_t>(n) * sizeof(T));
  }
};
struct Accumulate {
  template <class T>
  void operator()(T& partner, const T& dense) const {
    if constexpr (std::is_same_v<T, bool>) {
      partner = partner || dense;
    } else if constexpr (std::is_integral_v<T>) {  // wraps around
      using U = std::make_unsigned_t<T>;
      partner = static_cast<T>(static_cast<U>(partner) + static_cast<U>(dense));
    } else if constexpr (sizeof(T) == 2) {
      partner = T(static_cast<float>(partner) + static_cast<float>(dense));
    } else {
      partner += dense;
    }
  }
  template <class T>
  void operator()(T* partner, const T* dense, Index n) const {
    for (Index i = 0; i < n; ++i) (*this)(partner[i], dense[i]);
  }
};

// Calls f with an unsigned number of the dtype's width: for what only moves elements.
template <class F>
void by_width(DType t, F&& f) {
  switch (size_of(t)) {
    case 1: return f(std::uint8_t{});
    case 2: return f(std::uint16_t{});
    case 4: return f(std::uint32_t{});
    default: return f(std::uint64_t{});
  }
}

// Calls f with an element and Write or Accumulate.
template <class F>
void by_motion(DType t, bool accumulate, F&& f) {
  if (accumulate) {
    dispatch(t, [&](auto tag) { f(typename decltype(tag)::type{}, Accumulate{}); });
  } else {
    by_width(t, [&](auto u) { f(u, Write{}); });
  }
}

}  // namespace weft::cpu
