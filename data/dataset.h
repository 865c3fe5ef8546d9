#pragma once

#include <any>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include <weft/data/image_set.h>

namespace weft::data {

// One picture on its way through the transforms: height x width x channels, channels innermost.
struct Picture {
  Index height = 0, width = 0, channels = 0;
  std::vector<float> values;
  std::vector<float> scratch;  // for a transform that cannot work in place; swap it with values

  std::size_t numel() const { return static_cast<std::size_t>(height * width * channels); }
};

// What a DataLoader reads. get() is called by several threads at once.
class WEFT_API Dataset {
 public:
  virtual ~Dataset() = default;
  virtual Index size() const = 0;
  // Writes picture i into `picture`, whose memory is reused, and returns its label.
  virtual std::int64_t get(Index i, Picture& picture) const = 0;
  // For samples that are no pictures with labels: the whole batch of some, as any value. Nothing,
  // the default, has the loader make a batch of pictures by get().
  virtual std::any batch(std::span<const Index> samples) const;
};

// Pictures in memory. Values become [0, 1], as torchvision's ToTensor makes them.
class WEFT_API ImageDataset : public Dataset {
 public:
  ImageDataset() = default;
  explicit ImageDataset(ImageSet set) : set_(std::move(set)) {}

  Index size() const override { return set_.size(); }
  std::int64_t get(Index i, Picture& picture) const override;
  const ImageSet& images() const { return set_; }
  const std::vector<std::string>& classes() const { return set_.classes; }
  // The first `count` pictures, all of them if there are fewer.
  ImageDataset first(Index count) const;

 protected:
  ImageSet set_;
};

// The data sets below read a folder that holds their files, the folder above it as the archive
// unpacks, or their .tar.gz; `root` is any of these, or a folder with that archive in it. A missing
// file is an IOError, a wrong one a ParseError; both say which, and what was expected.

// 32x32 colour pictures of ten classes, 50,000 to train and 10,000 to test: data_batch_1..5.bin and
// test_batch.bin in cifar-10-batches-bin/ or cifar-10-binary.tar.gz.
class WEFT_API CIFAR10 : public ImageDataset {
 public:
  explicit CIFAR10(const std::string& root, bool train = true);
};

// As CIFAR-10 with a hundred classes, or the twenty coarse ones: train.bin and test.bin in
// cifar-100-binary/ or cifar-100-binary.tar.gz.
class WEFT_API CIFAR100 : public ImageDataset {
 public:
  explicit CIFAR100(const std::string& root, bool train = true, bool coarse = false);
};

// 28x28 grey digits, 60,000 to train and 10,000 to test: train-images-idx3-ubyte,
// train-labels-idx1-ubyte and the same of t10k, each plain or as .gz, in root, root/raw or
// root/MNIST/raw.
class WEFT_API MNIST : public ImageDataset {
 public:
  explicit MNIST(const std::string& root, bool train = true);
};

}  // namespace weft::data
