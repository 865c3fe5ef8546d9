#include <weft/examples/cifar10_alexnet/progress.h>

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>

namespace cifar {

namespace {

constexpr int kWidth = 24;
constexpr double kEveryBar = 0.1, kEveryLine = 10;  // seconds

double seconds(auto duration) { return std::chrono::duration<double>(duration).count(); }

}  // namespace

Progress::Progress(bool bar, Index epochs, Index steps_per_epoch)
    : bar_(bar && isatty(STDOUT_FILENO)), epochs_(epochs), per_epoch_(steps_per_epoch) {}

Progress::~Progress() {
  if (drawn_) std::fputs("\n", stdout);
  std::fflush(stdout);
}

std::string Progress::time_left(Index step) const {
  const double each =
      seconds(last_ - start_) / static_cast<double>(std::max<Index>(step - first_, 1));
  const auto left = static_cast<long>(each * static_cast<double>(epochs_ * per_epoch_ - step));
  return fmt::format("{}:{:02}:{:02}", left / 3600, left / 60 % 60, left % 60);
}

void Progress::clear() {
  if (drawn_) std::fputs("\r\033[K", stdout);
  drawn_ = false;
}

void Progress::step(Index step, Index epoch, double loss, double images_per_second) {
  const auto now = Clock::now();
  if (first_ < 0) first_ = step - 1;
  const Index in_epoch = step - (epoch - 1) * per_epoch_;
  if (seconds(now - last_) < (bar_ ? kEveryBar : kEveryLine) && in_epoch != per_epoch_) return;
  last_ = now;
  const std::string state = fmt::format("loss {:.3f}  {:.0f} images/s  {} left", loss,
                                        images_per_second, time_left(step));
  if (!bar_)
    return line(
        fmt::format("epoch {}/{}  step {}/{}  {}", epoch, epochs_, in_epoch, per_epoch_, state));
  const auto filled = static_cast<std::size_t>(kWidth * in_epoch / per_epoch_);
  clear();
  fmt::print("epoch {}/{} [{}{}] {}/{}  {}", epoch, epochs_, std::string(filled, '='),
             std::string(kWidth - filled, ' '), in_epoch, per_epoch_, state);
  std::fflush(stdout);
  drawn_ = true;
}

void Progress::line(const std::string& text) {
  clear();
  fmt::print("{}\n", text);
  std::fflush(stdout);
}

}  // namespace cifar
