#include <weft/cuda/dnn_legacy.h>

#include <algorithm>
#include <limits>

namespace weft::cuda {
namespace {

bool fits(const Layout4& l) {
  const auto small = [](std::int64_t v) { return v <= std::numeric_limits<int>::max(); };
  return std::ranges::all_of(l.size, small) && std::ranges::all_of(l.stride, small) &&
         std::ranges::all_of(l.stride, [](std::int64_t v) { return v > 0; });
}

// Whether elements lie dense with the dimensions in that order; a dimension of one lies anyhow.
bool lies(const Layout4& l, const std::array<std::size_t, 4>& order) {
  std::int64_t step = 1;
  for (std::size_t i = 4; i-- > 0; step *= l.size[order[i]]) {
    if (l.size[order[i]] != 1 && l.stride[order[i]] != step) return false;
  }
  return true;
}

// The filter's, as the pictures lie where it could be either.
std::optional<cudnnTensorFormat_t> format_of(const ConvProblem& p) {
  const bool last = lies(p.w, {0, 2, 3, 1}), first = lies(p.w, {0, 1, 2, 3});
  if (last && (!first || p.x.stride[1] == 1)) return CUDNN_TENSOR_NHWC;
  if (first) return CUDNN_TENSOR_NCHW;
  return std::nullopt;
}

void describe(cudnnTensorDescriptor_t* d, const Layout4& l, cudnnDataType_t type) {
  const auto size = [&](std::size_t i) { return static_cast<int>(l.size[i]); };
  const auto stride = [&](std::size_t i) { return static_cast<int>(l.stride[i]); };
  WEFT_DNN(cudnnCreateTensorDescriptor(d));
  WEFT_DNN(cudnnSetTensor4dDescriptorEx(*d, type, size(0), size(1), size(2), size(3), stride(0),
                                        stride(1), stride(2), stride(3)));
}

void describe(cudnnFilterDescriptor_t* d, const Layout4& l, cudnnDataType_t type,
              cudnnTensorFormat_t format) {
  const auto size = [&](std::size_t i) { return static_cast<int>(l.size[i]); };
  WEFT_DNN(cudnnCreateFilterDescriptor(d));
  WEFT_DNN(cudnnSetFilter4dDescriptor(*d, type, format, size(0), size(1), size(2), size(3)));
}

void describe(cudnnConvolutionDescriptor_t* d, const ConvProblem& p) {
  const auto pair = [](const std::array<std::int64_t, 2>& v) {
    return std::array<int, 2>{static_cast<int>(v[0]), static_cast<int>(v[1])};
  };
  const auto pad = pair(p.low), stride = pair(p.stride), dilation = pair(p.dilation);
  WEFT_DNN(cudnnCreateConvolutionDescriptor(d));
  WEFT_DNN(cudnnSetConvolution2dDescriptor(*d, pad[0], pad[1], stride[0], stride[1], dilation[0],
                                           dilation[1], CUDNN_CROSS_CORRELATION, compute_type(p)));
  WEFT_DNN(cudnnSetConvolutionGroupCount(*d, static_cast<int>(p.x.size[1] / p.w.size[1])));
  WEFT_DNN(cudnnSetConvolutionMathType(*d, legacy_math(p)));
}

// One or zero as the library wants it: of the type that it computes in.
struct Number {
  double wide;
  float narrow;
  explicit Number(double v) : wide(v), narrow(static_cast<float>(v)) {}
  const void* as(cudnnDataType_t t) const {
    return t == CUDNN_DATA_DOUBLE ? static_cast<const void*>(&wide) : &narrow;
  }
};

constexpr int kProposals = 16;

// What the library proposes; get is one of its functions that do so, but for the last arguments.
template <class Perf, class Get>
std::optional<LegacyAlgorithm> proposed(const ConvProblem& p, Get get) {
  std::array<Perf, kProposals> found{};
  int count = 0;
  if (get(&count, found.data()) != CUDNN_STATUS_SUCCESS) return std::nullopt;
  return first_allowed(std::span<const Perf>(found.data(), static_cast<std::size_t>(count)),
                       legacy_math(p));
}

cudnnStatus_t call(cudnnHandle_t handle, const ConvProblem& p, const LegacyConv& c,
                   const LegacyAlgorithm& a, void* x, void* w, void* y, void* workspace) {
  const Number one(1), zero(0);
  const void *alpha = one.as(compute_type(p)), *beta = zero.as(compute_type(p));
  switch (p.task) {
    case ConvTask::Forward:
      return cudnnConvolutionForward(handle, alpha, c.x, x, c.w, w, c.conv,
                                     static_cast<cudnnConvolutionFwdAlgo_t>(a.number), workspace,
                                     a.workspace, beta, c.y, y);
    case ConvTask::BackwardInput:
      return cudnnConvolutionBackwardData(handle, alpha, c.w, w, c.y, y, c.conv,
                                          static_cast<cudnnConvolutionBwdDataAlgo_t>(a.number),
                                          workspace, a.workspace, beta, c.x, x);
    case ConvTask::BackwardWeight: break;
  }
  return cudnnConvolutionBackwardFilter(handle, alpha, c.x, x, c.y, y, c.conv,
                                        static_cast<cudnnConvolutionBwdFilterAlgo_t>(a.number),
                                        workspace, a.workspace, beta, c.w, w);
}

}  // namespace

cudnnMathType_t legacy_math(const ConvProblem& p) {
  switch (static_cast<DType>(p.dtype)) {
    case DType::F32: return p.tf32 ? CUDNN_DEFAULT_MATH : CUDNN_FMA_MATH;
    case DType::F64: return CUDNN_DEFAULT_MATH;
    default: return CUDNN_TENSOR_OP_MATH;
  }
}

std::optional<LegacyConv> legacy_of(const ConvProblem& p) {
  const auto format = format_of(p);
  if (p.low != p.high || !format || !fits(p.x) || !fits(p.w) || !fits(p.y)) return std::nullopt;
  LegacyConv c;
  describe(c.x.out(), p.x, data_type(p));
  describe(c.w.out(), p.w, data_type(p), *format);
  describe(c.y.out(), p.y, data_type(p));
  describe(c.conv.out(), p);
  return c;
}

std::optional<LegacyAlgorithm> algorithm_of(cudnnHandle_t handle, const ConvProblem& p,
                                            const LegacyConv& c) {
  switch (p.task) {
    case ConvTask::Forward:
      return proposed<cudnnConvolutionFwdAlgoPerf_t>(p, [&](int* count, auto* found) {
        return cudnnGetConvolutionForwardAlgorithm_v7(handle, c.x, c.w, c.conv, c.y, kProposals,
                                                      count, found);
      });
    case ConvTask::BackwardInput:
      return proposed<cudnnConvolutionBwdDataAlgoPerf_t>(p, [&](int* count, auto* found) {
        return cudnnGetConvolutionBackwardDataAlgorithm_v7(handle, c.w, c.y, c.conv, c.x,
                                                           kProposals, count, found);
      });
    case ConvTask::BackwardWeight: break;
  }
  return proposed<cudnnConvolutionBwdFilterAlgoPerf_t>(p, [&](int* count, auto* found) {
    return cudnnGetConvolutionBackwardFilterAlgorithm_v7(handle, c.x, c.y, c.conv, c.w, kProposals,
                                                         count, found);
  });
}

bool run(cudnnHandle_t handle, const ConvProblem& p, const LegacyConv& c, const LegacyAlgorithm& a,
         void* x, void* w, void* y, void* workspace) {
  WEFT_DNN(cudnnSetConvolutionMathType(c.conv, a.math));
  const cudnnStatus_t status = call(handle, p, c, a, x, w, y, workspace);
  if (CUDNN_STATUS_CATEGORY(status) == CUDNN_STATUS_NOT_SUPPORTED) return false;
  check_dnn(status, "cuDNN's convolution");
  return true;
}

}  // namespace weft::cuda
