#include <weft/weft.h>

#include <iostream>

using namespace weft;

// [dataset]
// Pictures of one bright quarter each; which one it is, is the label.
class Quarters : public data::Dataset {
 public:
  Index size() const override { return 512; }
  std::int64_t get(Index i, data::Picture& picture) const override {
    const Index label = i % 4, top = label / 2 * 4, left = label % 2 * 4;
    picture.height = picture.width = 8;
    picture.channels = 1;
    picture.values.assign(64, 0.1f);
    for (Index y = 0; y < 4; ++y)
      for (Index x = 0; x < 4; ++x)
        picture.values[static_cast<std::size_t>((top + y) * 8 + left + x)] = 0.9f;
    return label;
  }
};
// [dataset]

int main() {
  manual_seed(0);

  // [loader]
  data::DataLoader loader(Quarters(), {data::Normalize({0.3f}, {0.35f})},
                          {.batch_size = 32, .shuffle = true, .workers = 1, .seed = 0});
  // [loader]

  // [loop]
  nn::Sequential net(nn::Conv2d(1, 8, 3), nn::ReLU(), nn::MaxPool2d(2), nn::Flatten(),
                     nn::Linear(0, 4));
  net.materialize({1, 1, 8, 8});  // an optimiser wants parameters that are there
  optim::SGD optimizer(net.parameters(), {.lr = 0.05, .momentum = 0.9});
  optim::CosineAnnealingLR schedule(optimizer, 3);

  for (int epoch = 0; epoch < 3; ++epoch) {
    double correct = 0;
    for (const data::Batch& batch : loader) {
      const Tensor scores = net(batch.images);
      const Tensor loss = cross_entropy(scores, batch.labels);
      optimizer.zero_grad();
      loss.backward();
      nn::clip_grad_norm_(net.parameters(), 1.0);
      optimizer.step();
      correct += (scores.argmax(1) == batch.labels).sum().item<double>();
    }
    schedule.step();
    std::cout << "epoch " << epoch << (correct > 500 ? ": learnt\n" : ": learning\n");
  }
  // [loop]

  // [evaluate]
  net.eval();
  {
    InferenceModeGuard inference;
    const auto batch = loader.next();  // one at a time, where a loop does not suit
    const Tensor guess = net(batch->images).argmax(1);
    std::cout << (guess == batch->labels).all() << "\n";
  }
  // [evaluate]

  // [autocast]
  {
    AutocastGuard autocast(bf16);  // products and convolutions in bfloat16
    const auto batch = loader.next();
    std::cout << name(net(batch->images).dtype()) << "\n";
  }
  // [autocast]
}
