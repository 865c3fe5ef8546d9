#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include <weft/core/shape.h>
#include <weft/data/image_set.h>

// Pictures of any size: PNG and JPEG in, PNG out.
namespace weft::data {

// At most this many pixels are decoded or made; a small file can claim any number.
inline constexpr Index kMaxImagePixels = Index{1} << 26;

struct WEFT_API Image {
  Index height = 0, width = 0, channels = 3;
  std::vector<std::uint8_t> pixels;  // height x width x channels

  // Are the sizes positive, of 1 to 4 channels and kMaxImagePixels at most, and is every pixel
  // there?
  bool whole() const;
  std::uint8_t at(Index y, Index x, Index c) const {
    return pixels[static_cast<std::size_t>((y * width + x) * channels + c)];
  }
};

// A PNG or JPEG file as red, green and blue (channels 3; transparency is dropped) or grey (1).
// ParseError, which names `path`, for anything else.
WEFT_API Image decode_image(std::span<const std::byte> file, const std::string& path,
                            int channels = 3);
WEFT_API Image read_image(const std::string& path, int channels = 3);

// A PNG file of a picture of 1 (grey), 2 (with alpha), 3 or 4 channels. ValueError otherwise.
WEFT_API std::vector<std::byte> encode_png(const Image& image);
WEFT_API void write_png(const std::string& path, const Image& image);

// The picture at another size: each pixel is the mean of those under a triangle as wide as the
// larger of the two pixel sizes (bilinear when enlarging, antialiased when reducing; Pillow's
// BILINEAR). ValueError unless both sizes are positive.
WEFT_API Image resize(const Image& image, Index height, Index width);

// Cuts the largest centred part of the proportions width : height, then resizes it.
WEFT_API Image resize_to_fit(const Image& image, Index height, Index width);

// Contact sheets: FOLDER/CLASS.jpg, one a class, each a grid of tiles of side x side pixels. The
// set has the tiles [first, first + count) of each sheet, row by row, class after class. ParseError
// if a sheet has fewer.
WEFT_API ImageSet read_contact_sheets(const std::string& folder,
                                      const std::vector<std::string>& classes, Index side,
                                      Index first, Index count);

}  // namespace weft::data
