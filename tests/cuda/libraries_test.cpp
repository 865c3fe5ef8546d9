#include <cstring>

#include <weft/core/error.h>
#include <weft/cuda/blas_problem.h>
#include <weft/cuda/dnn_legacy.h>
#include <weft/cuda/dnn_plan.h>
#include <weft/ops/make.h>
#include <weft/ops/shape.h>
#include <weft/tests/catch.h>

// What cuBLASLt and cuDNN are told needs no device: their descriptors of matrices, products,
// tensors, convolutions and of a graph's nodes are made and looked at here. What does need one: a
// cuDNN handle; cuBLASLt's heuristics. cuDNN's heuristics and plans can be had for a device that is
// only described, but for engines that it compiles when they are first used.
using namespace weft;
using namespace weft::cuda;

namespace {

struct Product {
  Tensor a, b, out, bias;
  Product(Tensor a, Tensor b, Tensor out, Tensor bias = {})
      : a(std::move(a)), b(std::move(b)), out(std::move(out)), bias(std::move(bias)) {}
  MatmulProblem problem(double beta = 0, Activation activation = Activation::None,
                        bool tf32 = false) const {
    return matmul_problem(out.view(), a.view(), b.view(), bias.defined() ? bias.view() : View(),
                          beta, epilogue_of(bias.defined(), activation), tf32, 0);
  }
};

template <class T>
T told(cublasLtMatmulDesc_t d, cublasLtMatmulDescAttributes_t what) {
  T value{};
  std::size_t written = 0;
  WEFT_BLAS(cublasLtMatmulDescGetAttribute(d, what, &value, sizeof value, &written));
  return value;
}
template <class T>
T told(cublasLtMatrixLayout_t l, cublasLtMatrixLayoutAttribute_t what) {
  T value{};
  std::size_t written = 0;
  WEFT_BLAS(cublasLtMatrixLayoutGetAttribute(l, what, &value, sizeof value, &written));
  return value;
}

struct Picture {
  Tensor x, w, y;
  Conv2dOptions options;

  explicit Picture(DType t = f32, bool last = true) {
    const auto format = last ? MemoryFormat::ChannelsLast : MemoryFormat::Contiguous;
    x = empty({2, 8, 9, 9}, Options(t).memory_format(format));
    w = empty({16, 8, 3, 3}, Options(t).memory_format(format));
    y = empty({2, 16, 9, 9}, Options(t).memory_format(format));
    for (int d : {0, 1}) options.padding_low[d] = options.padding_high[d] = 1;
  }
  ConvProblem problem(ConvTask task = ConvTask::Forward, bool bias = false,
                      bool tf32 = false) const {
    return conv_problem(task, x.view(), w.view(), y.view(), options, bias, tf32, 0);
  }
};

std::int64_t number(const Descriptor& d, cudnnBackendAttributeName_t what) {
  std::int64_t value = 0, count = 0;
  WEFT_DNN(cudnnBackendGetAttribute(d.get(), what, CUDNN_TYPE_INT64, 1, &count, &value));
  return count == 1 ? value : -1;
}

}  // namespace

TEST_CASE("a bias goes along with a product where it is dense and on 16 bytes") {
  const Tensor all = zeros(64);
  CHECK(goes_along(all.view()));
  CHECK(goes_along(all.narrow(0, 4, 8).view()));
  CHECK_FALSE(goes_along(all.narrow(0, 1, 8).view()));
  CHECK_FALSE(goes_along(all.slice(0, 0, 64, 2).view()));
}

