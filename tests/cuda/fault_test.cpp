#include <weft/tests/cuda/simulated.h>
#include <weft/tests/nn/faults.h>

using namespace weft;
using namespace weft::test;

TEST_CASE("a training step on the device in which any allocation fails changes nothing") {
  for (const bool adam : {false, true}) {
    const Training::Size size = {
        .channels = {2, 3, 3, 2, 2}, .hidden = {4, 3}, .batch = 2, .adam = adam, .device = kDevice};
    Training undisturbed(size);
    undisturbed.forward();
    undisturbed.backward();
    undisturbed.clip();
    undisturbed.step();
    const Bytes expected = undisturbed.state();
    Training t(size);  // seeds the generator anew
    CHECK(fail_all(t, "forward", [&] { t.forward(); }) > 50);
    CHECK(fail_all(t, "backward", [&] { t.backward(true); }) > 50);
    fail_all(t, "clip the norm", [&] { nn::clip_grad_norm_(t.net.parameters(), 0.5); });
    fail_all(t, "clip values", [&] { nn::clip_grad_value_(t.net.parameters(), 0.02); });
    CHECK(fail_all(t, "step", [&] { t.step(); }) > 5);
    CHECK(changes(expected, t.state()) == "");
  }
}
