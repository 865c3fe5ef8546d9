#include <immintrin.h>

#include <bit>

#include <weft/core/philox.h>
#include <weft/core/random_recipes.h>
#include <weft/cpu/isa/random.h>

namespace weft::cpu::WEFT_ISA {
namespace {

#if defined(__AVX512F__)
constexpr int kLanes = 8;
#elif defined(__AVX2__)
constexpr int kLanes = 4;
#else
constexpr int kLanes = 2;
#endif
typedef std::uint64_t Wide __attribute__((vector_size(8 * kLanes)));
typedef std::int64_t WideIndex __attribute__((vector_size(8 * kLanes)));

// The product of the lower halves of each lane; what stands in the upper halves does not matter.
__attribute__((always_inline)) inline Wide multiply(Wide a, Wide b) {
#if defined(__AVX512F__)
  return (Wide)_mm512_maskz_mul_epu32(0xFF, (__m512i)a, (__m512i)b);  // mul_epu32 warns in g++ 12
#elif defined(__AVX2__)
  return (Wide)_mm256_mul_epu32((__m256i)a, (__m256i)b);
#else
  return (Wide)_mm_mul_epu32((__m128i)a, (__m128i)b);
#endif
}

// Counters of kLanes blocks, one a lane: the words are the lower halves of c[0] to c[3].
struct Blocks {
  Wide c[4];

  __attribute__((always_inline)) inline void round(std::uint32_t k0, std::uint32_t k1) {
    const Wide p0 = multiply(c[0], Wide{} + kPhiloxM0), p1 = multiply(c[2], Wide{} + kPhiloxM1);
    c[0] = (p1 >> 32) ^ c[1] ^ k0;
    c[1] = p1;
    c[2] = (p0 >> 32) ^ c[3] ^ k1;
    c[3] = p0;
  }

  __attribute__((always_inline)) inline void store(std::uint32_t* out) const {
    const Wide low = Wide{} + 0xFFFFFFFFu;
    const Wide a = (c[0] & low) | (c[1] << 32), b = (c[2] & low) | (c[3] << 32);
    WideIndex first, second;
    for (int i = 0; i < kLanes; ++i) {
      first[i] = i / 2 + i % 2 * kLanes;
      second[i] = first[i] + kLanes / 2;
    }
    const Wide x = __builtin_shuffle(a, b, first), y = __builtin_shuffle(a, b, second);
    __builtin_memcpy(out, &x, sizeof x);
    __builtin_memcpy(out + 2 * kLanes, &y, sizeof y);
  }
};

__attribute__((always_inline)) inline Blocks counters(std::uint64_t block, std::uint32_t plane) {
  Wide number;
  for (int i = 0; i < kLanes; ++i) number[i] = block + static_cast<std::uint64_t>(i);
  return {{number, number >> 32, Wide{}, Wide{} + plane}};
}

constexpr int kGroup = 2;  // independent vectors hide each other's latency

void words(std::uint32_t* out, std::uint64_t seed, std::uint64_t block, std::uint32_t plane,
           std::int64_t blocks) {
  std::int64_t i = 0;
  for (; i + kGroup * kLanes <= blocks; i += kGroup * kLanes) {
    Blocks group[kGroup];
    for (int g = 0; g < kGroup; ++g) {
      group[g] = counters(block + static_cast<std::uint64_t>(i + g * kLanes), plane);
    }
    auto k0 = static_cast<std::uint32_t>(seed), k1 = static_cast<std::uint32_t>(seed >> 32);
    for (int r = 0; r < kPhiloxRounds; ++r) {
      for (Blocks& b : group) b.round(k0, k1);
      k0 += kPhiloxW0;
      k1 += kPhiloxW1;
    }
    for (int g = 0; g < kGroup; ++g) group[g].store(out + 4 * (i + g * kLanes));
  }
  for (; i < blocks; ++i) {
    const PhiloxBlock b = philox_block(seed, block + static_cast<std::uint64_t>(i), plane);
    __builtin_memcpy(out + 4 * i, b.word, sizeof b.word);
  }
}

void uniform_f32(float* out, const std::uint32_t* w, std::int64_t n, float low, float high) {
  for (std::int64_t i = 0; i < n; ++i) out[i] = random::scaled(random::unit_f32(w[i]), low, high);
}

void uniform_f64(double* out, const std::uint32_t* w, const std::uint32_t* v, std::int64_t n,
                 double low, double high) {
  for (std::int64_t i = 0; i < n; ++i) {
    out[i] = random::scaled(random::unit_f64(w[i], v[i]), low, high);
  }
}

void normal_f32(float* out, const std::uint32_t* w, std::int64_t n, float mean, float std) {
  for (std::int64_t i = 0; i < n; i += 2) {
    const auto z = random::normal_f32(w[i], w[i + 1]);
    out[i] = z.even * std + mean;
    out[i + 1] = z.odd * std + mean;
  }
}

void normal_f64(double* out, const std::uint32_t* w, const std::uint32_t* v, std::int64_t n,
                double mean, double std) {
  for (std::int64_t i = 0; i < n; i += 2) {
    const auto z = random::normal_f64(w[i], v[i], w[i + 1], v[i + 1]);
    out[i] = z.even * std + mean;
    out[i + 1] = z.odd * std + mean;
  }
}

template <class T>
void dropout(T* __restrict y, std::uint8_t* __restrict mask, const T* __restrict x,
             const std::uint32_t* __restrict w, std::int64_t n, std::uint32_t threshold,
             float scale) {
  for (std::int64_t i = 0; i < n; ++i) {
    // No branch, which would be mispredicted, and no product with 0, which is NaN for infinite x.
    const std::uint32_t keep = w[i] >= threshold;
    mask[i] = static_cast<std::uint8_t>(keep);
    const auto scaled = std::bit_cast<std::uint32_t>(static_cast<float>(x[i]) * scale);
    y[i] = T(std::bit_cast<float>(scaled & (0u - keep)));
  }
}

}  // namespace

extern const RandomLoops random_loops = {
    .words = words,
    .uniform_f32 = uniform_f32,
    .uniform_f64 = uniform_f64,
    .normal_f32 = normal_f32,
    .normal_f64 = normal_f64,
    .dropout_f32 = dropout<float>,
    .dropout_bf16 = dropout<BFloat16>,
};

}  // namespace weft::cpu::WEFT_ISA
