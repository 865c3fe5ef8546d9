#pragma once

// Catch2 2.13 and 3.x under 3.x's names: Catch::Matchers::ContainsSubstring and weft::Approx.
#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_all.hpp>

namespace weft {
using Catch::Approx;
}
#else
#include <catch2/catch.hpp>

namespace weft {
using Catch::Detail::Approx;
}

namespace Catch::Matchers {
inline auto ContainsSubstring(const std::string& text) { return Contains(text); }
inline auto MessageMatches(const StdString::ContainsMatcher& matcher) {
  struct Matcher : Catch::MatcherBase<std::exception> {
    explicit Matcher(StdString::ContainsMatcher m) : inner(std::move(m)) {}
    bool match(const std::exception& e) const override { return inner.match(e.what()); }
    std::string describe() const override { return "has a message that " + inner.describe(); }
    StdString::ContainsMatcher inner;
  };
  return Matcher(matcher);
}
}  // namespace Catch::Matchers
#endif
