#include <weft/data/image.h>
#include <weft/tests/fuzz/fuzz.h>

void weft::fuzz::run(std::span<const std::byte> file) {
  using namespace weft::data;
  decode_image(file, "x");
}