TEST_CASE("products that differ in more than addresses have plans of their own") {
  const Tensor a = ones({1, 4, 6}), b = ones({1, 6, 8}), out = ones({1, 4, 8}), bias = ones(8);
  const MatmulProblem p = Product(a, b, out).problem();
  CHECK(Product(ones({1, 4, 6}), ones({1, 6, 8}), ones({1, 4, 8})).problem() == p);
  CHECK(Product(ones({1, 6, 4}).transpose(1, 2), b, out).problem() != p);
  CHECK(Product(a, ones({1, 8, 6}).transpose(1, 2), out).problem() != p);
  CHECK(Product(a, b, out, bias).problem() != p);
  CHECK(Product(a, b, out).problem(1) != p);
  CHECK(Product(a, b, out).problem(0, Activation::Relu) != p);
  CHECK(Product(a, b, out).problem(0, Activation::None, true) != p);
  CHECK(Product(a.to(f16), b.to(f16), out.to(f16)).problem() != p);
  CHECK(Product(ones({1, 4, 7}).narrow(2, 1, 6), b, out).problem() != p);  // ld, alignment
}

TEST_CASE("cuBLASLt is told the transpose of a row-major product") {
  const Product product(ones({3, 4, 6}), ones({3, 8, 6}).transpose(1, 2), ones({3, 4, 8}), ones(8));
  const MatmulProblem p = product.problem(0, Activation::Relu);
  const Description d = product_of(p, product.bias.data());
  CHECK(told<std::int32_t>(d, CUBLASLT_MATMUL_DESC_TRANSA) == CUBLAS_OP_T);
  CHECK(told<std::int32_t>(d, CUBLASLT_MATMUL_DESC_TRANSB) == CUBLAS_OP_N);
  CHECK(told<std::uint32_t>(d, CUBLASLT_MATMUL_DESC_EPILOGUE) == CUBLASLT_EPILOGUE_RELU_BIAS);
  CHECK(told<void*>(d, CUBLASLT_MATMUL_DESC_BIAS_POINTER) == product.bias.data());
  const MatmulLayouts l = layouts_of(p);
  CHECK(told<std::uint64_t>(l.a, CUBLASLT_MATRIX_LAYOUT_ROWS) == 6);  // by columns, our b's rows
  CHECK(told<std::uint64_t>(l.a, CUBLASLT_MATRIX_LAYOUT_COLS) == 8);
  CHECK(told<std::uint64_t>(l.c, CUBLASLT_MATRIX_LAYOUT_ROWS) == 8);
  CHECK(told<std::int64_t>(l.c, CUBLASLT_MATRIX_LAYOUT_LD) == 8);
  CHECK(told<std::int32_t>(l.b, CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT) == 3);
  CHECK(told<std::int64_t>(l.b, CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET) == 24);
  CHECK_FALSE(factor_of(ones({1, 4, 12}).slice(2, 0, 12, 2).view()));
}

TEST_CASE("an activation is asked of cuBLASLt with the product, and noticed in it") {
  const Tensor a = ones({1, 4, 6}), b = ones({1, 6, 8}), out = ones({1, 4, 8}), bias = ones(8);
  for (const bool with : {false, true}) {
    const Product product(a, b, out, with ? bias : Tensor());
    const auto asked = [&](Activation activation) {
      return product.problem(0, activation).epilogue;
    };
    CHECK_FALSE(product.problem().activates());
    CHECK(product.problem(0, Activation::Relu).activates());
    CHECK(product.problem(0, Activation::GeluTanh).activates());
    CHECK(asked(Activation::None) == (with ? CUBLASLT_EPILOGUE_BIAS : CUBLASLT_EPILOGUE_DEFAULT));
    CHECK(asked(Activation::Relu) == (with ? CUBLASLT_EPILOGUE_RELU_BIAS : CUBLASLT_EPILOGUE_RELU));
    CHECK(asked(Activation::GeluTanh) ==
          (with ? CUBLASLT_EPILOGUE_GELU_BIAS : CUBLASLT_EPILOGUE_GELU));
  }
  CHECK(has_epilogue(Activation::GeluTanh));
  CHECK_FALSE(has_epilogue(Activation::Gelu));  // the library's is the form with tanh
}

