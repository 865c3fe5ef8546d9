#pragma once

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <vector>

#include <weft/core/macros.h>

namespace weft {

using Index = std::int64_t;
inline constexpr int kMaxRank = 8;

namespace detail {
[[noreturn]] WEFT_API void throw_rank(std::size_t rank);
}

// A short list of sizes, strides or dims: at most kMaxRank values, held inline. Reads as a range.
class Shape {
 public:
  constexpr Shape() = default;
  constexpr Shape(std::integral auto value) : rank_(1) {  // NOLINT
    values_[0] = static_cast<Index>(value);
  }
  constexpr Shape(std::initializer_list<Index> values)
      : Shape(std::span(values.begin(), values.size())) {}
  constexpr Shape(std::span<const Index> values)
      : rank_(static_cast<int>(values.size())) {  // NOLINT
    if (values.size() > kMaxRank) detail::throw_rank(values.size());
    for (int i = 0; i < rank_; ++i) values_[i] = values[static_cast<std::size_t>(i)];
  }
  Shape(const std::vector<Index>& values) : Shape(std::span<const Index>(values)) {}  // NOLINT
  static constexpr Shape filled(int rank, Index value) {
    Shape s;
    s.rank_ = rank;
    for (int i = 0; i < rank; ++i) s.values_[i] = value;
    return s;
  }

  constexpr int size() const { return rank_; }
  constexpr bool empty() const { return rank_ == 0; }
  constexpr Index* data() { return values_; }
  constexpr const Index* data() const { return values_; }
  constexpr Index* begin() { return values_; }
  constexpr Index* end() { return values_ + rank_; }
  constexpr const Index* begin() const { return values_; }
  constexpr const Index* end() const { return values_ + rank_; }
  constexpr Index& operator[](int i) { return values_[i]; }
  constexpr Index operator[](int i) const { return values_[i]; }
  constexpr Index front() const { return values_[0]; }
  constexpr Index back() const { return values_[rank_ - 1]; }
  constexpr operator std::span<const Index>() const {  // NOLINT
    return {values_, static_cast<std::size_t>(rank_)};
  }

  constexpr void push_back(Index value) {
    if (rank_ == kMaxRank) detail::throw_rank(kMaxRank + 1);
    values_[rank_++] = value;
  }
  constexpr void insert(int at, Index value) {
    push_back(value);
    for (int i = rank_ - 1; i > at; --i) values_[i] = values_[i - 1];
    values_[at] = value;
  }
  constexpr void erase(int at) {
    --rank_;
    for (int i = at; i < rank_; ++i) values_[i] = values_[i + 1];
  }

  friend constexpr bool operator==(const Shape& a, const Shape& b) {
    if (a.rank_ != b.rank_) return false;
    for (int i = 0; i < a.rank_; ++i) {
      if (a.values_[i] != b.values_[i]) return false;
    }
    return true;
  }

 private:
  Index values_[kMaxRank] = {};
  int rank_ = 0;
};

}  // namespace weft
