#include <weft/weft.h>

#include <iostream>

using namespace weft;

int main() {
  manual_seed(0);
  const Tensor x = randn({256, 2}), target = (x * x).sum(1, true);
  nn::Sequential net(nn::Linear(2, 32), nn::ReLU(), nn::Linear(32, 1));
  optim::SGD optimizer(net.parameters(), {.lr = 0.02, .momentum = 0.9});
  double first = 0, last = 0;
  for (int step = 0; step < 300; ++step) {
    const Tensor loss = square(net(x) - target).mean();
    optimizer.zero_grad();
    loss.backward();
    optimizer.step();
    last = loss.item<double>();
    if (step == 0) first = last;
  }
  std::cout << "loss " << first << " -> " << last << "\n";
  return last < first / 10 ? 0 : 1;
}
