#include <stdexcept>

#include <weft/core/threads.h>
#include <weft/cpu/dnnl/cache.h>
#include <weft/tests/catch.h>

namespace weft::cpu::dnnl {
namespace {

Key key(std::int64_t number) {
  Key k;
  k.add(number);
  return k;
}

}  // namespace

TEST_CASE("the cache makes an operation once and keeps the recent ones", "[cache]") {
  OperationCache cache;
  int made = 0;
  const auto make = [&] {
    ++made;
    return Operation();
  };
  Operation* first = &cache.find(key(1), make);
  CHECK(&cache.find(key(1), make) == first);
  CHECK(made == 1);
  for (std::int64_t i = 2; i < 5000; ++i) {
    cache.find(key(i), make);
    cache.find(key(1), make);  // in use, so it stays
  }
  CHECK(made == 4999);
  made = 0;
  for (std::int64_t i = 1; i < 5000; ++i) cache.find(key(i), make);
  CHECK(made > 4000);  // bounded: most had to go
}

TEST_CASE("an operation that cannot be made leaves the cache as it was", "[cache]") {
  OperationCache cache;
  cache.find(key(1), [] { return Operation(); });
  const auto fails = []() -> Operation { throw std::runtime_error("no"); };
  for (std::int64_t i = 2; i < 2000; ++i) CHECK_THROWS(cache.find(key(i), fails));
  int made = 0;
  cache.find(key(1), [&] {
    ++made;
    return Operation();
  });
  CHECK(made == 0);
  CHECK_THROWS(cache.find(key(2), fails));
}

TEST_CASE("keys differ in each word", "[cache]") {
  Key a, b;
  a.add(1), a.add(0), b.add(0), b.add(1);
  CHECK_FALSE(a == b);
  CHECK(a.hash() != b.hash());
}

TEST_CASE("a scope of one thread leaves the setting as it was", "[cache]") {
  const int before = get_num_threads();
  set_num_threads(3);
  {
    const ThreadScope all(false);
    CHECK(all.threads() == 3);
    const ThreadScope one(true);
    CHECK(one.threads() == 1);
  }
  CHECK(ThreadScope(false).threads() == 3);
  set_num_threads(before);
}

}  // namespace weft::cpu::dnnl
