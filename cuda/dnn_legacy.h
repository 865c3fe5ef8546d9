#pragma once

#include <optional>
#include <span>

#include <weft/cuda/dnn_graph.h>

// Convolutions by cuDNN's older functions, for what its graph API has no engine that is allowed.
// They know less: padding alike on both sides, filters that lie dense, 32 bits. What is here needs
// no device but for algorithm_of() and run(). For cuda/ only.
namespace weft::cuda {

struct LegacyConv {
  Handle<cudnnTensorDescriptor_t, cudnnDestroyTensorDescriptor> x, y;
  Handle<cudnnFilterDescriptor_t, cudnnDestroyFilterDescriptor> w;
  Handle<cudnnConvolutionDescriptor_t, cudnnDestroyConvolutionDescriptor> conv;
};

// Of a problem without bias and ReLU; nothing where these functions cannot describe it.
std::optional<LegacyConv> legacy_of(const ConvProblem& p);

// An algorithm of the problem's direction, by the number that the library gives it.
struct LegacyAlgorithm {
  int number;
  std::size_t workspace;
  cudnnMathType_t math;
};

// The math type to ask for: f32 multiplies in f32 unless TF32 was asked for.
cudnnMathType_t legacy_math(const ConvProblem& p);

// Of proposals, best first: the first that can be had, gives the same bits each time and rounds no
// factors that it should not.
template <class Perf>
std::optional<LegacyAlgorithm> first_allowed(std::span<const Perf> proposed, cudnnMathType_t math) {
  constexpr std::size_t kMost = std::size_t{1} << 30;
  for (const Perf& p : proposed) {
    const bool rounds = p.mathType == CUDNN_TENSOR_OP_MATH_ALLOW_CONVERSION ||
                        (math == CUDNN_FMA_MATH && p.mathType == CUDNN_TENSOR_OP_MATH);
    if (p.status == CUDNN_STATUS_SUCCESS && p.determinism == CUDNN_DETERMINISTIC &&
        p.memory <= kMost && !rounds)
      return LegacyAlgorithm{static_cast<int>(p.algo), p.memory,
                             math == CUDNN_FMA_MATH ? math : p.mathType};
  }
  return std::nullopt;
}

std::optional<LegacyAlgorithm> algorithm_of(cudnnHandle_t handle, const ConvProblem& p,
                                            const LegacyConv& c);
// False: the algorithm cannot do it after all.
bool run(cudnnHandle_t handle, const ConvProblem& p, const LegacyConv& c, const LegacyAlgorithm& a,
         void* x, void* w, void* y, void* workspace);

}  // namespace weft::cuda
