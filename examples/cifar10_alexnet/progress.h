#pragma once

#include <chrono>
#include <string>

#include <weft/core/shape.h>

namespace cifar {

using weft::Index;

// Where a run stands: a bar that is drawn over itself on a terminal, now and then a line elsewhere.
class Progress {
 public:
  // total: steps of the whole run
  Progress(bool bar, Index epochs, Index steps_per_epoch);
  ~Progress();
  void step(Index step, Index epoch, double loss, double images_per_second);
  // A line of its own.
  void line(const std::string& text);

 private:
  using Clock = std::chrono::steady_clock;
  std::string time_left(Index step) const;
  void clear();
  bool bar_, drawn_ = false;
  Index epochs_, per_epoch_, first_ = -1;
  Clock::time_point start_ = Clock::now(), last_ = start_;
};

}  // namespace cifar
