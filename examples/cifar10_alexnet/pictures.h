#pragma once

#include <weft/data/dataset.h>
#include <weft/data/transforms.h>

// Which pictures, and what is done to them.
namespace cifar {

using weft::Index;

inline const std::vector<std::string> kClasses = {
    "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"};

struct Split {
  weft::data::ImageDataset set;
  std::string source;  // in words
};

// From `path`, or the shipped pictures if it is empty; the first `limit` of them unless that is 0.
// From the shipped ones, which stand class after class, a limit takes the same number of each.
Split load_split(const std::string& path, bool train, Index limit);

weft::data::Transforms for_training(bool crop_and_flip);
weft::data::Transforms for_testing();

}  // namespace cifar
