#pragma once

// For .cpp files only: what is called after a leaf's gradient has been gathered.
#include <weft/autograd/engine.h>

namespace weft::autograd {

// Kept among the hooks as one that does nothing, so that leaves without one have no place for it.
struct AfterAccumulation {
  Tensor data;  // the leaf's memory: the leaf itself would hold itself
  LeafHook hook;
  Tensor operator()(const Tensor&) const;
  void call(Leaf& leaf) const;
};

}  // namespace weft::autograd
