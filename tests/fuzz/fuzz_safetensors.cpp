#include <algorithm>

#include <weft/data/safetensors_header.h>
#include <weft/tests/fuzz/fuzz.h>

void weft::fuzz::run(std::span<const std::byte> file) {
  using namespace weft::data;
  const auto length = safetensors_header_length(file.first(std::min<std::size_t>(8, file.size())),
                                                file.size(), "x");
  parse_safetensors_header(file.subspan(8, length), file.size(), "x");
}
