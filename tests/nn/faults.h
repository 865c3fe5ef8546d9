#pragma once

#include <weft/core/allocator.h>
#include <weft/tests/catch.h>
#include <weft/tests/nn/training.h>

namespace weft::test {

// Calls f with its k-th allocation failing; false if it did fail.
template <class F>
bool survives(std::uint64_t k, F&& f) {
  bool failed = false;
  fail_allocation_at(k);
  try {
    f();
  } catch (const OutOfMemory&) {
    failed = true;
  }
  fail_allocation_at(0);
  return !failed;
}

// Fails every allocation of `call` in turn, each time on the state that the last failure left.
// Returns how many there are.
template <class F>
int fail_all(const Training& t, const char* what, F&& call) {
  const Bytes before = t.state();
  const std::size_t in_use = memory_stats(t.size.device).in_use;
  for (int k = 1; k < 2000; ++k) {
    if (survives(static_cast<std::uint64_t>(k), call)) return k - 1;
    INFO(what << ", allocation " << k);
    CHECK(memory_stats(t.size.device).in_use == in_use);
    REQUIRE(changes(before, t.state()) == "");
  }
  FAIL("no end of allocations");
  return 0;
}

}  // namespace weft::test
