#include <weft/cuda/dnn_graph.h>

#include <weft/core/check.h>

namespace weft::cuda {

void check_dnn(cudnnStatus_t status, const char* call) {
  if (status != CUDNN_STATUS_SUCCESS)
    fail<DeviceError>("conv2d", "got \"{}\" from {}, expected success", cudnnGetErrorString(status),
                      call);
}
namespace {

Layout4 layout_of(const View& v) {
  Layout4 l;
  for (int d = 0; d < 4; ++d) {
    l.size[static_cast<std::size_t>(d)] = v.size[d];
    l.stride[static_cast<std::size_t>(d)] = v.stride[d];
  }
  return l;
}

}  // namespace

ConvProblem conv_problem(ConvTask task, const View& x, const View& w, const View& y,
                         const Conv2dOptions& o, bool bias, bool tf32, int device) {
  const auto pair = [](const Index(&v)[2]) { return std::array<std::int64_t, 2>{v[0], v[1]}; };
  return {.task = task,
          .x = layout_of(x),
          .w = layout_of(w),
          .y = layout_of(y),
          .stride = pair(o.stride),
          .low = pair(o.padding_low),
          .high = pair(o.padding_high),
          .dilation = pair(o.dilation),
          .dtype = static_cast<std::int64_t>(x.dtype),
          .bias = bias,
          .relu = o.relu,
          .tf32 = tf32,
          .device = device};
}

cudnnDataType_t data_type(const ConvProblem& p) {
  switch (static_cast<DType>(p.dtype)) {
    case DType::F16: return CUDNN_DATA_HALF;
    case DType::BF16: return CUDNN_DATA_BFLOAT16;
    case DType::F64: return CUDNN_DATA_DOUBLE;
    default: return CUDNN_DATA_FLOAT;
  }
}
cudnnDataType_t compute_type(const ConvProblem& p) {
  return static_cast<DType>(p.dtype) == DType::F64 ? CUDNN_DATA_DOUBLE : CUDNN_DATA_FLOAT;
}

// ---- The graph
namespace {

Descriptor tensor(Id id, const Layout4& l, cudnnDataType_t type, bool inner = false) {
  Descriptor d(CUDNN_BACKEND_TENSOR_DESCRIPTOR);
  d.set(CUDNN_ATTR_TENSOR_DATA_TYPE, type);
  d.set(CUDNN_ATTR_TENSOR_DIMENSIONS, std::vector<std::int64_t>(l.size.begin(), l.size.end()));
  d.set(CUDNN_ATTR_TENSOR_STRIDES, std::vector<std::int64_t>(l.stride.begin(), l.stride.end()));
  d.set(CUDNN_ATTR_TENSOR_UNIQUE_ID, static_cast<std::int64_t>(id));
  d.set(CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, std::int64_t{16});
  d.set(CUDNN_ATTR_TENSOR_IS_VIRTUAL, inner);
  d.finalize();
  return d;
}

Descriptor convolution(const ConvProblem& p) {
  const auto list = [](const std::array<std::int64_t, 2>& v) {
    return std::vector<std::int64_t>(v.begin(), v.end());
  };
  Descriptor d(CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR);
  d.set(CUDNN_ATTR_CONVOLUTION_SPATIAL_DIMS, std::int64_t{2});
  d.set(CUDNN_ATTR_CONVOLUTION_COMP_TYPE, compute_type(p));
  d.set(CUDNN_ATTR_CONVOLUTION_CONV_MODE, CUDNN_CROSS_CORRELATION);
  d.set(CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS, list(p.low));
  d.set(CUDNN_ATTR_CONVOLUTION_POST_PADDINGS, list(p.high));
  d.set(CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES, list(p.stride));
  d.set(CUDNN_ATTR_CONVOLUTION_DILATIONS, list(p.dilation));
  d.finalize();
  return d;
}

// A node of the graph: its attributes go by other names in each direction.
struct Names {
  cudnnBackendDescriptorType_t node;
  cudnnBackendAttributeName_t conv, x, w, y, alpha, beta;
};
constexpr Names kNames[] = {
    {CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR,
     CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X,
     CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y,
     CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_ALPHA, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_BETA},
    {CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR,
     CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_CONV_DESC,
     CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DX, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_W,
     CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DY, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_ALPHA,
     CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_BETA},
    {CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_FILTER_DESCRIPTOR,
     CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_CONV_DESC,
     CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_X, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DW,
     CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DY,
     CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_ALPHA,
     CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_BETA},
};

Descriptor pointwise(cudnnPointwiseMode_t mode, const ConvProblem& p, const Descriptor& x,
                     const Descriptor* b, const Descriptor& y) {
  Descriptor what(CUDNN_BACKEND_POINTWISE_DESCRIPTOR);
  what.set(CUDNN_ATTR_POINTWISE_MODE, mode);
  what.set(CUDNN_ATTR_POINTWISE_MATH_PREC, compute_type(p));
  if (mode == CUDNN_POINTWISE_RELU_FWD)
    what.set(CUDNN_ATTR_POINTWISE_NAN_PROPAGATION, CUDNN_PROPAGATE_NAN);
  what.finalize();
  Descriptor node(CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR);
  node.set(CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR, what);
  node.set(CUDNN_ATTR_OPERATION_POINTWISE_XDESC, x);
  if (b) node.set(CUDNN_ATTR_OPERATION_POINTWISE_BDESC, *b);
  node.set(CUDNN_ATTR_OPERATION_POINTWISE_YDESC, y);
  node.finalize();
  return node;
}

}  // namespace

std::vector<Descriptor> nodes_of(const ConvProblem& p) {
  const cudnnDataType_t type = data_type(p);
  const Names& names = kNames[static_cast<int>(p.task)];
  const bool more = p.bias || p.relu;
  const Descriptor x = tensor(kX, p.x, type), w = tensor(kW, p.w, type), y = tensor(kY, p.y, type);
  const Descriptor sum = tensor(kSum, p.y, compute_type(p), true);
  Descriptor node(names.node);
  node.set(names.conv, convolution(p));
  node.set(names.x, x);
  node.set(names.w, w);
  node.set(names.y, more ? sum : y);
  if (compute_type(p) == CUDNN_DATA_DOUBLE) {
    node.set(names.alpha, 1.0);
    node.set(names.beta, 0.0);
  } else {
    node.set(names.alpha, 1.0f);
    node.set(names.beta, 0.0f);
  }
  node.finalize();
  std::vector<Descriptor> nodes;
  nodes.push_back(std::move(node));
  const Layout4 channels = {{1, p.y.size[1], 1, 1}, {p.y.size[1], 1, p.y.size[1], p.y.size[1]}};
  const Descriptor bias = tensor(kBias, channels, type);
  const Descriptor biased = tensor(kBiased, p.y, compute_type(p), true);
  if (p.bias) nodes.push_back(pointwise(CUDNN_POINTWISE_ADD, p, sum, &bias, p.relu ? biased : y));
  if (p.relu)
    nodes.push_back(pointwise(CUDNN_POINTWISE_RELU_FWD, p, p.bias ? biased : sum, nullptr, y));
  return nodes;
}

}  // namespace weft::cuda
