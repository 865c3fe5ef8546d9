#include <weft/core/philox.h>
#include <weft/core/random_recipes.h>
#include <weft/cuda/grid.h>
#include <weft/cuda/loop.h>
#include <weft/cuda/number.h>
#include <weft/cuda/sort.h>
#include <weft/cuda/tables.h>

// Random numbers: the CPU's recipes (core/random_recipes.h), and so its bits. A thread makes the
// four elements of a block.
namespace weft::cuda {
namespace {

struct Words {
  PhiloxBlock w, v;  // planes 0 and 1
};

// Each: void each(Index element, int place in the block, const Words&) const.
template <class Each>
struct Blocks {
  Index n;
  RandomKey key;
  const RandomKey* replayed;  // null, or what takes the key's place
  bool wide;                  // plane 1 is needed
  Each each;

  WEFT_HD void operator()(Index block) const {
    const RandomKey k = replayed ? *replayed : key;
    const std::uint64_t at = k.offset + static_cast<std::uint64_t>(block);
    Words words;
    words.w = philox_block(k.seed, at, 0);
    if (wide) words.v = philox_block(k.seed, at, 1);
    for (int k = 0; k < 4 && 4 * block + k < n; ++k) each(4 * block + k, k, words);
  }
};
template <class Each>
void for_numbers(const char* op, Index n, RandomKey key, bool wide, const Each& each) {
  for_each(op, (n + 3) / 4, Blocks<Each>{n, key, replayed_key(key), wide, each});
}

struct Uniform {
  Place out;
  double low, high;

  WEFT_HD void operator()(Index i, int k, const Words& words) const {
    char* const to = out.at(out.offset(i));
    if (out.dtype == DType::F64)
      return store(to, out.dtype,
                   random::scaled(random::unit_f64(words.w.word[k], words.v.word[k]), low, high));
    const auto a = static_cast<float>(low), b = static_cast<float>(high);
    if (out.dtype == DType::F32)
      return store(to, out.dtype, random::scaled(random::unit_f32(words.w.word[k]), a, b));
    const float u = out.dtype == DType::F16 ? random::unit_f16(words.w.word[k])
                                            : random::unit_bf16(words.w.word[k]);
    store(to, out.dtype, random::scaled(u, a, b));
    if (!(load<float>(to, out.dtype) < b)) store(to, out.dtype, a);
  }
};

struct Normal {
  Place out;
  double mean, std;

  WEFT_HD void operator()(Index i, int k, const Words& words) const {
    char* const to = out.at(out.offset(i));
    const int even = k & ~1;
    const std::uint32_t *w = words.w.word, *v = words.v.word;
    if (out.dtype == DType::F64) {
      const auto z = random::normal_f64(w[even], v[even], w[even + 1], v[even + 1]);
      return store(to, out.dtype, (k & 1 ? z.odd : z.even) * std + mean);
    }
    const auto z = random::normal_f32(w[even], w[even + 1]);
    store(to, out.dtype,
          (k & 1 ? z.odd : z.even) * static_cast<float>(std) + static_cast<float>(mean));
  }
};

struct Integer {
  Place out;
  std::uint64_t low, span;

  WEFT_HD void operator()(Index i, int k, const Words& words) const {
    const auto value =
        static_cast<Index>(low + random::below(words.w.word[k], words.v.word[k], span));
    store(out.at(out.offset(i)), out.dtype, Int(value));
  }
};

struct Bernoulli {
  Place out, probability;

  WEFT_HD void operator()(Index i, int k, const Words& words) const {
    const char* from = probability.at(probability.offset(i));
    const bool hit =
        probability.dtype == DType::F64
            ? random::unit_f64(words.w.word[k], words.v.word[k]) < load<double>(from, DType::F64)
            : random::unit_f32(words.w.word[k]) < load<float>(from, probability.dtype);
    store(out.at(out.offset(i)), out.dtype, Int(std::int64_t{hit}));
  }
};

template <class C>
struct Dropout {
  Place y, mask, x;
  std::uint64_t threshold;
  C scale;

  WEFT_HD void operator()(Index i, int k, const Words& words) const {
    const bool keep = words.w.word[k] >= threshold;
    store(mask.at(mask.offset(i)), mask.dtype, Int(std::int64_t{keep}));
    const C v = keep ? load<C>(x.at(x.offset(i)), x.dtype) * scale : C(0);
    store(y.at(y.offset(i)), y.dtype, v);
  }
};

// What random_permutation() sorts by; as signed numbers in the same order.
struct Draw {
  Index* to;
  WEFT_HD void operator()(Index i, int k, const Words& words) const {
    const std::uint64_t r = std::uint64_t{words.w.word[k]} << 32 | words.v.word[k];
    to[i] = static_cast<Index>(r ^ std::uint64_t{1} << 63);
  }
};
struct Spread {
  Place out;
  const Index* value;
  WEFT_HD void operator()(Index i) const { store(out.at(out.offset(i)), out.dtype, Int(value[i])); }
};

}  // namespace

void random_uniform(const View& out, double low, double high, RandomKey key) {
  for_numbers("uniform", numel(out), key, out.dtype == DType::F64, Uniform{Place(out), low, high});
}
void random_normal(const View& out, double mean, double std, RandomKey key) {
  for_numbers("normal", numel(out), key, out.dtype == DType::F64, Normal{Place(out), mean, std});
}
void random_integer(const View& out, Index low, Index high, RandomKey key) {
  const auto from = static_cast<std::uint64_t>(low);
  for_numbers("randint", numel(out), key, true,
              Integer{Place(out), from, static_cast<std::uint64_t>(high) - from});
}
void random_bernoulli(const View& out, const View& probability, RandomKey key) {
  for_numbers("bernoulli", numel(out), key, probability.dtype == DType::F64,
              Bernoulli{Place(out), Place(probability)});
}

void random_permutation(const View& out, RandomKey key) {
  const Index n = numel(out);
  if (n == 0) return;
  const SortedKeys keys(n);
  for_numbers("randperm", n, key, true, Draw{keys.unsorted()});
  keys.sort("randperm");
  for_each("randperm", n, Spread{Place(out), keys.order()});
}

void dropout(const View& y, const View& mask, const View& x, double p, RandomKey key) {
  by_compute(x.dtype, [&]<class C>(C) {
    for_numbers("dropout", numel(x), key, false,
                Dropout<C>{Place(y), Place(mask), Place(x), random::drop_threshold(p),
                           static_cast<C>(p < 1 ? 1 / (1 - p) : 0)});
  });
}

}  // namespace weft::cuda
