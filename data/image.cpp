#include <algorithm>
#include <cmath>

#include <weft/core/check.h>
#include <weft/data/image.h>

namespace weft::data {
namespace {

// The pixels under the triangle of one output pixel, and their weights, which sum to 1.
struct Window {
  Index first = 0;
  std::vector<float> weights;
};

std::vector<Window> windows(Index from, Index to) {
  const double ratio = static_cast<double>(from) / static_cast<double>(to);
  const double reach = std::max(1.0, ratio);
  std::vector<Window> all(static_cast<std::size_t>(to));
  for (Index i = 0; i < to; ++i) {
    Window& window = all[static_cast<std::size_t>(i)];
    const double centre = (static_cast<double>(i) + 0.5) * ratio;
    window.first = std::max<Index>(0, static_cast<Index>(centre - reach + 0.5));
    const Index last = std::min(from, static_cast<Index>(centre + reach + 0.5));
    double sum = 0;
    for (Index j = window.first; j < last; ++j) {
      const double far = std::abs(static_cast<double>(j) + 0.5 - centre) / reach;
      window.weights.push_back(static_cast<float>(std::max(0.0, 1.0 - far)));
      sum += window.weights.back();
    }
    for (float& w : window.weights) w = static_cast<float>(w / sum);
  }
  return all;
}

// Resizes the first of two dimensions: x is from x inner values, the result to x inner.
std::vector<float> resize_rows(const std::vector<float>& x, Index from, Index to, Index inner) {
  std::vector<float> y(static_cast<std::size_t>(to * inner));
  float* row = y.data();
  for (const Window& window : windows(from, to)) {
    const float* source = x.data() + window.first * inner;
    for (float w : window.weights) {
      for (Index i = 0; i < inner; ++i) row[i] += w * source[i];
      source += inner;
    }
    row += inner;
  }
  return y;
}

// rows x columns x channels to columns x rows x channels.
std::vector<float> transposed(const std::vector<float>& x, Index rows, Index columns,
                              Index channels) {
  std::vector<float> y(x.size());
  for (Index r = 0; r < rows; ++r) {
    for (Index c = 0; c < columns; ++c) {
      std::copy_n(x.data() + (r * columns + c) * channels, channels,
                  y.data() + (c * rows + r) * channels);
    }
  }
  return y;
}

Image cropped(const Image& image, Index top, Index left, Index height, Index width) {
  Image out{height, width, image.channels, {}};
  for (Index y = 0; y < height; ++y) {
    const auto row = image.pixels.begin() + ((top + y) * image.width + left) * image.channels;
    out.pixels.insert(out.pixels.end(), row, row + width * image.channels);
  }
  return out;
}

void check_size(const Image& image, Index height, Index width) {
  if (height < 1 || width < 1 || height > kMaxImagePixels / width) {
    fail<ValueError>("resize", "got size {} x {}, expected 1 to {} pixels", height, width,
                     kMaxImagePixels);
  }
  if (!image.whole()) {
    fail<ValueError>("resize", "got {} bytes for {} x {} pixels of {} channels",
                     image.pixels.size(), image.height, image.width, image.channels);
  }
}

void append_tile(ImageSet& set, const Image& sheet, Index top, Index left) {
  const Image tile = cropped(sheet, top, left, set.height, set.width);
  set.pixels.insert(set.pixels.end(), tile.pixels.begin(), tile.pixels.end());
}

}  // namespace

bool Image::whole() const {
  return height >= 1 && width >= 1 && height <= kMaxImagePixels / width && channels >= 1 &&
         channels <= 4 && height * width * channels == static_cast<Index>(pixels.size());
}

Image resize(const Image& image, Index height, Index width) {
  check_size(image, height, width);
  const Index c = image.channels;
  std::vector<float> x(image.pixels.begin(), image.pixels.end());
  x = resize_rows(x, image.height, height, image.width * c);
  x = transposed(x, height, image.width, c);
  x = resize_rows(x, image.width, width, height * c);
  x = transposed(x, width, height, c);
  Image out{height, width, c, std::vector<std::uint8_t>(x.size())};
  std::ranges::transform(x, out.pixels.begin(), [](float v) {
    return static_cast<std::uint8_t>(std::clamp(v, 0.0f, 255.0f) + 0.5f);
  });
  return out;
}

Image resize_to_fit(const Image& image, Index height, Index width) {
  check_size(image, height, width);
  const Index across = std::clamp<Index>(image.height * width / height, 1, image.width);
  const Index down = std::clamp<Index>(image.width * height / width, 1, image.height);
  const Image part =
      cropped(image, (image.height - down) / 2, (image.width - across) / 2, down, across);
  return resize(part, height, width);
}

ImageSet read_contact_sheets(const std::string& folder, const std::vector<std::string>& classes,
                             Index side, Index first, Index count) {
  if (side < 1 || first < 0 || count < 0) {
    fail<ValueError>("contact_sheets", "got tiles {} to {} of side {}", first, first + count, side);
  }
  ImageSet set{3, side, side, {}, {}, classes};
  for (std::size_t label = 0; label < classes.size(); ++label) {
    const std::string path = folder + "/" + classes[label] + ".jpg";
    const Image sheet = read_image(path);
    const Index columns = sheet.width / side, tiles = columns * (sheet.height / side);
    if (first + count > tiles) {
      fail<ParseError>("contact_sheets", "{}: got {} tiles of {} x {}, expected {}", path, tiles,
                       side, side, first + count);
    }
    for (Index i = first; i < first + count; ++i) {
      append_tile(set, sheet, i / columns * side, i % columns * side);
      set.labels.push_back(static_cast<std::int64_t>(label));
    }
  }
  return set;
}

}  // namespace weft::data
