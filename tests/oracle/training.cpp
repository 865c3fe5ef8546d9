#include <cmath>
#include <iostream>

#include <weft/data/safetensors.h>
#include <weft/nn/optim.h>
#include <weft/weft.h>

// oracle_training FOLDER: 50 steps of AlexNet (the shape for CIFAR, without dropout) in strict f32.
// Writes the parameters it began with, the batches and the loss of each step, for training.py to do
// the same in PyTorch.
namespace weft {
namespace {

constexpr Index kSteps = 50, kBatch = 32, kClasses = 10;

TensorMap first_parameters() {
  const Index channels[] = {3, 64, 192, 384, 256, 256}, widths[] = {4096, 1024, 512, kClasses};
  TensorMap p;
  const auto add = [&](const std::string& name, const Shape& sizes, Index fan_in) {
    // Kaiming's uniform bound for ReLU.
    Tensor weight = empty(sizes);
    uniform_(weight, -std::sqrt(6.0 / double(fan_in)), std::sqrt(6.0 / double(fan_in)));
    p[name + ".weight"] = weight;
    p[name + ".bias"] = zeros(sizes[0]);
  };
  for (int i = 0; i < 5; ++i)
    add("conv" + std::to_string(i), {channels[i + 1], channels[i], 3, 3}, 9 * channels[i]);
  for (int i = 0; i < 3; ++i)
    add("linear" + std::to_string(i), {widths[i + 1], widths[i]}, widths[i]);
  return p;
}

Tensor forward(const TensorMap& p, Tensor x) {
  for (int i = 0; i < 5; ++i) {
    const std::string name = "conv" + std::to_string(i);
    x = relu(conv2d(x, p.at(name + ".weight"), p.at(name + ".bias"), 1, 1));
    if (i == 0 || i == 1 || i == 4) x = max_pool2d(x, 2);
  }
  x = x.flatten(1);
  for (int i = 0; i < 3; ++i) {
    const std::string name = "linear" + std::to_string(i);
    x = linear(x, p.at(name + ".weight"), p.at(name + ".bias"));
    if (i < 2) x = relu(x);
  }
  return x;
}

Tensor loss_of(const Tensor& logits, const Tensor& target) {
  const Tensor right = logits.gather(1, target.unsqueeze(1)).squeeze(1);
  return (logits.logsumexp(1) - right).mean();
}

void train(const std::string& folder) {
  manual_seed(1);
  set_float32_conv_winograd(false);
  set_float32_matmul_precision("highest");
  TensorMap p = first_parameters(), data;
  save_safetensors(folder + "/start.safetensors", p);
  // Noise around a picture for each class, so that there is something to learn.
  const Tensor pictures = randn({kClasses, 3, 32, 32});
  std::vector<Tensor> parameters;
  for (auto& [name, t] : p) parameters.push_back(t.requires_grad_());
  optim::SGD sgd(parameters, {.lr = 0.01, .momentum = 0.9, .weight_decay = 5e-4});
  std::vector<float> losses;
  for (Index step = 0; step < kSteps; ++step) {
    const Tensor target = randint(0, kClasses, kBatch);
    const Tensor x = pictures.index_select(0, target) + 2 * randn({kBatch, 3, 32, 32});
    data["x." + std::to_string(step)] = x;
    data["target." + std::to_string(step)] = target;
    const Tensor loss = loss_of(forward(p, x), target);
    loss.backward();
    sgd.step();
    sgd.zero_grad();
    losses.push_back(loss.item<float>());
  }
  data["losses"] = tensor(losses);
  save_safetensors(folder + "/run.safetensors", data);
}

}  // namespace
}  // namespace weft

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: oracle_training FOLDER\n";
    return 2;
  }
  try {
    weft::train(argv[1]);
  } catch (const std::exception& e) {
    std::cerr << "oracle_training: " << e.what() << "\n";
    return 1;
  }
}
