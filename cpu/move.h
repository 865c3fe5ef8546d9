#pragma once

#include <type_traits>

#include <weft/core/dtype.h>

// What kernels that move elements do with a pair of them; for .cpp files of cpu/ only.
namespace weft::cpu {

struct Read {
  template <class T>
  void operator()(const T& partner, T& dense) const {
    dense = partner;
  }
};
struct Write {
  template <class T>
  void operator()(T& partner, const T& dense) const {
    partner = dense;
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
