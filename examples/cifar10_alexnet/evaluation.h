#pragma once

#include <weft/data/dataset.h>
#include <weft/nn/models/alexnet.h>

namespace cifar {

using weft::Index;

// How often class `row` was taken for class `column`.
struct Evaluation {
  double loss = 0;
  std::vector<std::vector<Index>> confusion;
  Index right() const;
  Index total() const;
  double accuracy() const;
};

// In evaluation mode, off the tape, in that precision ("f32" or "bf16").
Evaluation evaluate(weft::nn::Module& model, const weft::data::ImageDataset& set,
                    const std::string& precision);

// The matrix with the classes' names and what is right of each.
std::string confusion_table(const Evaluation& evaluation);
std::string confusion_csv(const Evaluation& evaluation);

// A model with the weights of a run's folder or a .safetensors file.
struct TrainedModel {
  weft::nn::AlexNet model;
  std::string precision;
};
TrainedModel load_model(const std::string& run_or_file, weft::Device device);
// The device of that name. Throws DeviceError where there is none.
weft::Device device_of(const std::string& name);

}  // namespace cifar
