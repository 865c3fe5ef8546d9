#pragma once

#include <weft/core/tensor.h>

namespace weft {

namespace detail {
struct Modes {
  bool grad = true;
  bool anomaly = false;
};
// initial-exec: reading it costs one instruction, also from the shared library.
extern WEFT_API thread_local constinit Modes modes [[gnu::tls_model("initial-exec")]];

template <bool Modes::*Member, bool Value>
class ModeGuard {
 public:
  ModeGuard() : ModeGuard(Value) {}
  explicit ModeGuard(bool value) : before_(modes.*Member) { modes.*Member = value; }
  ~ModeGuard() { modes.*Member = before_; }
  ModeGuard(const ModeGuard&) = delete;
  ModeGuard& operator=(const ModeGuard&) = delete;

 private:
  bool before_;
};
}  // namespace detail

// Whether operations of this thread are recorded.
inline bool grad_enabled() { return detail::modes.grad; }
inline bool inference_enabled() { return detail::inference_mode; }

// For a scope, on this thread: nothing is recorded / everything is again.
using NoGradGuard = detail::ModeGuard<&detail::Modes::grad, false>;
using EnableGradGuard = detail::ModeGuard<&detail::Modes::grad, true>;
// Checks every gradient for NaN during backward() and names the forward operation that made one.
using DetectAnomalyGuard = detail::ModeGuard<&detail::Modes::anomaly, true>;

// As NoGradGuard, and what is made inside can never take part in a recorded operation.
class InferenceModeGuard {
 public:
  InferenceModeGuard() : before_(detail::inference_mode) { detail::inference_mode = true; }
  ~InferenceModeGuard() { detail::inference_mode = before_; }
  InferenceModeGuard(const InferenceModeGuard&) = delete;
  InferenceModeGuard& operator=(const InferenceModeGuard&) = delete;

 private:
  bool before_;
  NoGradGuard no_grad_;
};

}  // namespace weft
