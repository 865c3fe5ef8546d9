#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include <weft/core/error.h>

namespace weft::fuzz {

// What a target does with an input; a ParseError is an answer, any other exception a finding.
void run(std::span<const std::byte> file);

}  // namespace weft::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    weft::fuzz::run(std::as_bytes(std::span(data, size)));
  } catch (const weft::ParseError&) {
  }
  return 0;
}
