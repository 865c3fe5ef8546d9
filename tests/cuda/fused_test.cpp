#include <cstring>

#include <weft/tests/catch.h>
#include <weft/tests/cuda/simulated.h>
#include <weft/weft.h>

// What libraries do beside a product or a convolution: bias, activation, the bias's gradient, and
// plans by the clock. On simulated devices own kernels do it; on a GPU these tests see cuBLASLt's
// epilogues and cuDNN's fused engines.
using namespace weft;

namespace {

const DType kTypes[] = {f16, bf16, f32, f64};

double tolerance(DType t) { return t == f64 ? 1e-12 : t == f32 ? 1e-5 : t == f16 ? 4e-3 : 3e-2; }

Tensor sample(const Shape& sizes, DType t, std::uint64_t seed) {
  Generator g(seed);
  return randn(sizes, {}, &g).to(t);
}
Tensor there(const Tensor& x) { return x.to(kDevice); }

bool same_bits(const Tensor& a, const Tensor& b) {
  const Tensor x = a.cpu().contiguous(), y = b.cpu().contiguous();
  return x.dtype() == y.dtype() && std::memcmp(x.data(), y.data(), x.nbytes()) == 0;
}

// The largest difference, relative to the largest value.
double difference(const Tensor& got, const Tensor& expected) {
  const Tensor e = expected.cpu().to(f64);
  return ((got.cpu().to(f64) - e).abs().max() / (e.abs().max() + 1e-3)).item<double>();
}

// Where NaN is, and whether nothing else is negative.
bool clamped_but_for_nan(const Tensor& y, const Tensor& before) {
  const Tensor here = y.cpu().to(f32), nan = isnan(before.cpu().to(f32));
  return same_bits(isnan(here), nan) && (here < 0).sum().item<std::int64_t>() == 0 &&
         nan.sum().item<std::int64_t>() > 0;
}

struct Layer {
  Tensor x, w, b;

  Layer(DType t, bool bias, std::optional<Device> device = {})
      : x(sample({48, 64}, t, 1)), w(sample({40, 64}, t, 2) * 0.25) {
    if (bias) b = sample(40, t, 3);
    if (!device) return;
    x = x.to(*device), w = w.to(*device);
    if (bias) b = b.to(*device);
  }
  Layer& recorded() {
    for (Tensor* t : {&x, &w, &b})
      if (t->defined()) t->requires_grad_();
    return *this;
  }
};

}  // namespace

TEST_CASE("NaN passes through linear and an activation on the device, in every type") {
  for (const DType t : kTypes) {
    for (const bool bias : {false, true}) {
      Layer l(t, bias, kDevice);
      l.x[3][5].fill_(std::numeric_limits<double>::quiet_NaN());
      const Tensor before = linear(l.x, l.w, l.b);
      for (int turn = 0; turn < 2; ++turn) {  // the first finds out what the library does
        INFO(name(t) << (bias ? " with bias, turn " : ", turn ") << turn);
        CHECK(clamped_but_for_nan(linear_relu(l.x, l.w, l.b), before));
        for (const char* form : {"none", "tanh"}) {
          const Tensor y = linear_gelu(l.x, l.w, l.b, form);
          CHECK(same_bits(isnan(y), isnan(before)));
        }
      }
    }
  }
}

TEST_CASE("NaN passes through a convolution and its ReLU on the device, in every type") {
  for (const DType t : kTypes) {
    for (const bool bias : {false, true}) {
      Tensor x = there(sample({2, 16, 10, 10}, t, 1)).contiguous(MemoryFormat::ChannelsLast);
      const Tensor w = there(sample({32, 16, 3, 3}, t, 2)).contiguous(MemoryFormat::ChannelsLast),
                   b = bias ? there(sample(32, t, 3)) : Tensor();
      x[1][2][4][4].fill_(std::numeric_limits<double>::quiet_NaN());
      const Tensor before = conv2d(x, w, b, 1, 1);
      for (int turn = 0; turn < 2; ++turn) {
        INFO(name(t) << (bias ? " with bias, turn " : ", turn ") << turn);
        CHECK(clamped_but_for_nan(conv2d_relu(x, w, b, 1, 1), before));
      }
    }
  }
}

TEST_CASE("linear and its activation are on the device what they are on the CPU") {
  for (const DType t : kTypes) {
    for (const bool bias : {false, true}) {
      INFO(name(t) << (bias ? " with bias" : ""));
      Layer here(t, bias), device(t, bias, kDevice);
      here.recorded(), device.recorded();
      const Tensor y = linear_relu(here.x, here.w, here.b),
                   z = linear_relu(device.x, device.w, device.b);
      CHECK(difference(z, y) < tolerance(t));
      const Tensor g = sample({48, 40}, t, 4);
      y.backward(g), z.backward(there(g));
      CHECK(difference(device.x.grad(), here.x.grad()) < tolerance(t));
      CHECK(difference(device.w.grad(), here.w.grad()) < tolerance(t));
      if (bias) CHECK(difference(device.b.grad(), here.b.grad()) < tolerance(t));
      const NoGradGuard no_grad;
      for (const char* form : {"none", "tanh"}) {
        CHECK(difference(linear_gelu(device.x, device.w, device.b, form),
                         linear_gelu(here.x, here.w, here.b, form)) < tolerance(t));
      }
    }
  }
}

TEST_CASE("the gradient of a linear layer's bias is a sum over all rows, wherever they lie") {
  for (const DType t : kTypes) {
    INFO(name(t));
    Layer l(t, true, kDevice);
    l.recorded();
    const Tensor y = linear(l.x.reshape({2, 24, 64}), l.w, l.b);
    y.sum().backward();  // a gradient whose strides are 0
    CHECK(l.b.grad().cpu().to(f64).to_vector<double>() == std::vector<double>(40, 48));
    Layer odd(t, true, kDevice);
    odd.recorded();
    const Tensor g = there(sample({40, 48}, t, 5)).t();
    linear(odd.x, odd.w, odd.b).backward(g);
    CHECK(difference(odd.b.grad(), g.to(f64).sum(Shape{0})) < tolerance(t));
    CHECK(difference(odd.w.grad(), g.to(f64).t().matmul(odd.x.detach().to(f64))) < tolerance(t));
  }
}

TEST_CASE("plans by the clock give the same values, and the proposed ones come back") {
  for (const DType t : {f16, bf16, f32}) {
    INFO(name(t));
    const auto step = [&](Device device) {
      const Tensor x = sample({4, 16, 12, 12}, t, 1).to(device).requires_grad_(),
                   w = sample({32, 16, 3, 3}, t, 2).to(device).requires_grad_(),
                   b = sample(32, t, 3).to(device).requires_grad_();
      const Tensor y = conv2d_relu(x, w, b, 1, 1);
      y.backward(sample({4, 32, 12, 12}, t, 4).to(device));
      return std::vector{y, x.grad(), w.grad(), b.grad()};
    };
    const auto proposed = step(kDevice), here = step(kCPU);
    set_cudnn_benchmark(true);
    const auto tried = step(kDevice), again = step(kDevice);
    set_cudnn_benchmark(false);
    const auto back = step(kDevice);
    for (std::size_t i = 0; i < here.size(); ++i) {
      INFO("result " << i);
      CHECK(difference(tried[i], here[i]) < tolerance(t));
      CHECK(same_bits(tried[i], again[i]));
      CHECK(same_bits(proposed[i], back[i]));
    }
  }
}
