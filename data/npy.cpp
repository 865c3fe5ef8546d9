#include <algorithm>

#include <weft/data/file.h>
#include <weft/data/npy.h>
#include <weft/data/npy_header.h>
#include <weft/data/tensor_bytes.h>

namespace weft {
namespace {

void swap_bytes(std::byte* at, std::size_t count, std::size_t size) {
  for (; count > 0; --count, at += size) std::reverse(at, at + size);
}

Tensor reversed_dims(const Tensor& x) {
  Shape sizes = x.sizes(), strides = x.strides();
  std::reverse(sizes.begin(), sizes.end());
  std::reverse(strides.begin(), strides.end());
  return make_alias(x, {sizes, strides, 0});
}

}  // namespace

void save_npy(const std::string& path, const Tensor& x) {
  const Tensor plain = data::plain(x, "save_npy", path);
  const std::string header = data::write_npy_header(plain.dtype(), plain.sizes());
  data::save_file(path, [&](data::OutputFile& file) {
    file.write(header);
    if (plain.nbytes() > 0) file.write(plain.data(), plain.nbytes());
  });
}

Tensor load_npy(const std::string& path) {
  data::InputFile file(path);
  std::vector<std::byte> start(std::min(file.size(), data::kMaxNpyHeader));
  file.read(start);
  const data::NpyHeader header = data::parse_npy_header(start, file.size(), path);
  Shape sizes = header.shape;
  if (header.fortran_order) std::reverse(sizes.begin(), sizes.end());
  const Tensor x = data::unread(sizes, header.dtype);
  auto* at = static_cast<std::byte*>(x.data());
  const std::uint64_t here = std::min(start.size() - header.data_start, header.data_bytes);
  std::copy_n(start.begin() + static_cast<std::ptrdiff_t>(header.data_start), here, at);
  file.read(at + here, header.data_bytes - here);
  if (header.swap_bytes) swap_bytes(at, static_cast<std::size_t>(x.numel()), x.itemsize());
  data::check_bools(x, "npy", path);
  return header.fortran_order ? reversed_dims(x) : x;
}

}  // namespace weft
