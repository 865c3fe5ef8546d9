#pragma once

#include <functional>

#include <weft/cuda/dnn_graph.h>
#include <weft/cuda/epilogue.h>

// How cuDNN will compute a convolution. A plan is made for a device that is there, by a handle, or
// for one that is only described, so that tests see what is chosen. For cuda/ only.
namespace weft::cuda {

struct ConvPlan {
  std::vector<Descriptor> description;  // empty: cuDNN has none for this problem
  std::int64_t workspace = 0;           // bytes
  bool fallback = false;                // none of the quick engines would do
  Nan nan = Nan::Untried;               // where it has a ReLU
};

// Tells a descriptor of that type (graph, heuristics, plan) for which device it is.
using Target = std::function<void(Descriptor&, cudnnBackendDescriptorType_t)>;

// Of the engines that the heuristics propose, the first that gives the same bits each time, that
// for f32 multiplies in f32 (unless TF32 was asked for), and that can be built.
ConvPlan plan_of(const ConvProblem& p, const Target& target);
// The same and those that come next, at most so many.
std::vector<ConvPlan> plans_of(const ConvProblem& p, const Target& target, std::size_t most);

}  // namespace weft::cuda
