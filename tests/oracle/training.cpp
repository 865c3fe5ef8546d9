#include <iostream>

#include <weft/data/safetensors.h>
#include <weft/weft.h>

// oracle_training FOLDER: 50 steps of AlexNet (the shape for CIFAR, without dropout) in strict f32.
// Writes the parameters it began with, the batches and the loss of each step, for training.py to do
// the same in PyTorch.
namespace weft {
namespace {

constexpr Index kSteps = 50, kBatch = 32, kClasses = 10;

nn::AlexNet make_model() {
  nn::AlexNetOptions options = nn::AlexNetOptions::cifar();
  options.dropout = 0;
  nn::AlexNet model(options);
  model.materialize({kBatch, 3, 32, 32});
  // The last layer stays small: a first loss near log(10).
  for (auto& [name, p] : model.named_parameters())
    if (p.dim() > 1 && p.size(0) > kClasses)
      nn::init::kaiming_uniform_(p, 0, nn::init::Fan::In, "relu");
  return model;
}

TensorMap parameters_of(const nn::AlexNet& model) {
  TensorMap map;
  for (const auto& [name, t] : model.state_dict()) map[name] = t.clone();
  return map;
}

void train(const std::string& folder) {
  manual_seed(1);
  set_float32_conv_winograd(false);
  set_float32_matmul_precision("highest");
  nn::AlexNet model = make_model();
  save_safetensors(folder + "/start.safetensors", parameters_of(model));
  optim::SGD sgd(model.parameters(), {.lr = 2e-5, .momentum = 0.9, .weight_decay = 5e-4});
  // Noise around a picture of 4 x 4 patches for each class, so that there is something to learn.
  const Tensor pictures = randn({kClasses, 3, 4, 1, 4, 1})
                              .expand({kClasses, 3, 4, 8, 4, 8})
                              .reshape({kClasses, 3, 32, 32});
  TensorMap run;
  std::vector<float> losses;
  for (Index step = 0; step < kSteps; ++step) {
    const Tensor target = randint(0, kClasses, kBatch);
    const Tensor x = 0.9 * pictures.index_select(0, target) + 0.2 * randn({kBatch, 3, 32, 32});
    run["x." + std::to_string(step)] = x;
    run["target." + std::to_string(step)] = target;
    const Tensor loss = cross_entropy(model(x), target);
    loss.backward();
    sgd.step();
    sgd.zero_grad();
    losses.push_back(loss.item<float>());
  }
  run["losses"] = tensor(losses);
  save_safetensors(folder + "/run.safetensors", run);
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