TEST_CASE("the gradient of a bias comes out of the product that makes the weight's") {
  const Tensor g = ones({1, 5, 4}), x = ones({1, 5, 6}), gw = ones({1, 4, 6}), gb = ones(4);
  const Tensor a = g.transpose(1, 2);
  const MatmulProblem p =
      matmul_problem(gw.view(), a.view(), x.view(), gb.view(), 0, kRowSums, false, 0);
  CHECK_FALSE(p.activates());
  const Description d = product_of(p, gb.data());
  CHECK(told<std::uint32_t>(d, CUBLASLT_MATMUL_DESC_EPILOGUE) == CUBLASLT_EPILOGUE_BGRADB);
  CHECK(told<void*>(d, CUBLASLT_MATMUL_DESC_BIAS_POINTER) == gb.data());
  const MatmulLayouts l = layouts_of(p);  // as many sums as columns of the library's result
  CHECK(told<std::uint64_t>(l.c, CUBLASLT_MATRIX_LAYOUT_COLS) == 4);
  CHECK(told<std::int32_t>(d, CUBLASLT_MATMUL_DESC_TRANSB) == CUBLAS_OP_T);
  CHECK(told<std::uint64_t>(l.b, CUBLASLT_MATRIX_LAYOUT_ROWS) == 4);
  CHECK(told<std::uint64_t>(l.b, CUBLASLT_MATRIX_LAYOUT_COLS) == 5);  // summed over
}

TEST_CASE("convolutions that differ in more than addresses have plans of their own") {
  const ConvProblem p = Picture().problem();
  CHECK(Picture().problem() == p);
  CHECK(Picture(f16).problem() != p);
  CHECK(Picture(f32, false).problem() != p);
  CHECK(Picture().problem(ConvTask::BackwardInput) != p);
  CHECK(Picture().problem(ConvTask::Forward, true) != p);
  CHECK(Picture().problem(ConvTask::Forward, false, true) != p);
  Picture other;
  other.options.dilation[1] = 2;
  CHECK(other.problem() != p);
  other = Picture();
  other.options.relu = true;
  CHECK(other.problem() != p);
  ConvProblem timed = p;
  timed.timed = 1;
  CHECK(timed != p);
}

TEST_CASE("cuDNN takes the descriptors of every convolution without a device") {
  for (const DType t : {f16, bf16, f32, f64}) {
    for (const bool last : {false, true}) {
      for (const auto task :
           {ConvTask::Forward, ConvTask::BackwardInput, ConvTask::BackwardWeight}) {
        INFO(name(t) << (last ? ", channels last, task " : ", task ") << static_cast<int>(task));
        CHECK(nodes_of(Picture(t, last).problem(task)).size() == 1);
      }
      Picture fused(t, last);
      CHECK(nodes_of(fused.problem(ConvTask::Forward, true)).size() == 2);
      fused.options.relu = true;
      CHECK(nodes_of(fused.problem(ConvTask::Forward, true)).size() == 3);
    }
  }
}

TEST_CASE("a node keeps what it was given, though the descriptors it was given are gone") {
  const std::vector<Descriptor> nodes = nodes_of(Picture().problem());
  Descriptor conv(CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR);
  std::int64_t count = 0;
  cudnnBackendDescriptor_t raw = conv.get();
  WEFT_DNN(cudnnBackendGetAttribute(nodes[0].get(),
                                    CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC,
                                    CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &count, &raw));
  CHECK(number(conv, CUDNN_ATTR_CONVOLUTION_SPATIAL_DIMS) == 2);
}

