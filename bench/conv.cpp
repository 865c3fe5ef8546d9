// The convolutions of an AlexNet for CIFAR-10 (batch 128) beside oneDNN's direct algorithms called
// with cached primitives on the same memory, and max pools. Prints the least of several rounds in
// milliseconds: forward, input's gradient, weight's gradient.
// bench_conv [batch] [f32|bf16] [rounds]
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <functional>
#include <vector>

#include <weft/core/context.h>
#include <weft/core/threads.h>
#include <weft/cpu/conv.h>
#include <weft/cpu/dnnl/api.h>
#include <weft/cpu/dnnl/convolution.h>
#include <weft/cpu/pool.h>
#include <weft/cpu/scratch.h>

namespace {

using namespace weft;

// A dense operand in large pages: channels-last where it has four dimensions and `picture`.
struct Operand {
  Operand(DType t, Shape s, bool picture = false)
      : sizes(s), strides(s), dtype(t), memory(bytes()) {
    static constexpr int last[] = {1, 3, 2, 0};
    Index step = 1;
    for (int i = 0; i < s.size(); ++i) {
      const int d = picture ? last[i] : s.size() - 1 - i;
      strides[d] = std::exchange(step, step * s[d]);
    }
    std::uint32_t h = 1;
    for (Index i = 0; i < step; ++i) {
      const float x = static_cast<float>((h = h * 1664525u + 1013904223u) >> 8) / 16777216.f - 0.5f;
      if (t == DType::BF16) memory.as<BFloat16>()[i] = BFloat16(x);
      if (t == DType::F32) memory.as<float>()[i] = x;
    }
  }
  std::size_t bytes() const {
    std::size_t n = size_of(dtype);
    for (Index s : sizes) n *= static_cast<std::size_t>(s);
    return n;
  }
  View view() const {
    return {memory.as<void>(), sizes.data(), strides.data(),
            static_cast<std::int16_t>(sizes.size()), dtype};
  }
  Shape sizes, strides;
  DType dtype;
  cpu::Scratch memory;
};

int rounds = 7;

double milliseconds(const std::function<void()>& f) {
  using Clock = std::chrono::steady_clock;
  f();
  double least = 1e30;
  for (int i = 0; i < rounds; ++i) {
    const auto start = Clock::now();
    f();
    least =
        std::min(least, std::chrono::duration<double, std::milli>(Clock::now() - start).count());
  }
  return least;
}

struct Layer {
  Index c, size, k;
};
constexpr Layer kLayers[] = {
    {3, 32, 64}, {64, 16, 192}, {192, 8, 384}, {384, 8, 256}, {256, 8, 256}};

struct Times {
  double at[3] = {};
  Times& operator+=(const Times& t) {
    for (int i = 0; i < 3; ++i) at[i] += t.at[i];
    return *this;
  }
  double sum() const { return at[0] + at[1] + at[2]; }
};

void print(const char* name, const Times& weft, const Times& ordered, const Times& direct) {
  std::printf("%-16s weft %7.2f %7.2f %7.2f  deterministic %7.2f %7.2f %7.2f  oneDNN direct", name,
              weft.at[0], weft.at[1], weft.at[2], ordered.at[0], ordered.at[1], ordered.at[2]);
  std::printf(" %7.2f %7.2f %7.2f  ratio %.2f\n", direct.at[0], direct.at[1], direct.at[2],
              direct.sum() / weft.sum());
}

struct Convolution {
  Convolution(DType t, Index n, const Layer& l)
      : x(t, {n, l.c, l.size, l.size}, true),
        w(t, {l.k, l.c, 3, 3}),
        bias(t, {l.k}),
        y(t, {n, l.k, l.size, l.size}, true) {
    for (int d = 0; d < 2; ++d) options.padding_low[d] = options.padding_high[d] = 1;
  }
  Times weft() {
    return {
        {milliseconds(
             [&] { cpu::conv2d_forward(y.view(), x.view(), w.view(), bias.view(), options); }),
         milliseconds([&] { cpu::conv2d_backward_input(x.view(), y.view(), w.view(), options); }),
         milliseconds(
             [&] { cpu::conv2d_backward_weight(w.view(), {}, y.view(), x.view(), options); })}};
  }
  Times direct() {
    const cpu::ConvShape s(x.view(), w.view(), y.view(), options);
    return {{milliseconds([&] {
               cpu::dnnl::convolution_forward(y.view(), x.view(), w.view(), bias.view().data, s,
                                              false);
             }),
             milliseconds([&] {
               cpu::dnnl::convolution_backward_input(x.view(), y.view(), w.view(), s, false);
             }),
             milliseconds([&] {
               cpu::dnnl::convolution_backward_weight(w.view(), y.view(), x.view(), s, false);
             })}};
  }
  Operand x, w, bias, y;
  Conv2dOptions options;
};

// What oneDNN is given: f32 where it has no code for bf16 that is worth the name.
DType direct_dtype(DType t) { return cpu::dnnl::has_fast_bf16() ? t : DType::F32; }

void convolutions(DType t, Index batch) {
  Times all, all_ordered, all_direct;
  for (const Layer& l : kLayers) {
    Convolution c(t, batch, l);
    const Times weft = c.weft(), direct = Convolution(direct_dtype(t), batch, l).direct();
    use_deterministic_algorithms(true);
    const Times ordered = c.weft();
    use_deterministic_algorithms(false);
    char name[64];
    std::snprintf(name, sizeof name, "%d->%d @%d", int(l.c), int(l.k), int(l.size));
    print(name, weft, ordered, direct);
    all += weft, all_ordered += ordered, all_direct += direct;
  }
  print("all", all, all_ordered, all_direct);
}

void pools(DType t, Index batch) {
  const PoolOptions o{.kernel = {2, 2}, .stride = {2, 2}};
  for (const Layer& l : {kLayers[0], kLayers[1], kLayers[4]}) {
    const Operand x(t, {batch, l.k, l.size, l.size}, true);
    const Operand y(t, {batch, l.k, l.size / 2, l.size / 2}, true);
    const Operand where(DType::U8, {batch, l.k, l.size / 2, l.size / 2}, true);
    const double forward =
        milliseconds([&] { cpu::max_pool_forward(y.view(), where.view(), x.view(), o); });
    const double backward =
        milliseconds([&] { cpu::max_pool_backward(x.view(), y.view(), where.view(), o); });
    std::printf("max pool %d @%-2d weft %7.2f %7.2f\n", int(l.k), int(l.size), forward, backward);
  }
}

}  // namespace

int main(int count, char** arguments) {
  const Index batch = count > 1 ? std::atoi(arguments[1]) : 128;
  const DType t = count > 2 && !std::strcmp(arguments[2], "bf16") ? DType::BF16 : DType::F32;
  if (count > 3) rounds = std::atoi(arguments[3]);
  convolutions(t, batch);
  pools(t, batch);
}
