#include <algorithm>
#include <memory>
#include <span>
#include <vector>

#include <weft/core/random.h>
#include <weft/core/random_recipes.h>
#include <weft/core/threads.h>
#include <weft/cpu/isa.h>
#include <weft/cpu/isa/random.h>
#include <weft/cpu/random.h>

namespace weft::cpu {
namespace {

// Work is cut in chunks that end at multiples of kChunk elements, whoever takes them.
constexpr Index kChunk = 1024;

const RandomLoops& loops() {
  switch (isa_in_use()) {
    case Isa::AVX512: return avx512::random_loops;
    case Isa::AVX2: return avx2::random_loops;
    default: return v2::random_loops;
  }
}

bool row_major(const View& view) {
  Index expected = 1;
  for (int d = view.rank - 1; d >= 0; --d) {
    if (view.size[d] != 1 && view.stride[d] != expected) return false;
    expected *= view.size[d];
  }
  return true;
}

// Calls f(i, offset) for `count` elements of a view in row-major order from element `first` on.
template <class F>
void for_each_offset(const View& view, Index first, Index count, F&& f) {
  Index at[kMaxRank], offset = 0;
  for (int d = view.rank - 1; d >= 0; --d) {
    at[d] = first % view.size[d];
    first /= view.size[d];
    offset += at[d] * view.stride[d];
  }
  for (Index i = 0; i < count; ++i) {
    f(i, offset);
    for (int d = view.rank - 1; d >= 0; --d) {
      offset += view.stride[d];
      if (++at[d] < view.size[d]) break;
      offset -= at[d] * view.stride[d];
      at[d] = 0;
    }
  }
}

struct Chunk {
  Index first, count;  // elements
  std::uint32_t w[kChunk], v[kChunk];

