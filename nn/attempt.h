#pragma once

#include <functional>
#include <vector>

#include <weft/core/random.h>

namespace weft::nn {

// Work that may fail, for want of memory say, and be tried again:
//
//   nn::Attempt attempt;
//   Tensor loss = cross_entropy(net(x), labels);
//   attempt.keep();
//
// Unless keep() came before its end, it takes back what modules changed on this thread in the
// meantime: running statistics, parameters made for a first input, numbers drawn from the default
// generator. Each call of a module is an attempt of its own. They nest.
class WEFT_API Attempt {
 public:
  Attempt() noexcept;
  ~Attempt();
  Attempt(const Attempt&) = delete;
  Attempt& operator=(const Attempt&) = delete;
  void keep() noexcept;

  // For a module whose forward() changes more than its result: call it before the change. `undo`
  // runs, last one first, if an attempt that stands now fails. It must hold what it needs (the
  // module may be gone by then) and not throw.
  static void on_failure(std::function<void()> undo);

 private:
  using Log = std::vector<std::function<void()>>;
  Attempt* outer_;
  Log own_, *log_;  // that of the outermost
  std::size_t begin_;
  DrawGuard draws_;
  bool kept_ = false;
};

}  // namespace weft::nn
