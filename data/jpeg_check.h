#pragma once

#include <cstddef>
#include <span>

namespace weft::data {

// Whether no Huffman table of a JPEG file names more than 256 symbols: stb_image 2.27 writes behind
// its tables otherwise. True for files that are no JPEG. For .cpp files only.
bool huffman_tables_fit(std::span<const std::byte> file);

}  // namespace weft::data
