#pragma once

#include <functional>
#include <vector>

#include <weft/core/random.h>
#include <weft/data/dataset.h>

// What happens to a picture between the data set and the batch; names and meaning are
// torchvision's. A transform is any function of this type. It gets numbers of its own for each
// sample, so what it draws depends on seed, epoch, sample and its place in the list, not on workers
// or batches.
namespace weft::data {

using Transform = std::function<void(Picture&, RandomStream&)>;
using Transforms = std::vector<Transform>;

// (value - mean) / std, one of each for every channel.
class WEFT_API Normalize {
 public:
  Normalize(std::vector<float> mean, std::vector<float> std);
  void operator()(Picture& picture, RandomStream& random) const;

 private:
  std::vector<float> mean_, std_;
};

// A part of size x size pixels, anywhere in the picture with `padding` pixels added on each side:
// of value `fill`, or mirrored about the outermost pixels.
class WEFT_API RandomCrop {
 public:
  enum class Padding { Constant, Reflect };
  explicit RandomCrop(Index size, Index padding = 0, Padding mode = Padding::Constant,
                      float fill = 0);
  void operator()(Picture& picture, RandomStream& random) const;

 private:
  Index size_, padding_;
  Padding mode_;
  float fill_;
};

// Left and right swapped with probability p.
class WEFT_API RandomHorizontalFlip {
 public:
  explicit RandomHorizontalFlip(double p = 0.5);
  void operator()(Picture& picture, RandomStream& random) const;

 private:
  std::uint64_t threshold_;
};

// A square of size x size pixels about a random pixel set to `fill`; it may reach over the edge
// (DeVries and Taylor, "Improved Regularization of Convolutional Neural Networks with Cutout",
// 2017).
class WEFT_API Cutout {
 public:
  explicit Cutout(Index size, float fill = 0);
  void operator()(Picture& picture, RandomStream& random) const;

 private:
  Index size_;
  float fill_;
};

}  // namespace weft::data
