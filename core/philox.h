#pragma once

#include <cstdint>

#include <weft/core/macros.h>

namespace weft {

// Philox 4x32-10 (Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as easy as 1, 2, 3", SC11):
// a bijection of 128-bit counters for every 64-bit key, so any number of a sequence is had
// directly, in any order and on any device. Plain integers only: kernels and host share this file.
struct PhiloxBlock {
  std::uint32_t word[4];

  friend constexpr bool operator==(const PhiloxBlock&, const PhiloxBlock&) = default;
};

inline constexpr int kPhiloxRounds = 10;
inline constexpr std::uint32_t kPhiloxM0 = 0xD2511F53u, kPhiloxM1 = 0xCD9E8D57u;
inline constexpr std::uint32_t kPhiloxW0 = 0x9E3779B9u, kPhiloxW1 = 0xBB67AE85u;

WEFT_HD constexpr PhiloxBlock philox(PhiloxBlock c, std::uint64_t key) {
  auto k0 = static_cast<std::uint32_t>(key), k1 = static_cast<std::uint32_t>(key >> 32);
  for (int round = 0; round < kPhiloxRounds; ++round) {
    const std::uint64_t p0 = std::uint64_t{kPhiloxM0} * c.word[0],
                        p1 = std::uint64_t{kPhiloxM1} * c.word[2];
    c = {{static_cast<std::uint32_t>(p1 >> 32) ^ c.word[1] ^ k0, static_cast<std::uint32_t>(p1),
          static_cast<std::uint32_t>(p0 >> 32) ^ c.word[3] ^ k1, static_cast<std::uint32_t>(p0)}};
    k0 += kPhiloxW0;
    k1 += kPhiloxW1;
  }
  return c;
}

// How Weft numbers its counters: words 0 and 1 hold the block, word 2 is 0, word 3 the plane. Fills
// use plane 0 and, where an element needs more than 32 bits, plane 1; keys split in kSplitPlane.
inline constexpr std::uint32_t kSplitPlane = 0xFFFFFFFFu;

WEFT_HD constexpr PhiloxBlock philox_block(std::uint64_t seed, std::uint64_t block,
                                           std::uint32_t plane = 0) {
  return philox(
      {{static_cast<std::uint32_t>(block), static_cast<std::uint32_t>(block >> 32), 0, plane}},
      seed);
}

// Where a fill starts: the Philox key, and the number of its first block.
struct RandomKey {
  std::uint64_t seed = 0, offset = 0;

  friend constexpr bool operator==(RandomKey, RandomKey) = default;
};

}  // namespace weft
