#pragma once

#include <optional>

#include <weft/nn/module.h>
#include <weft/python/src/call.h>

namespace weft::python {

// A call of a module without the interpreter's lock. Meanwhile no other thread changes what the
// module and its parts are made of; all of this is counted with the lock held.
class Walk {
 public:
  explicit Walk(const nn::Module& root);
  ~Walk();
  Walk(const Walk&) = delete;
  Walk& operator=(const Walk&) = delete;
  const void* thread() const { return thread_; }

 private:
  friend class PausedWalk;
  friend void wait_for_walks(const nn::Module& m);
  const nn::Module* root_;
  const void* thread_;
  Walk* outer_;
  bool paused_ = false;
  std::optional<Unlocked> unlocked_;
};

// Python's code within this thread's walk, which has the lock: others may change the module then.
class PausedWalk {
 public:
  PausedWalk();
  ~PausedWalk();
  PausedWalk(const PausedWalk&) = delete;
  PausedWalk& operator=(const PausedWalk&) = delete;

 private:
  Walk* walk_;
};

// Before a change of `m`: returns with the lock held, while no other thread walks through it.
void wait_for_walks(const nn::Module& m);

}  // namespace weft::python
