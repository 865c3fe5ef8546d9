#include <weft/python/src/nn_walk.h>

#include <pthread.h>

#include <algorithm>
#include <chrono>
#include <thread>
#include <vector>

#include <weft/nn/module_parts.h>

namespace weft::python {

using nn::Module;
using nn::ModuleTree;

namespace {

thread_local Walk* innermost = nullptr;
int waiting = 0;  // changes that wait

const void* this_thread() { return &innermost; }

std::vector<Walk*>& walks() {
  static auto* all = new std::vector<Walk*>;
  return *all;
}

bool contains(const Module& root, const Module& m) {
  if (&root == &m) return true;
  return std::ranges::any_of(ModuleTree::parts(root).children,
                             [&](const auto& part) { return contains(*part.second, m); });
}

// The other threads are not there.
void forget_others() {
  std::erase_if(walks(), [](const Walk* w) { return w->thread() != this_thread(); });
  waiting = 0;
}

}  // namespace

Walk::Walk(const Module& root) : root_(&root), thread_(this_thread()), outer_(innermost) {
  static const int handled = pthread_atfork(nullptr, nullptr, forget_others);
  static_cast<void>(handled);
  walks().push_back(this);
  innermost = this;
  // A change that waits is not to wait for ever.
  paused_ = waiting > 0;
  unlocked_.emplace(!paused_);
}

Walk::~Walk() {
  unlocked_.reset();
  innermost = outer_;
  std::erase(walks(), this);
}

PausedWalk::PausedWalk() : walk_(innermost && !innermost->paused_ ? innermost : nullptr) {
  if (walk_) walk_->paused_ = true;
}

PausedWalk::~PausedWalk() {
  if (walk_) walk_->paused_ = false;
}

void wait_for_walks(const Module& m) {
  const auto walked = [&] {
    return std::ranges::any_of(walks(), [&](const Walk* w) {
      return !w->paused_ && w->thread_ != this_thread() && contains(*w->root_, m);
    });
  };
  if (!walked()) return;
  struct Waiting {
    Waiting() { ++waiting; }
    ~Waiting() { waiting = std::max(0, waiting - 1); }
  };
  const Waiting one;
  while (walked()) {
    {
      const Unlocked unlocked;
      std::this_thread::sleep_for(std::chrono::microseconds(50));
    }
    if (PyErr_CheckSignals() != 0) throw PythonError();
  }
}

}  // namespace weft::python
