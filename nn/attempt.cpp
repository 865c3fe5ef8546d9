#include <weft/nn/attempt.h>

#include <utility>

namespace weft::nn {

namespace {
thread_local constinit Attempt* innermost = nullptr;
}  // namespace

Attempt::Attempt() noexcept
    : outer_(std::exchange(innermost, this)),
      log_(outer_ ? outer_->log_ : &own_),
      begin_(log_->size()) {}

Attempt::~Attempt() {
  innermost = outer_;
  if (kept_) return;
  while (log_->size() > begin_) {
    const auto undo = std::move(log_->back());
    log_->pop_back();
    undo();
  }
}

void Attempt::keep() noexcept {
  kept_ = true;
  draws_.keep();
}

void Attempt::on_failure(std::function<void()> undo) {
  if (innermost) innermost->log_->push_back(std::move(undo));
}

}  // namespace weft::nn
