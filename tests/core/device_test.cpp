#include <weft/core/device.h>
#include <weft/core/error.h>
#include <weft/tests/catch.h>

using weft::Device;

TEST_CASE("a device is written as it is read") {
  CHECK(Device("cpu").str() == "cpu");
  CHECK(Device("cuda").str() == "cuda:0");
  CHECK(Device("cuda:3").str() == "cuda:3");
}

TEST_CASE("a device of another name is refused, with what was expected") {
  for (const char* text : {"", "gpu", "cpu:1", "cuda:", "cuda:-1", "cuda:128", "cuda:1x"}) {
    CHECK_THROWS_MATCHES(
        Device(text), weft::DeviceError,
        Catch::Matchers::MessageMatches(Catch::Matchers::ContainsSubstring("expected \"cpu\"")));
  }
}
