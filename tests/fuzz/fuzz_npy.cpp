#include <weft/data/npy_header.h>
#include <weft/tests/fuzz/fuzz.h>

void weft::fuzz::run(std::span<const std::byte> file) {
  using namespace weft::data;
  parse_npy_header(file, file.size(), "x");
}
