#include <algorithm>

#include <weft/core/check.h>
#include <weft/data/file.h>
#include <weft/data/safetensors.h>
#include <weft/data/safetensors_header.h>
#include <weft/data/tensor_bytes.h>

namespace weft {
namespace {

using data::SafetensorsHeader;

SafetensorsHeader describe(const TensorMap& tensors, const TextMap& metadata) {
  SafetensorsHeader header;
  header.metadata = metadata;
  for (const auto& [name, tensor] : tensors) {
    if (!tensor.defined())
      fail<ValueError>("safetensors", "got an undefined tensor for \"{}\"", name);
    header.entries.push_back({name, tensor.dtype(), tensor.sizes(), 0, 0});
  }
  return header;
}

// Calls write(pointer, bytes) with the file's parts in order.
template <class F>
void write_parts(const TensorMap& tensors, const TextMap& metadata, F&& write) {
  SafetensorsHeader header = describe(tensors, metadata);
  const std::string start = write_safetensors_header(header);
  write(start.data(), start.size());
  for (const auto& entry : header.entries) {
    const Tensor x = data::plain(tensors.at(entry.name), "safetensors", entry.name);
    if (x.nbytes() > 0) write(x.data(), x.nbytes());
  }
}

// Calls read(pointer, bytes) for the file's parts in order.
template <class F>
TensorMap read_parts(std::uint64_t file_size, const std::string& path, TextMap* metadata,
                     F&& read) {
  std::byte first[8];
  if (file_size >= sizeof first) read(first, sizeof first);
  const std::uint64_t length = data::safetensors_header_length(first, file_size, path);
  std::vector<std::byte> json(length);
  read(json.data(), length);
  SafetensorsHeader header = data::parse_safetensors_header(json, file_size, path);
  TensorMap tensors;
  for (const auto& entry : header.entries) {
    Tensor x = data::unread(entry.shape, entry.dtype);
    if (x.nbytes() > 0) read(x.data(), x.nbytes());
    data::check_bools(x, "safetensors", path);
    tensors.emplace(entry.name, std::move(x));
  }
  if (metadata) *metadata = std::move(header.metadata);
  return tensors;
}

}  // namespace

void save_safetensors(const std::string& path, const TensorMap& tensors, const TextMap& metadata) {
  data::save_file(path, [&](data::OutputFile& file) {
    write_parts(tensors, metadata, [&](const void* p, std::size_t n) { file.write(p, n); });
  });
}

TensorMap load_safetensors(const std::string& path, TextMap* metadata) {
  data::InputFile file(path);
  return read_parts(file.size(), path, metadata, [&](void* p, std::size_t n) { file.read(p, n); });
}

std::vector<std::byte> safetensors_to_bytes(const TensorMap& tensors, const TextMap& metadata) {
  std::vector<std::byte> out;
  write_parts(tensors, metadata, [&](const void* p, std::size_t n) {
    const auto* bytes = static_cast<const std::byte*>(p);
    out.insert(out.end(), bytes, bytes + n);
  });
  return out;
}

TensorMap safetensors_from_bytes(std::span<const std::byte> bytes, TextMap* metadata) {
  std::span<const std::byte> rest = bytes;
  return read_parts(bytes.size(), "the bytes given", metadata, [&](void* p, std::size_t n) {
    std::copy_n(rest.begin(), n, static_cast<std::byte*>(p));  // in range: the header was checked
    rest = rest.subspan(n);
  });
}

}  // namespace weft
