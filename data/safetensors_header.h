#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include <weft/core/dtype.h>
#include <weft/core/shape.h>

// The safetensors format: 8 bytes with the header's length N (little-endian), N bytes of JSON
// ({"name": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}, ...}, and "__metadata__"
// with a map of strings), then the data. Every rule is checked before anything is allocated for the
// data.
namespace weft::data {

inline constexpr std::uint64_t kMaxSafetensorsHeader = 100'000'000;

struct SafetensorsEntry {
  std::string name;
  DType dtype = DType::F32;
  Shape shape;
  std::uint64_t begin = 0, end = 0;  // bytes, from the start of the data
};

struct SafetensorsHeader {
  std::vector<SafetensorsEntry> entries;  // in the order of their data
  std::map<std::string, std::string> metadata;
  std::uint64_t data_start = 0;  // bytes, from the start of the file
};

// The length N from the first 8 bytes of a file of file_size bytes. ParseError, which names `path`,
// if it is above kMaxSafetensorsHeader or reaches behind the file.
WEFT_API std::uint64_t safetensors_header_length(std::span<const std::byte> first_bytes,
                                                 std::uint64_t file_size, const std::string& path);

// Checks and reads the N bytes of the header of a file of file_size bytes. ParseError, which names
// `path`, says what came and what was expected.
WEFT_API SafetensorsHeader parse_safetensors_header(std::span<const std::byte> json,
                                                    std::uint64_t file_size,
                                                    const std::string& path);

// The first bytes of a file that holds these entries, whose begin and end are set here: sorted by
// falling size of an element, then by name, and the data starts at a multiple of 8. ValueError if a
// name or a string of the metadata is not UTF-8, or a name is "__metadata__" or there twice.
WEFT_API std::string write_safetensors_header(SafetensorsHeader& header);

}  // namespace weft::data
