#include <weft/weft.h>

#include <iostream>

using namespace weft;

template <class F>
void attempt(F&& f) {
  try {
    f();
  } catch (const Error& error) {  // the base of all that Weft throws
    std::cout << error.what() << "\n";
  }
}

int main() {
  // [errors]
  attempt([] { ones({2, 3}) + ones({4}); });     // ShapeError
  attempt([] { ones({2, 3}).data<double>(); });  // DTypeError
  attempt([] { ones({3})[5]; });                 // IndexError
  attempt([] { nn::Dropout(1.5); });             // ValueError
  attempt([] { Tensor().sum(); });               // used before it was made
  // [errors]

  // [saved]
  attempt([] {
    Tensor x = ones({3}, Options().requires_grad(true));
    Tensor y = exp(x);  // its gradient needs y itself ...
    y.mul_(2);          // ... which is overwritten here
    y.sum().backward();
  });
  // [saved]

  // [memory]
  set_memory_limit(memory_stats().in_use + (64u << 20));
  Tensor kept = ones({1024});
  try {
    Tensor huge = zeros({1 << 14, 1 << 14});  // 1 GiB
  } catch (const OutOfMemory& error) {
    std::cout << error.requested / (1 << 20) << " MiB were asked for\n";
  }
  std::cout << kept.sum().item<double>() << "\n";  // all else is as it was
  set_memory_limit(0);
  // [memory]
}