TEST_CASE("cuDNN's older functions describe what they can, without a device") {
  for (const DType t : {f16, bf16, f32, f64}) {
    for (const bool last : {false, true}) {
      INFO(name(t) << (last ? ", channels last" : ""));
      const auto c = legacy_of(Picture(t, last).problem());
      REQUIRE(c);
      int k = 0, in = 0, r = 0, s = 0, groups = 0;
      cudnnDataType_t type{};
      cudnnTensorFormat_t format{};
      WEFT_DNN(cudnnGetFilter4dDescriptor(c->w, &type, &format, &k, &in, &r, &s));
      CHECK(std::array{k, in, r, s} == std::array{16, 8, 3, 3});
      CHECK(format == (last ? CUDNN_TENSOR_NHWC : CUDNN_TENSOR_NCHW));
      WEFT_DNN(cudnnGetConvolutionGroupCount(c->conv, &groups));
      CHECK(groups == 1);
      int n = 0, outputs = 0, h = 0, w = 0;
      WEFT_DNN(cudnnGetConvolution2dForwardOutputDim(c->conv, c->x, c->w, &n, &outputs, &h, &w));
      CHECK(std::array{n, outputs, h, w} == std::array{2, 16, 9, 9});
    }
  }
  Picture grouped;
  grouped.w = grouped.w.narrow(1, 0, 2).contiguous();
  int groups = 0;
  WEFT_DNN(cudnnGetConvolutionGroupCount(legacy_of(grouped.problem())->conv, &groups));
  CHECK(groups == 4);
  Picture uneven;
  uneven.options.padding_high[1] = 2;
  CHECK_FALSE(legacy_of(uneven.problem()));
  Picture gaps;
  gaps.w = empty({16, 8, 3, 6}).slice(3, 0, 6, 2);
  CHECK_FALSE(legacy_of(gaps.problem()));
}

TEST_CASE("of what the older functions propose, the first that is allowed is taken") {
  using Perf = cudnnConvolutionFwdAlgoPerf_t;
  const auto perf = [](int algorithm, bool same, cudnnMathType_t math) {
    Perf p{};
    p.algo = static_cast<cudnnConvolutionFwdAlgo_t>(algorithm);
    p.memory = 64;
    p.determinism = same ? CUDNN_DETERMINISTIC : CUDNN_NON_DETERMINISTIC;
    p.mathType = math;
    return p;
  };
  std::vector<Perf> found = {perf(0, false, CUDNN_FMA_MATH),
                             perf(1, true, CUDNN_TENSOR_OP_MATH_ALLOW_CONVERSION),
                             perf(2, true, CUDNN_TENSOR_OP_MATH), perf(3, true, CUDNN_FMA_MATH),
                             perf(4, true, CUDNN_FMA_MATH)};
  const auto first = [&](cudnnMathType_t math) {
    return first_allowed(std::span<const Perf>(found), math);
  };
  CHECK(first(CUDNN_DEFAULT_MATH)->number == 2);
  CHECK(first(CUDNN_DEFAULT_MATH)->math == CUDNN_TENSOR_OP_MATH);
  CHECK(first(CUDNN_FMA_MATH)->number == 3);  // f32 as it is
  found[3].status = CUDNN_STATUS_NOT_SUPPORTED;
  CHECK(first(CUDNN_FMA_MATH)->number == 4);
  found[4].memory = std::size_t{2} << 30;
  CHECK_FALSE(first(CUDNN_FMA_MATH));
  CHECK(legacy_math(Picture(f32).problem()) == CUDNN_FMA_MATH);
  CHECK(legacy_math(Picture(f32).problem(ConvTask::Forward, false, true)) == CUDNN_DEFAULT_MATH);
  CHECK(legacy_math(Picture(bf16).problem()) == CUDNN_TENSOR_OP_MATH);
}

TEST_CASE("what the libraries refuse is an error that names the call") {
  CHECK_THROWS_WITH(check_dnn(CUDNN_STATUS_BAD_PARAM, "cudnnFinalize()"),
                    Catch::Matchers::ContainsSubstring("cudnnFinalize()"));
  CHECK_THROWS_WITH(check_blas(CUBLAS_STATUS_INVALID_VALUE, "cublasLtMatmul()"),
                    Catch::Matchers::ContainsSubstring("cublasLtMatmul()"));
}

#if CUDNN_VERSION >= 91900

