#pragma once

#include <algorithm>
#include <cmath>
#include <cstring>
#include <random>
#include <vector>

#include <weft/core/context.h>
#include <weft/core/threads.h>
#include <weft/core/view.h>

namespace weft::testing {

// A view with its own memory, of any dtype and strides, read and written as double.
class Operand {
 public:
  enum class Place { Rows, ChannelsLast, Gaps, Backwards };

  Operand(DType t, std::initializer_list<Index> sizes, Place place = Place::Rows)
      : dtype(t), sizes(sizes), strides(sizes) {
    static constexpr int last[] = {1, 3, 2, 0};
    const int rank = this->sizes.size();
    Index step = place == Place::Gaps ? 2 : 1;
    for (int i = 0; i < rank; ++i) {
      const int d = place == Place::ChannelsLast && rank == 4 ? last[i] : rank - 1 - i;
      strides[d] = step;
      step *= this->sizes[d] + (place == Place::Gaps ? 1 : 0);
    }
    memory.resize(static_cast<std::size_t>(step + 1) * size_of(t), 0x7b);
    if (place != Place::Backwards) return;
    for (int d = 0; d < rank; ++d) {
      first += strides[d] * std::max<Index>(this->sizes[d] - 1, 0);
      strides[d] = -strides[d];
    }
  }

  View view() const {
    char* base = const_cast<char*>(memory.data()) + first * static_cast<Index>(size_of(dtype));
    return {base, sizes.data(), strides.data(), static_cast<std::int16_t>(sizes.size()), dtype};
  }
  Index count() const { return numel(view()); }
  char* at(Index i) const {  // the i-th element in row-major order
    Index offset = 0;
    for (int d = sizes.size() - 1; d >= 0; --d) {
      offset += i % sizes[d] * strides[d];
      i /= sizes[d];
    }
    return view().as<char>() + offset * static_cast<Index>(size_of(dtype));
  }
  double get(Index i) const {
    return dispatch(dtype, [&](auto tag) {
      return static_cast<double>(*reinterpret_cast<typename decltype(tag)::type*>(at(i)));
    });
  }
  void set(Index i, double x) {
    dispatch(dtype, [&](auto tag) {
      using T = typename decltype(tag)::type;
      *reinterpret_cast<T*>(at(i)) = is_half(dtype) ? T(static_cast<float>(x)) : static_cast<T>(x);
    });
  }
  double get(Index n, Index c, Index h, Index w) const {
    return get(((n * sizes[1] + c) * sizes[2] + h) * sizes[3] + w);
  }
  void fill(int seed) {
    std::mt19937 random(static_cast<unsigned>(seed));
    for (Index i = 0; i < count(); ++i)
      set(i, is_floating(dtype) ? static_cast<double>(random() % 2001) / 1000 - 1
                                : static_cast<double>(random() % 7));
  }
  bool same_bits(const Operand& other) const { return memory == other.memory; }

  DType dtype;
  Shape sizes, strides;
  std::vector<char> memory;
  Index first = 0;
};

inline std::vector<double> values(const Operand& x) {
  std::vector<double> v(static_cast<std::size_t>(x.count()));
  for (std::size_t i = 0; i < v.size(); ++i) v[i] = x.get(static_cast<Index>(i));
  return v;
}

// The largest difference, by the root mean square of what is expected.
inline double error(const Operand& got, const std::vector<double>& expected) {
  double worst = 0, square = 0;
  for (Index i = 0; i < got.count(); ++i) {
    const double e = expected[static_cast<std::size_t>(i)];
    const double d = got.get(i) - e;
    worst = d == d ? std::max(worst, std::abs(d)) : 1e30;
    square += e * e;
  }
  const double mean = square / std::max<double>(1, static_cast<double>(got.count()));
  return worst == 0 ? 0 : worst / std::sqrt(mean > 0 ? mean : 1);
}

class WithThreads {
 public:
  explicit WithThreads(int n) : before_(get_num_threads()) { set_num_threads(n); }
  ~WithThreads() { set_num_threads(before_); }

 private:
  int before_;
};

class Deterministic {
 public:
  Deterministic() { use_deterministic_algorithms(true); }
  ~Deterministic() { use_deterministic_algorithms(false); }
};

}  // namespace weft::testing
