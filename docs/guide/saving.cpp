#include <weft/weft.h>

#include <filesystem>
#include <iostream>

using namespace weft;

int main() {
  const std::string folder = "saved";
  std::filesystem::create_directories(folder);
  manual_seed(0);
  nn::Sequential net(nn::Linear(4, 8), nn::Tanh(), nn::Linear(8, 2));
  optim::AdamW optimizer(net.parameters(), {.lr = 1e-3});

  // [weights]
  nn::save_weights(folder + "/net.safetensors", net, {{"note", "untrained"}});
  nn::Sequential same(nn::Linear(4, 8), nn::Tanh(), nn::Linear(8, 2));
  auto metadata = nn::load_weights(folder + "/net.safetensors", same);
  std::cout << metadata["note"] << "\n";
  // [weights]

  // [checkpoint]
  Index step = 120;
  nn::Checkpoint checkpoint;  // what it is to keep must outlive it
  checkpoint.add("model", net).add("optimizer", optimizer);
  checkpoint.add("generator", default_generator()).add("step", step);
  checkpoint.save(folder + "/run.safetensors");
  step = 0;
  checkpoint.load(folder + "/run.safetensors");  // all of it, or an error and nothing changed
  std::cout << step << "\n";
  // [checkpoint]

  // [tensors]
  save_safetensors(folder + "/some.safetensors", {{"x", arange(3)}, {"y", ones({2, 2})}});
  for (const auto& [name, value] : load_safetensors(folder + "/some.safetensors"))
    std::cout << name << " " << value << "\n";
  save_npy(folder + "/x.npy", arange(4));  // for NumPy
  std::cout << load_npy(folder + "/x.npy") << "\n";
  // [tensors]

  // [mismatch]
  nn::Sequential other(nn::Linear(4, 9));
  try {
    nn::load_weights(folder + "/net.safetensors", other);
  } catch (const ValueError& error) {
    std::cout << error.what() << "\n";
  }
  // [mismatch]
  std::filesystem::remove_all(folder);
}