  Index padded() const { return (count + 3) / 4 * 4; }
};

// Calls f(chunk) with the words of every chunk of numbers, those of plane 1 only if wide.
template <class F>
void for_each_chunk(Index numbers, RandomKey key, bool wide, F&& f) {
  const RandomLoops& isa = loops();
  parallel_for(0, (numbers + kChunk - 1) / kChunk, 8, [&](Index begin, Index end) {
    Chunk chunk;
    for (Index c = begin; c < end; ++c) {
      chunk.first = c * kChunk;
      chunk.count = std::min(kChunk, numbers - chunk.first);
      const std::uint64_t block = key.offset + static_cast<std::uint64_t>(chunk.first / 4);
      isa.words(chunk.w, key.seed, block, 0, chunk.padded() / 4);
      if (wide) isa.words(chunk.v, key.seed, block, 1, chunk.padded() / 4);
      f(std::as_const(chunk));
    }
  });
}

// Lets make(chunk, T* values) write the chunk's padded() values, and puts them into the view.
template <class T, class F>
void fill(const View& out, RandomKey key, bool wide, F&& make) {
  const bool direct = row_major(out);
  T* data = out.as<T>();
  for_each_chunk(numel(out), key, wide, [&](const Chunk& chunk) {
    if (direct && chunk.count % 4 == 0) return make(chunk, data + chunk.first);
    T values[kChunk];
    make(chunk, values);
    for_each_offset(out, chunk.first, chunk.count,
                    [&](Index i, Index offset) { data[offset] = values[i]; });
  });
}

// As fill, one element at a time: each(chunk, i).
template <class T, class F>
void fill_each(const View& out, RandomKey key, bool wide, F&& each) {
  fill<T>(out, key, wide, [&](const Chunk& chunk, T* values) {
    const Index padded = chunk.padded();
    for (Index i = 0; i < padded; ++i) values[i] = T(each(chunk, i));
  });
}

template <class T>
void uniform_as(const View& out, double low, double high, RandomKey key) {
  const auto a = static_cast<float>(low), b = static_cast<float>(high);
  fill_each<T>(out, key, false, [&](const Chunk& c, Index i) {
    const float u = std::is_same_v<T, Half> ? random::unit_f16(c.w[i]) : random::unit_bf16(c.w[i]);
    const float x = random::scaled(u, a, b);
    return static_cast<float>(T(x)) < b ? x : a;
  });
}

template <class T>
void normal_as(const View& out, double mean, double std, RandomKey key) {
  const auto m = static_cast<float>(mean), s = static_cast<float>(std);
  fill<T>(out, key, false, [&](const Chunk& c, T* values) {
    float wide[kChunk];
    loops().normal_f32(wide, c.w, c.padded(), m, s);
    for (Index i = 0; i < c.padded(); ++i) values[i] = T(wide[i]);
  });
}

template <class F>
decltype(auto) dispatch_floating(DType t, F&& f) {
  switch (t) {
    case DType::F64: return f(Tag<double>{});
    case DType::F16: return f(Tag<Half>{});
    case DType::BF16: return f(Tag<BFloat16>{});
    default: return f(Tag<float>{});
  }
}

void draw_hits(const View& probability, const Chunk& c, bool* hit) {
  dispatch_floating(probability.dtype, [&](auto tag) {
    using P = typename decltype(tag)::type;
    for_each_offset(probability, c.first, c.count, [&](Index i, Index at) {
      const P p = probability.as<P>()[at];
      if constexpr (std::is_same_v<P, double>) {
        hit[i] = random::unit_f64(c.w[i], c.v[i]) < p;
      } else {
        hit[i] = random::unit_f32(c.w[i]) < static_cast<float>(p);
      }
    });
  });
}

template <class S>
struct DropoutOptions {
  std::uint32_t threshold;
  S scale;
};

void drop(float* y, std::uint8_t* mask, const float* x, const Chunk& c, DropoutOptions<float> o) {
  loops().dropout_f32(y, mask, x, c.w, c.count, o.threshold, o.scale);
}
void drop(BFloat16* y, std::uint8_t* mask, const BFloat16* x, const Chunk& c,
          DropoutOptions<float> o) {
  loops().dropout_bf16(y, mask, x, c.w, c.count, o.threshold, o.scale);
}
template <class T, class S>
void drop(T* y, std::uint8_t* mask, const T* x, const Chunk& c, DropoutOptions<S> o) {
  for (Index i = 0; i < c.count; ++i) {
    mask[i] = c.w[i] >= o.threshold;
    y[i] = mask[i] ? T(static_cast<S>(x[i]) * o.scale) : T(0);
  }
}

template <class T>
void dropout_as(const View& y, const View& mask, const View& x, double p, RandomKey key) {
  using S = std::conditional_t<std::is_same_v<T, double>, double, float>;
  const DropoutOptions<S> options = {static_cast<std::uint32_t>(random::drop_threshold(p)),
                                     static_cast<S>(1 / (1 - p))};
  const bool direct = row_major(y) && row_major(mask) && row_major(x);
  for_each_chunk(numel(x), key, false, [&](const Chunk& c) {
    if (direct) {
      return drop(y.as<T>() + c.first, mask.as<std::uint8_t>() + c.first, x.as<T>() + c.first, c,
                  options);
    }
    T from[kChunk], to[kChunk];
    std::uint8_t kept[kChunk];
    for_each_offset(x, c.first, c.count, [&](Index i, Index at) { from[i] = x.as<T>()[at]; });
    drop(to, kept, from, c, options);
    for_each_offset(y, c.first, c.count, [&](Index i, Index at) { y.as<T>()[at] = to[i]; });
    for_each_offset(mask, c.first, c.count,
                    [&](Index i, Index at) { mask.as<std::uint8_t>()[at] = kept[i]; });
  });
}

template <class T>
void set_all(const View& out, T value) {
  for_each_offset(out, 0, numel(out), [&](Index, Index at) { out.as<T>()[at] = value; });
}

}  // namespace

void random_uniform(const View& out, double low, double high, RandomKey key) {
  switch (out.dtype) {
    case DType::F64:
      return fill<double>(out, key, true, [&](const Chunk& c, double* values) {
        loops().uniform_f64(values, c.w, c.v, c.padded(), low, high);
      });
    case DType::F16: return uniform_as<Half>(out, low, high, key);
    case DType::BF16: return uniform_as<BFloat16>(out, low, high, key);
    default:
      return fill<float>(out, key, false, [&](const Chunk& c, float* values) {
        loops().uniform_f32(values, c.w, c.padded(), static_cast<float>(low),
                            static_cast<float>(high));
      });
  }
}

void random_normal(const View& out, double mean, double std, RandomKey key) {
  switch (out.dtype) {
    case DType::F64:
      return fill<double>(out, key, true, [&](const Chunk& c, double* values) {
        loops().normal_f64(values, c.w, c.v, c.padded(), mean, std);
      });
    case DType::F16: return normal_as<Half>(out, mean, std, key);
    case DType::BF16: return normal_as<BFloat16>(out, mean, std, key);
    default:
      return fill<float>(out, key, false, [&](const Chunk& c, float* values) {
        loops().normal_f32(values, c.w, c.padded(), static_cast<float>(mean),
                           static_cast<float>(std));
      });
  }
}

void random_integer(const View& out, Index low, Index high, RandomKey key) {
  const auto from = static_cast<std::uint64_t>(low);
  const std::uint64_t span = static_cast<std::uint64_t>(high) - from;
  dispatch(out.dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    fill_each<T>(out, key, true, [&](const Chunk& c, Index i) {
      const auto value = static_cast<Index>(from + random::below(c.w[i], c.v[i], span));
      if constexpr (std::is_class_v<T>) return static_cast<float>(value);
      if constexpr (!std::is_class_v<T>) return value;
    });
  });
}

void random_bernoulli(const View& out, const View& probability, RandomKey key) {
  dispatch(out.dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    fill<T>(out, key, probability.dtype == DType::F64, [&](const Chunk& c, T* values) {
      bool hit[kChunk] = {};
      draw_hits(probability, c, hit);
      for (Index i = 0; i < c.padded(); ++i) values[i] = T(hit[i]);
    });
  });
}

void random_permutation(const View& out, RandomKey key) {
  const auto count = static_cast<std::size_t>(numel(out));
  if (out.dtype == DType::I64 && out.stride[0] == 1) {
    return weft::random_permutation({out.as<Index>(), count}, key);
  }
  const auto memory = std::make_unique_for_overwrite<Index[]>(count);
  const std::span<Index> order(memory.get(), count);
  weft::random_permutation(order, key);
  dispatch(out.dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    for (std::size_t i = 0; i < order.size(); ++i) {
      const Index at = static_cast<Index>(i) * out.stride[0];
      if constexpr (std::is_class_v<T>) {
        out.as<T>()[at] = T(static_cast<float>(order[i]));
      } else {
        out.as<T>()[at] = static_cast<T>(order[i]);
      }
    }
  });
}

void dropout(const View& y, const View& mask, const View& x, double p, RandomKey key) {
  dispatch_floating(x.dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    if (random::drop_threshold(p) <= 0xFFFFFFFFu) return dropout_as<T>(y, mask, x, p, key);
    set_all(y, T(0));  // p is 1: no word reaches the threshold
    set_all(mask, std::uint8_t{0});
  });
}

}  // namespace weft::cpu
