#pragma once

#include <cstddef>
#include <map>
#include <span>
#include <string>
#include <vector>

#include <weft/core/tensor.h>

// Tensors by name in one file, in the safetensors format (data/safetensors_header.h).
namespace weft {

using TensorMap = std::map<std::string, Tensor>;
using TextMap = std::map<std::string, std::string>;

// Writes the tensors, of any strides, and the metadata; see data::save_file for what happens to the
// old file. Throws IOError, and ValueError for a name that the format cannot hold or an undefined
// tensor.
WEFT_API void save_safetensors(const std::string& path, const TensorMap& tensors,
                               const TextMap& metadata = {});

// All tensors of a file, contiguous and on the CPU; its metadata go where `metadata` points. Throws
// IOError, ParseError for a file that breaks any rule of the format or holds a dtype that Weft
// lacks, and OutOfMemory.
WEFT_API TensorMap load_safetensors(const std::string& path, TextMap* metadata = nullptr);

// The same in memory.
WEFT_API std::vector<std::byte> safetensors_to_bytes(const TensorMap& tensors,
                                                     const TextMap& metadata = {});
WEFT_API TensorMap safetensors_from_bytes(std::span<const std::byte> bytes,
                                          TextMap* metadata = nullptr);

}  // namespace weft
