// The one file that holds stb's code, with what of it is used.
#define STB_IMAGE_IMPLEMENTATION
#define STB_IMAGE_STATIC
#define STBI_ONLY_JPEG
#define STBI_ONLY_PNG
#define STBI_NO_STDIO
#define STBI_FAILURE_USERMSG
#define STB_IMAGE_WRITE_IMPLEMENTATION
#define STB_IMAGE_WRITE_STATIC
#define STBI_WRITE_NO_STDIO

#if defined(__GNUC__)
#pragma GCC diagnostic ignored "-Wunused-function"
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"
#pragma GCC diagnostic ignored "-Wunused-but-set-variable"
#endif
#include <cstring>
#include <memory>

// stb copies nothing to a null pointer when a PNG begins with an empty chunk of data, and a
// compiler may conclude from a memcpy that its pointers are not null.
static void* copy_or_nothing(void* to, const void* from, std::size_t bytes) {
  return bytes ? std::memcpy(to, from, bytes) : to;
}
#define memcpy copy_or_nothing
#include <stb_image.h>
#include <stb_image_write.h>
#undef memcpy

#include <weft/core/check.h>
#include <weft/data/file.h>
#include <weft/data/image.h>
#include <weft/data/jpeg_check.h>

namespace weft::data {
namespace {

constexpr std::uint64_t kLargestFile = std::uint64_t{1} << 28;

struct Free {
  void operator()(void* p) const { stbi_image_free(p); }
};

void append(void* out, void* data, int bytes) {
  const auto* from = static_cast<const std::byte*>(data);
  static_cast<std::vector<std::byte>*>(out)->insert(
      static_cast<std::vector<std::byte>*>(out)->end(), from, from + bytes);
}

}  // namespace

Image decode_image(std::span<const std::byte> file, const std::string& path, int channels) {
  if (channels != 1 && channels != 3) {
    fail<ValueError>("decode_image", "got {} channels, expected 1 or 3", channels);
  }
  if (file.size() > kLargestFile) {
    fail<ParseError>("decode_image", "{}: got {} bytes, expected at most {}", path, file.size(),
                     kLargestFile);
  }
  if (!huffman_tables_fit(file)) {
    fail<ParseError>("decode_image", "{}: got a JPEG with a Huffman table of more than 256 symbols",
                     path);
  }
  const auto* bytes = reinterpret_cast<const stbi_uc*>(file.data());
  const int length = static_cast<int>(file.size());
  int width = 0, height = 0, found = 0;
  if (!stbi_info_from_memory(bytes, length, &width, &height, &found)) {
    fail<ParseError>("decode_image", "{}: no PNG or JPEG picture ({})", path,
                     stbi_failure_reason());
  }
  if (Index{width} * height > kMaxImagePixels) {
    fail<ParseError>("decode_image", "{}: got {} x {} pixels, expected at most {}", path, width,
                     height, kMaxImagePixels);
  }
  const std::unique_ptr<stbi_uc, Free> pixels(
      stbi_load_from_memory(bytes, length, &width, &height, &found, channels));
  if (!pixels) {
    fail<ParseError>("decode_image", "{}: the picture is damaged ({})", path,
                     stbi_failure_reason());
  }
  const std::size_t count = std::size_t(width) * std::size_t(height) * std::size_t(channels);
  return {height, width, channels, {pixels.get(), pixels.get() + count}};
}

Image read_image(const std::string& path, int channels) {
  return decode_image(read_file(path, kLargestFile), path, channels);
}

std::vector<std::byte> encode_png(const Image& image) {
  if (!image.whole()) {
    fail<ValueError>("encode_png", "got {} bytes for {} x {} pixels of {} channels",
                     image.pixels.size(), image.height, image.width, image.channels);
  }
  std::vector<std::byte> out;
  const int height = static_cast<int>(image.height), width = static_cast<int>(image.width),
            channels = static_cast<int>(image.channels);
  if (!stbi_write_png_to_func(append, &out, width, height, channels, image.pixels.data(),
                              width * channels)) {
    fail<Error>("encode_png", "out of memory for {} x {} pixels", height, width);
  }
  return out;
}

void write_png(const std::string& path, const Image& image) {
  const auto bytes = encode_png(image);
  save_file(path, [&](OutputFile& file) { file.write(bytes.data(), bytes.size()); });
}

}  // namespace weft::data
