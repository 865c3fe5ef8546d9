#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <utility>

#include <weft/core/macros.h>
#include <weft/core/philox.h>
#include <weft/core/shape.h>

// Random numbers. Everything comes from Philox blocks of four 32-bit words (core/philox.h). Element
// i of a fill, counted in row-major logical order whatever the strides, owns word i % 4 of block
// offset + i / 4, in plane 0 (called w) and in plane 1 (called v, read only where 64 bits are
// needed: r = w * 2^32 + v). So the bits depend on seed, offset and i alone: not on threads, memory
// format, instruction set or device. What is made of w and v stands in core/random_recipes.h.
namespace weft {

// A sequence of blocks with a position. All methods may be called from several threads at once.
class WEFT_API Generator {
 public:
  explicit Generator(std::uint64_t seed = kDefaultSeed) : state_{seed, 0} {}
  Generator(const Generator& other) : state_(other.state()) {}
  Generator& operator=(const Generator& other) {
    set_state(other.state());
    return *this;
  }

  // Starts anew at block 0 of this seed's sequence.
  void manual_seed(std::uint64_t seed) { set_state({seed, 0}); }
  // Takes a seed from the system, starts anew with it and returns it.
  std::uint64_t seed();
  std::uint64_t initial_seed() const { return state().seed; }

  // Reserves the blocks of a fill of `numbers` elements of any dtype, (numbers + 3) / 4 of them;
  // the next call starts behind them. Zero or fewer numbers take nothing.
  RandomKey next(Index numbers);

  // Seed and position: all there is to save. Two generators of equal state give equal numbers.
  RandomKey state() const;
  void set_state(RandomKey state);

  static constexpr std::uint64_t kDefaultSeed = 0;

 private:
  friend class DrawGuard;
  RandomKey state_;
};

// The generator that operations use when none is given.
WEFT_API Generator& default_generator();
// Seeds the default generator.
WEFT_API void manual_seed(std::uint64_t seed);

// Gives back what this thread drew from the default generator since the guard was made, unless
// keep() came before its end: for work that fails and will be tried again. What was drawn before
// another thread drew, or before the state was set, stays drawn. Guards nest.
class WEFT_API DrawGuard {
 public:
  DrawGuard() noexcept;
  ~DrawGuard();
  DrawGuard(const DrawGuard&) = delete;
  DrawGuard& operator=(const DrawGuard&) = delete;
  void keep() noexcept { kept_ = true; }

 private:
  friend class Generator;
  void note(RandomKey before, RandomKey after) noexcept;
  DrawGuard* outer_;
  RandomKey first_{}, next_{};  // the last draws without a gap
  bool drew_ = false, kept_ = false;
};

// A stateless key: the same key always gives the same numbers; new numbers come from new keys, made
// by split() or fold(). Child n of a key with value k is the key whose value is words 0 (low) and 1
// (high) of the Philox block n of seed k in kSplitPlane, a plane that no fill reads.
struct Key {
  std::uint64_t value = 0;

  constexpr Key() = default;
  explicit constexpr Key(std::uint64_t seed) : value(seed) {}

  // The child that belongs to a datum: an epoch, a sample's number...
  WEFT_HD constexpr Key fold(std::uint64_t datum) const {
    const PhiloxBlock b = philox_block(value, datum, kSplitPlane);
    return Key(b.word[0] | std::uint64_t{b.word[1]} << 32);
  }
  // auto [a, b] = key.split(); children 0, 1, ... N - 1.
  template <std::size_t N = 2>
  constexpr std::array<Key, N> split() const {
    std::array<Key, N> children;
    for (std::size_t n = 0; n < N; ++n) children[n] = fold(n);
    return children;
  }
  // For the operations: a fill with this key.
  constexpr RandomKey random() const { return {value, 0}; }

  friend constexpr bool operator==(Key, Key) = default;
};

// Fills out with 0, 1, ..., n - 1 in random order: the numbers sorted by r of their element, equal
// r in order of the number.
WEFT_API void random_permutation(std::span<Index> out, RandomKey key);

// The words of one key in order, for code that draws a few numbers at a time. Not for several
// threads.
class RandomStream {
 public:
  explicit constexpr RandomStream(RandomKey key) : key_(key) {}
  explicit constexpr RandomStream(Key key) : key_(key.random()) {}

  constexpr std::uint32_t next() {
    if (at_ == 4) {
      block_ = philox_block(key_.seed, key_.offset++);
      at_ = 0;
    }
    return block_.word[at_++];
  }
  // Uniform in [0, bound): multiply-high, one word; the bias is below bound / 2^32.
  constexpr std::uint32_t below(std::uint32_t bound) {
    return static_cast<std::uint32_t>((std::uint64_t{next()} * bound) >> 32);
  }

 private:
  RandomKey key_;
  PhiloxBlock block_{};
  int at_ = 4;
};

}  // namespace weft
