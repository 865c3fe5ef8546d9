#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include <weft/core/shape.h>

// Labelled pictures in memory, and the formats they are published in. The parsers take bytes and
// the name of their file, which stands in their messages; what is wrong with a file is a
// ParseError.
namespace weft::data {

struct ImageSet {
  Index channels = 0, height = 0, width = 0;
  std::vector<std::uint8_t> pixels;  // count x height x width x channels
  std::vector<std::int64_t> labels;  // count
  std::vector<std::string> classes;  // the labels' names

  Index size() const { return static_cast<Index>(labels.size()); }
  Index bytes_each() const { return channels * height * width; }
  std::span<const std::uint8_t> picture(Index i) const {
    const auto each = static_cast<std::size_t>(bytes_each());
    return std::span(pixels).subspan(static_cast<std::size_t>(i) * each, each);
  }
  // Adds the pictures of another set of the same shape. ShapeError otherwise.
  void append(const ImageSet& other);
  // The number of pictures and a number that differs with pixels and labels (FNV-1a over words of 8
  // bytes): "600 pictures, 0123456789abcdef".
  WEFT_API std::string fingerprint() const;
};

// CIFAR's binary layout: records of `label_bytes` labels and 3072 bytes of red, green and blue
// planes of 32 x 32. The label kept is number `label` of them; it must be below `classes`.
struct CifarLayout {
  int label_bytes = 1, label = 0, classes = 10;
};
WEFT_API ImageSet parse_cifar(std::span<const std::byte> file, const CifarLayout& layout,
                              const std::string& path);

// The idx format of MNIST: two zero bytes, the type, the rank, big-endian sizes, the elements. Only
// unsigned bytes (type 8) are known; the file must have exactly `rank` dimensions.
struct IdxArray {
  Shape shape;
  std::span<const std::byte> data;  // within the bytes given
};
WEFT_API IdxArray parse_idx(std::span<const std::byte> file, int rank, const std::string& path);

// A set from an idx file of pictures (rank 3) and one of labels (rank 1).
WEFT_API ImageSet parse_mnist(std::span<const std::byte> images, const std::string& images_path,
                              std::span<const std::byte> labels, const std::string& labels_path);

}  // namespace weft::data
