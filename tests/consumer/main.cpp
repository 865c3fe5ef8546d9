#include <weft/weft.h>

#include <iostream>

using namespace weft;

int main() {
  manual_seed(0);
  const Tensor x = randn({256, 2}), target = (x * x).sum(1, true);
  nn::Sequential net(nn::Linear(2, 32), nn::ReLU(), nn::Linear(32, 1));
  std::vector<Tensor> parameters = net.parameters();
  double first = 0, last = 0;
  for (int step = 0; step < 300; ++step) {
    const Tensor loss = square(net(x) - target).mean();
    for (Tensor& p : parameters) p.set_grad({});
    loss.backward();
    NoGradGuard no_grad;
    for (Tensor& p : parameters) p.sub_(p.grad() * 0.02);
    last = loss.item<double>();
    if (step == 0) first = last;
  }
  std::cout << "loss " << first << " -> " << last << "\n";
  return last < first / 10 ? 0 : 1;
}
