#include <weft/examples/cifar10_alexnet/evaluation.h>

#include <fmt/format.h>

#include <filesystem>
#include <numeric>

#include <weft/autograd/mode.h>
#include <weft/core/cuda.h>
#include <weft/data/loader.h>
#include <weft/data/safetensors.h>
#include <weft/examples/cifar10_alexnet/pictures.h>
#include <weft/examples/cifar10_alexnet/recipe.h>
#include <weft/nn/checkpoint.h>
#include <weft/ops/autocast.h>
#include <weft/ops/loss.h>

namespace cifar {

using namespace weft;

Index Evaluation::right() const {
  Index n = 0;
  for (std::size_t c = 0; c < confusion.size(); ++c) n += confusion[c][c];
  return n;
}

Index Evaluation::total() const {
  Index n = 0;
  for (const auto& row : confusion) n += std::accumulate(row.begin(), row.end(), Index{0});
  return n;
}

double Evaluation::accuracy() const {
  return total() ? static_cast<double>(right()) / static_cast<double>(total()) : 0;
}

Evaluation evaluate(nn::Module& model, const data::ImageDataset& set,
                    const std::string& precision) {
  const InferenceModeGuard guard;
  const AutocastGuard autocast(bf16, precision == "bf16");
  const bool training = model.training();
  model.eval();
  const Device device = model.parameters().front().device();
  data::DataLoader loader(set, for_testing(), {.batch_size = 500, .device = device});
  Evaluation e;
  e.confusion.assign(kClasses.size(), std::vector<Index>(kClasses.size(), 0));
  for (const data::Batch& batch : loader) {
    const Tensor scores = model(batch.images).to(f32);
    e.loss +=
        cross_entropy(scores, batch.labels).item<double>() * static_cast<double>(batch.size());
    const auto guesses = scores.argmax(1).to_vector<std::int64_t>();
    const auto labels = batch.labels.to_vector<std::int64_t>();
    for (std::size_t i = 0; i < guesses.size(); ++i) {
      ++e.confusion[static_cast<std::size_t>(labels[i])][static_cast<std::size_t>(guesses[i])];
    }
  }
  e.loss /= static_cast<double>(set.size());
  model.train(training);
  return e;
}

std::string confusion_table(const Evaluation& e) {
  std::string text = fmt::format("{:<12}", "is \\ taken for");
  for (const auto& name : kClasses) text += fmt::format("{:>7.6}", name);
  text += "   right\n";
  for (std::size_t r = 0; r < kClasses.size(); ++r) {
    const auto& row = e.confusion[r];
    text += fmt::format("{:<14}", kClasses[r]);
    for (Index n : row) text += fmt::format("{:>7}", n);
    const Index all = std::accumulate(row.begin(), row.end(), Index{0});
    text += fmt::format(" {:>6.1f}%\n",
                        all ? 100 * static_cast<double>(row[r]) / static_cast<double>(all) : 0.0);
  }
  return text;
}

std::string confusion_csv(const Evaluation& e) {
  std::string text = "class";
  for (const auto& name : kClasses) text += "," + name;
  for (std::size_t r = 0; r < kClasses.size(); ++r) {
    text += "\n" + kClasses[r];
    for (Index n : e.confusion[r]) text += "," + std::to_string(n);
  }
  return text + "\n";
}

Device device_of(const std::string& name) {
  const Device device(name);
  if (device != kCPU) cuda::get_device_properties(device.index);  // its error where there is none
  return device;
}

TrainedModel load_model(const std::string& run_or_file, Device device) {
  std::string path = run_or_file;
  if (std::filesystem::is_directory(path)) path += "/model.safetensors";
  TextMap text;
  load_safetensors(path, &text);
  if (text["model"] != "cifar10_alexnet" ||
      (text["preset"] != "fast" && text["preset"] != "classic")) {
    throw ParseError(
        fmt::format("[model] {}: got a file without this program's mark, expected a "
                    "model.safetensors that it wrote",
                    path));
  }
  TrainedModel trained{make_model(text["preset"]), text["precision"]};
  nn::load_weights(path, trained.model);
  trained.model.to(device);
  trained.model.eval();
  return trained;
}

}  // namespace cifar