namespace {

constexpr const char* kH100 = R"({"deviceName": "NVIDIA H100 80GB HBM3", "deviceVer": 900,
  "cudaDeviceId": 0, "driverVer": 13000, "maxGridSize": [2147483647, 65535, 65535],
  "maxBlockSize": [1024, 1024, 64], "regsPerBlock": 65536, "multiProcessorCount": 132,
  "smClockRateKHz": 1980000, "memClockRateKHz": 3201000, "l2CacheSize": 62914560, "warpSize": 32,
  "maxSharedMemoryPerBlock": 49152, "maxSharedMemoryPerBlockOptin": 232448,
  "reservedSharedMemoryPerBlock": 1024, "maxRegistersPerSM": 65536, "pciDeviceId": 0,
  "maxCtasPerSM": 32, "maxThreadsPerBlock": 1024, "maxThreadsPerSM": 2048, "isTccDriver": 0,
  "supportCoopLaunch": 1, "totalGlobalMem": 85000000000})";

Descriptor h100() {
  Descriptor device(CUDNN_BACKEND_DEVICEPROP_DESCRIPTOR);
  device.set(CUDNN_ATTR_DEVICEPROP_JSON_REPRESENTATION, CUDNN_TYPE_CHAR, kH100, std::strlen(kH100));
  device.finalize();
  return device;
}

Target described(const Descriptor& device) {
  return [&](Descriptor& d, cudnnBackendDescriptorType_t type) {
    if (type == CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR)
      d.set(CUDNN_ATTR_ENGINEHEUR_DEVICEPROP, device);
    if (type == CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR)
      d.set(CUDNN_ATTR_EXECUTION_PLAN_DEVICEPROP, device);
  };
}

}  // namespace

TEST_CASE("cuDNN has an engine that is allowed for every convolution of an AlexNet on an H100") {
  const Descriptor device = h100();
  const Target target = described(device);
  const Index channels[][2] = {{3, 64}, {64, 192}, {192, 384}, {384, 256}, {256, 256}};
  for (const DType t : {f32, bf16, f16}) {
    Index side = 32;
    for (const auto& [in, out] : channels) {
      Picture picture(t);
      const Options last = Options(t).memory_format(MemoryFormat::ChannelsLast);
      picture.x = empty({32, in, side, side}, last);
      picture.w = empty({out, in, 3, 3}, last);
      picture.y = empty({32, out, side, side}, last);
      for (const auto task :
           {ConvTask::Forward, ConvTask::BackwardInput, ConvTask::BackwardWeight}) {
        INFO(name(t) << " " << in << " to " << out << ", task " << static_cast<int>(task));
        const ConvPlan plan = plan_of(picture.problem(task), target);
        CHECK(plan.description.size() == 1);
        CHECK_FALSE(plan.fallback);
        CHECK(plan.workspace <= std::int64_t{1} << 30);
      }
      if (in < 192) side /= 2;
    }
  }
}

TEST_CASE("benchmark has several plans to choose from, the heuristics' own first") {
  const Descriptor device = h100();
  const Target target = described(device);
  const auto name_of = [](const ConvPlan& plan) {
    std::string text(std::size_t{1} << 16, '\0');
    std::int64_t count = 0;
    WEFT_DNN(cudnnBackendGetAttribute(
        plan.description.front().get(), CUDNN_ATTR_EXECUTION_PLAN_JSON_REPRESENTATION,
        CUDNN_TYPE_CHAR, static_cast<std::int64_t>(text.size()), &count, text.data()));
    text.resize(static_cast<std::size_t>(count));
    return text;
  };
  for (const auto task : {ConvTask::Forward, ConvTask::BackwardInput, ConvTask::BackwardWeight}) {
    Picture picture(bf16);
    const Options last = Options(bf16).memory_format(MemoryFormat::ChannelsLast);
    picture.x = empty({32, 64, 16, 16}, last);
    picture.w = empty({64, 64, 3, 3}, last);
    picture.y = empty({32, 64, 16, 16}, last);
    const std::vector<ConvPlan> plans = plans_of(picture.problem(task), target, 4);
    INFO("task " << static_cast<int>(task) << ", " << plans.size() << " plans");
    REQUIRE(plans.size() >= 2);
    CHECK(plans.size() <= 4);
    CHECK(name_of(plans[0]) == name_of(plan_of(picture.problem(task), target)));
    CHECK(name_of(plans[0]) != name_of(plans[1]));
  }
}

#endif
