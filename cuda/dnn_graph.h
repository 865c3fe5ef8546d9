#pragma once

#include <cudnn.h>

#include <array>
#include <vector>

#include <weft/cuda/handle.h>
#include <weft/ops/kernels.h>

// A convolution as plain numbers, the key of its plan, and as descriptors of cuDNN's graph API.
// What is here needs no device (tests/cuda/libraries_test.cpp). For cuda/ only.
namespace weft::cuda {

void check_dnn(cudnnStatus_t status, const char* call);
#define WEFT_DNN(call) ::weft::cuda::check_dnn(call, #call)

// ---- Descriptors

class Descriptor {
 public:
  explicit Descriptor(cudnnBackendDescriptorType_t type) {
    WEFT_DNN(cudnnBackendCreateDescriptor(type, d_.out()));
  }
  cudnnBackendDescriptor_t get() const { return d_; }

  template <class T>
  void set(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type, const T* values,
           std::size_t count) {
    WEFT_DNN(cudnnBackendSetAttribute(d_, name, type, static_cast<std::int64_t>(count), values));
  }
  void set(cudnnBackendAttributeName_t name, std::int64_t v) { set(name, CUDNN_TYPE_INT64, &v, 1); }
  void set(cudnnBackendAttributeName_t name, const std::vector<std::int64_t>& v) {
    set(name, CUDNN_TYPE_INT64, v.data(), v.size());
  }
  void set(cudnnBackendAttributeName_t name, float v) { set(name, CUDNN_TYPE_FLOAT, &v, 1); }
  void set(cudnnBackendAttributeName_t name, double v) { set(name, CUDNN_TYPE_DOUBLE, &v, 1); }
  void set(cudnnBackendAttributeName_t name, bool v) { set(name, CUDNN_TYPE_BOOLEAN, &v, 1); }
  void set(cudnnBackendAttributeName_t name, cudnnDataType_t v) {
    set(name, CUDNN_TYPE_DATA_TYPE, &v, 1);
  }
  void set(cudnnBackendAttributeName_t name, cudnnConvolutionMode_t v) {
    set(name, CUDNN_TYPE_CONVOLUTION_MODE, &v, 1);
  }
  void set(cudnnBackendAttributeName_t name, cudnnNanPropagation_t v) {
    set(name, CUDNN_TYPE_NAN_PROPOGATION, &v, 1);
  }
  void set(cudnnBackendAttributeName_t name, cudnnPointwiseMode_t v) {
    set(name, CUDNN_TYPE_POINTWISE_MODE, &v, 1);
  }
  void set(cudnnBackendAttributeName_t name, cudnnBackendHeurMode_t v) {
    set(name, CUDNN_TYPE_HEUR_MODE, &v, 1);
  }
  void set(cudnnBackendAttributeName_t name, cudnnHandle_t v) {
    set(name, CUDNN_TYPE_HANDLE, &v, 1);
  }
  void set(cudnnBackendAttributeName_t name, const Descriptor& v) {
    const cudnnBackendDescriptor_t d = v.d_;
    set(name, CUDNN_TYPE_BACKEND_DESCRIPTOR, &d, 1);
  }
  bool try_finalize() { return cudnnBackendFinalize(d_) == CUDNN_STATUS_SUCCESS; }
  void finalize() { WEFT_DNN(cudnnBackendFinalize(d_)); }

 private:
  Handle<cudnnBackendDescriptor_t, cudnnBackendDestroyDescriptor> d_;
};

// ---- The problem, as plain numbers

enum class ConvTask : std::int64_t { Forward, BackwardInput, BackwardWeight };

// The tensors of a graph and their names in it.
enum Id : std::int64_t { kX = 1, kW, kY, kBias, kSum, kBiased };

struct Layout4 {
  std::array<std::int64_t, 4> size, stride;
  auto operator<=>(const Layout4&) const = default;
};
struct ConvProblem {
  ConvTask task;
  Layout4 x, w, y;
  std::array<std::int64_t, 2> stride, low, high, dilation;
  std::int64_t dtype, bias, relu, tf32, device;
  std::int64_t timed = 0;  // its plan was chosen by the clock
  auto operator<=>(const ConvProblem&) const = default;
};

ConvProblem conv_problem(ConvTask task, const View& x, const View& w, const View& y,
                         const Conv2dOptions& o, bool bias, bool tf32, int device);

cudnnDataType_t data_type(const ConvProblem& p);
cudnnDataType_t compute_type(const ConvProblem& p);

// The nodes of y = relu(conv(x, w) + bias), or of what of it the problem has; or of a gradient.
std::vector<Descriptor> nodes_of(const ConvProblem& p);

}  // namespace weft::cuda
