#include <weft/examples/cifar10_alexnet/pictures.h>

#include <algorithm>

#include <weft/data/image.h>

namespace cifar {

using namespace weft;

namespace {

constexpr Index kTrain = 500, kTest = 100, kSide = 32;
// Mean and standard deviation of the training pictures' channels.
const std::vector<float> kMean = {0.4914f, 0.4822f, 0.4465f}, kStd = {0.2470f, 0.2435f, 0.2616f};

data::ImageDataset shipped(bool train, Index limit) {
  const Index all = train ? kTrain : kTest;
  const Index classes = static_cast<Index>(kClasses.size());
  const Index each = limit ? std::min(all, (limit + classes - 1) / classes) : all;
  const auto set = data::read_contact_sheets(PICTURES, kClasses, kSide, train ? 0 : kTrain, each);
  return data::ImageDataset(set);
}

}  // namespace

Split load_split(const std::string& path, bool train, Index limit) {
  Split split;
  if (path.empty()) {
    split = {shipped(train, limit),
             "the small set that ships with the example (500 training and "
             "100 test pictures a class)"};
  } else {
    split = {data::CIFAR10(path, train), path};
  }
  if (limit && limit < split.set.size()) split.set = split.set.first(limit);
  return split;
}

data::Transforms for_training(bool crop_and_flip) {
  data::Transforms list;
  if (crop_and_flip) {
    list.emplace_back(data::RandomCrop(kSide, 4, data::RandomCrop::Padding::Reflect));
    list.emplace_back(data::RandomHorizontalFlip());
  }
  list.emplace_back(data::Normalize(kMean, kStd));
  return list;
}

data::Transforms for_testing() { return {data::Normalize(kMean, kStd)}; }

}  // namespace cifar
