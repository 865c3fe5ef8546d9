#include <algorithm>
#include <cstring>

#include <weft/core/check.h>
#include <weft/data/image_set.h>

namespace weft::data {
namespace {

constexpr std::size_t kSide = 32, kPlane = kSide * kSide, kCifarPixels = 3 * kPlane;

void interleave(const std::byte* planes, std::uint8_t* out) {
  for (std::size_t i = 0; i < kPlane; ++i) {
    for (std::size_t c = 0; c < 3; ++c)
      out[3 * i + c] = std::to_integer<std::uint8_t>(planes[c * kPlane + i]);
  }
}

std::uint32_t big_endian(std::span<const std::byte> four) {
  std::uint32_t value = 0;
  for (std::byte b : four) value = value << 8 | std::to_integer<std::uint32_t>(b);
  return value;
}

}  // namespace

void ImageSet::append(const ImageSet& other) {
  if (other.channels != channels || other.height != height || other.width != width) {
    fail<ShapeError>("ImageSet", "got pictures of {}x{}x{}, expected {}x{}x{}", other.channels,
                     other.height, other.width, channels, height, width);
  }
  pixels.insert(pixels.end(), other.pixels.begin(), other.pixels.end());
  labels.insert(labels.end(), other.labels.begin(), other.labels.end());
}

std::string ImageSet::fingerprint() const {
  std::uint64_t hash = 0xcbf29ce484222325u;
  const auto add = [&](std::uint64_t word) { hash = (hash ^ word) * 0x100000001b3u; };
  for (std::size_t i = 0; i + 8 <= pixels.size(); i += 8) {
    std::uint64_t word;
    std::memcpy(&word, pixels.data() + i, 8);
    add(word);
  }
  for (std::int64_t label : labels) add(static_cast<std::uint64_t>(label));
  return fmt::format("{} pictures, {:016x}", size(), hash);
}

ImageSet parse_cifar(std::span<const std::byte> file, const CifarLayout& layout,
                     const std::string& path) {
  const auto label_bytes = static_cast<std::size_t>(layout.label_bytes);
  const std::size_t record = label_bytes + kCifarPixels, count = file.size() / record;
  if (file.empty() || file.size() % record != 0) {
    fail<ParseError>("cifar", "{}: got {} bytes, expected a whole number of records of {}", path,
                     file.size(), record);
  }
  ImageSet set{3, kSide, kSide, std::vector<std::uint8_t>(count * kCifarPixels), {}, {}};
  set.labels.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    const auto at = file.subspan(i * record, record);
    const int label = std::to_integer<int>(at[static_cast<std::size_t>(layout.label)]);
    if (label >= layout.classes) {
      fail<ParseError>("cifar", "{}: got label {} in record {}, expected less than {}", path, label,
                       i, layout.classes);
    }
    set.labels.push_back(label);
    interleave(at.data() + label_bytes, set.pixels.data() + i * kCifarPixels);
  }
  return set;
}

IdxArray parse_idx(std::span<const std::byte> file, int rank, const std::string& path) {
  const std::size_t start = 4 + 4 * static_cast<std::size_t>(rank);
  const std::uint32_t magic = 0x800u + static_cast<std::uint32_t>(rank);
  if (file.size() < start || big_endian(file.first(4)) != magic) {
    fail<ParseError>("idx", "{}: got no idx file of bytes in {} dimensions (first bytes {:#010x})",
                     path, rank, magic);
  }
  IdxArray array;
  std::uint64_t numel = 1;
  for (int d = 0; d < rank; ++d) {
    const std::uint32_t size = big_endian(file.subspan(4 + 4 * static_cast<std::size_t>(d), 4));
    array.shape.push_back(size);
    if (__builtin_mul_overflow(numel, std::uint64_t{size}, &numel)) numel = UINT64_MAX;
  }
  array.data = file.subspan(start);
  if (array.data.size() != numel) {
    fail<ParseError>("idx", "{}: got {} bytes of data for shape {}", path, array.data.size(),
                     array.shape);
  }
  return array;
}

ImageSet parse_mnist(std::span<const std::byte> images, const std::string& images_path,
                     std::span<const std::byte> labels, const std::string& labels_path) {
  const IdxArray pictures = parse_idx(images, 3, images_path),
                 marks = parse_idx(labels, 1, labels_path);
  if (pictures.shape[0] != marks.shape[0]) {
    fail<ParseError>("mnist", "{}: got {} labels for the {} pictures of {}", labels_path,
                     marks.shape[0], pictures.shape[0], images_path);
  }
  ImageSet set{1, pictures.shape[1], pictures.shape[2], {}, {}, {}};
  set.pixels.resize(pictures.data.size());
  std::ranges::transform(pictures.data, set.pixels.begin(), std::to_integer<std::uint8_t>);
  for (std::byte b : marks.data) {
    if (std::to_integer<int>(b) >= 10) {
      fail<ParseError>("mnist", "{}: got label {}, expected less than 10", labels_path,
                       std::to_integer<int>(b));
    }
    set.labels.push_back(std::to_integer<std::int64_t>(b));
  }
  return set;
}

}  // namespace weft::data
