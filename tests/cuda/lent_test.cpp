#include <thread>

#include <weft/cuda/lent.h>
#include <weft/tests/catch.h>

using weft::cuda::lent;

namespace {
struct State {
  int used = 0;
};
}  // namespace

TEST_CASE("what an ended thread leaves is lent to the next, and never to two at a time") {
  State* first = nullptr;
  std::thread([&] { first = &lent<State>(), ++first->used; }).join();
  State *second = nullptr, *third = nullptr;
  std::thread([&] {
    second = &lent<State>();
    std::thread([&] { third = &lent<State>(); }).join();
    CHECK(&lent<State>() == second);
  }).join();
  CHECK(second == first);
  CHECK(second->used == 1);
  CHECK(third != second);
}
