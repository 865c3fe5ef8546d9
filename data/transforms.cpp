#include <algorithm>
#include <cmath>

#include <weft/core/check.h>
#include <weft/data/image.h>
#include <weft/data/transforms.h>

namespace weft::data {
namespace {

// Where index i of a row of n stands when it is mirrored about both ends, which do not repeat.
Index mirrored(Index i, Index n) {
  if (n == 1) return 0;
  const Index period = 2 * (n - 1), at = ((i % period) + period) % period;
  return at < n ? at : period - at;
}

std::uint32_t bound(Index positions) { return static_cast<std::uint32_t>(positions); }

// A crop's columns [from, to) come from the picture itself, those before and after from padding.
struct Columns {
  Columns(Index width, Index left, Index size)
      : from(std::clamp<Index>(-left, 0, size)), to(std::clamp<Index>(width - left, from, size)) {}
  Index from, to;
};

void crop_row(const float* row, float* out, Index width, Index channels, Index left, Index size,
              float fill) {
  const Columns inside(width, left, size);
  std::fill_n(out, inside.from * channels, fill);
  std::copy(row + (left + inside.from) * channels, row + (left + inside.to) * channels,
            out + inside.from * channels);
  std::fill(out + inside.to * channels, out + size * channels, fill);
}

void mirror_row(const float* row, float* out, Index width, Index channels, Index left, Index size) {
  const Columns inside(width, left, size);
  const auto mirror = [&](Index x) {
    std::copy_n(row + mirrored(left + x, width) * channels, channels, out + x * channels);
  };
  for (Index x = 0; x < inside.from; ++x) mirror(x);
  std::copy(row + (left + inside.from) * channels, row + (left + inside.to) * channels,
            out + inside.from * channels);
  for (Index x = inside.to; x < size; ++x) mirror(x);
}

}  // namespace

Normalize::Normalize(std::vector<float> mean, std::vector<float> std)
    : mean_(std::move(mean)), std_(std::move(std)) {
  const bool positive = std::ranges::all_of(std_, [](float s) { return s > 0; });
  if (mean_.size() != std_.size() || mean_.empty() || !positive) {
    fail<ValueError>("Normalize",
                     "got mean {} and std {}, expected as many of both and std above 0", mean_,
                     std_);
  }
}

void Normalize::operator()(Picture& picture, RandomStream&) const {
  const std::size_t channels = mean_.size();
  if (static_cast<Index>(channels) != picture.channels) {
    fail<ShapeError>("Normalize", "got a picture of {} channels, expected {}", picture.channels,
                     channels);
  }
  for (std::size_t c = 0; c < channels; ++c) {
    const float mean = mean_[c], std = std_[c];
    float* at = picture.values.data() + c;
    for (Index i = picture.height * picture.width; i > 0; --i, at += channels)
      *at = (*at - mean) / std;
  }
}

RandomCrop::RandomCrop(Index size, Index padding, Padding mode, float fill)
    : size_(size), padding_(padding), mode_(mode), fill_(fill) {
  if (size < 1 || size > kMaxImagePixels / size || padding < 0 || padding > kMaxImagePixels) {
    fail<ValueError>("RandomCrop",
                     "got size {} and padding {}, expected at least 1 and 0, and {} pixels at most",
                     size, padding, kMaxImagePixels);
  }
}

void RandomCrop::operator()(Picture& picture, RandomStream& random) const {
  const Index rows = picture.height + 2 * padding_ - size_,
              columns = picture.width + 2 * padding_ - size_;
  if (rows < 0 || columns < 0) {
    fail<ShapeError>("RandomCrop",
                     "got a picture of {} x {} with padding {}, expected at least {} x {}",
                     picture.height, picture.width, padding_, size_, size_);
  }
  const Index top = random.below(bound(rows + 1)) - padding_;
  const Index left = random.below(bound(columns + 1)) - padding_;
  const Index row = picture.width * picture.channels, out_row = size_ * picture.channels;
  picture.scratch.resize(static_cast<std::size_t>(size_ * out_row));
  float* out = picture.scratch.data();
  for (Index y = top; y < top + size_; ++y, out += out_row) {
    const float* values = picture.values.data();
    if (mode_ == Padding::Reflect) {
      mirror_row(values + mirrored(y, picture.height) * row, out, picture.width, picture.channels,
                 left, size_);
    } else if (y < 0 || y >= picture.height) {
      std::fill_n(out, out_row, fill_);
    } else {
      crop_row(values + y * row, out, picture.width, picture.channels, left, size_, fill_);
    }
  }
  picture.values.swap(picture.scratch);
  picture.height = picture.width = size_;
}

RandomHorizontalFlip::RandomHorizontalFlip(double p) {
  if (!(p >= 0 && p <= 1)) fail<ValueError>("RandomHorizontalFlip", "got p {}, expected 0 to 1", p);
  threshold_ = static_cast<std::uint64_t>(std::nearbyint(p * 0x1p32));
}

void RandomHorizontalFlip::operator()(Picture& picture, RandomStream& random) const {
  if (random.next() >= threshold_) return;
  const Index channels = picture.channels, row = picture.width * channels;
  for (Index y = 0; y < picture.height; ++y) {
    float* left = picture.values.data() + y * row;
    float* right = left + row - channels;
    for (; left < right; left += channels, right -= channels)
      std::swap_ranges(left, left + channels, right);
  }
}

Cutout::Cutout(Index size, float fill) : size_(size), fill_(fill) {
  if (size < 0) fail<ValueError>("Cutout", "got size {}, expected at least 0", size);
}

void Cutout::operator()(Picture& picture, RandomStream& random) const {
  const Index y = random.below(bound(picture.height)) - size_ / 2;
  const Index x = random.below(bound(picture.width)) - size_ / 2;
  const Index top = std::max<Index>(y, 0), bottom = std::min(y + size_, picture.height);
  const Index left = std::max<Index>(x, 0), right = std::min(x + size_, picture.width);
  if (left >= right) return;
  for (Index row = top; row < bottom; ++row) {
    float* at = picture.values.data() + (row * picture.width + left) * picture.channels;
    std::fill_n(at, (right - left) * picture.channels, fill_);
  }
}

}  // namespace weft::data
