// The floor of one AlexNet training step (the network of nn::AlexNetOptions::cifar(), SGD with
// momentum): a fixed list of oneDNN primitives, made once, on warm buffers. No tensor, no tape, no
// allocation. Arguments: f32|bf16 direct|winograd BATCH STEPS. Winograd is oneDNN 2's own, in f32,
// with the reorders that a library with channels-last tensors has to make around it.
// Prints one line of JSON: {"step_ms": [...], "setting": "..."}.
#include <omp.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <string>
#include <unordered_map>
#include <vector>
#include <oneapi/dnnl/dnnl.hpp>

namespace {

using namespace dnnl;
using Tag = memory::format_tag;
using Type = memory::data_type;
using Dims = memory::dims;
using Args = std::unordered_map<int, memory>;

constexpr bool kVersion2 = DNNL_VERSION_MAJOR < 3;

engine cpu(engine::kind::cpu, 0);
stream order(cpu);

Type type_of(const memory::desc& d) {
#if DNNL_VERSION_MAJOR < 3
  return d.data_type();
#else
  return d.get_data_type();
#endif
}

memory warm(const memory::desc& d) {
  constexpr std::size_t page = std::size_t{2} << 20;
  const std::size_t bytes = (d.get_size() / page + 1) * page;
  void* data = std::aligned_alloc(page, bytes);
  std::memset(data, 0, bytes);
  if (type_of(d) == Type::f32) {
    for (std::size_t i = 0; i < d.get_size() / 4; ++i)
      static_cast<float*>(data)[i] =
          static_cast<float>(i * 2654435761U >> 12 & 1023) / 2e4F - .025F;
  }
  return {d, cpu, data};
}

struct Phase {
  std::vector<std::pair<primitive, Args>> calls;
  void add(const primitive& p, Args args) { calls.emplace_back(p, std::move(args)); }
  // m as d: itself, or a reordered copy.
  memory as(const memory& m, const memory::desc& d) {
    if (m.get_desc() == d) return m;
    memory copy = warm(d);
    add(reorder(m, copy), {{DNNL_ARG_FROM, m}, {DNNL_ARG_TO, copy}});
    return copy;
  }
  void run() {
    for (auto& [p, args] : calls) p.execute(order, args);
  }
};

primitive_attr attributes(bool relu) {
  primitive_attr a;
  a.set_scratchpad_mode(scratchpad_mode::user);
  if (!relu) return a;
  post_ops after;
#if DNNL_VERSION_MAJOR < 3
  after.append_eltwise(1, algorithm::eltwise_relu, 0, 0);
#else
  after.append_eltwise(algorithm::eltwise_relu, 0, 0);
#endif
  a.set_post_ops(after);
  return a;
}

// The two generations of the API, one function each.
struct ConvDescs {
  convolution_forward::primitive_desc forward, hint;
  convolution_backward_data::primitive_desc data;
  convolution_backward_weights::primitive_desc weights;
};
#if DNNL_VERSION_MAJOR < 3
ConvDescs conv(algorithm how, const memory::desc& x, const memory::desc& w,
               const memory::desc& w_grad, const memory::desc& bias, const memory::desc& y) {
  const Dims one{1, 1};
  const convolution_forward::desc d(prop_kind::forward_training, how, x, w, bias, y, one, one, one);
  ConvDescs c;
  c.forward = {d, attributes(true), cpu};
  c.hint = {d, attributes(false), cpu};
  c.data = {{how, x, w, y, one, one, one}, attributes(false), cpu, c.hint};
  c.weights = {{how, x, w_grad, bias, y, one, one, one}, attributes(false), cpu, c.hint};
  return c;
}
using Pool = std::pair<pooling_forward::primitive_desc, pooling_backward::primitive_desc>;
Pool pool(const memory::desc& x, const memory::desc& y) {
  const Dims two{2, 2}, none{0, 0};
  const auto how = algorithm::pooling_max;
  const pooling_forward::primitive_desc f(
      {prop_kind::forward_training, how, x, y, two, two, none, none}, cpu);
  return {f, {{how, x, f.dst_desc(), two, two, none, none}, cpu, f}};
}
eltwise_backward::primitive_desc relu_grad(const memory::desc& y) {
  const auto how = algorithm::eltwise_relu_use_dst_for_bwd;
  const eltwise_forward::primitive_desc f({prop_kind::forward_training, how, y, 0.F}, cpu);
  return {{how, y, y, 0.F}, cpu, f};
}
matmul::primitive_desc product(const memory& a, const memory& b, const memory& bias,
                               const memory& o, bool relu) {
  const auto attr = attributes(relu);
  if (!bias) return {{a.get_desc(), b.get_desc(), o.get_desc()}, attr, cpu};
  return {{a.get_desc(), b.get_desc(), bias.get_desc(), o.get_desc()}, attr, cpu};
}
#else
ConvDescs conv(algorithm how, const memory::desc& x, const memory::desc& w,
               const memory::desc& w_grad, const memory::desc& bias, const memory::desc& y) {
  const Dims one{1, 1};
  const auto kind = prop_kind::forward_training;
  ConvDescs c;
  c.forward = {cpu, kind, how, x, w, bias, y, one, one, one, attributes(true)};
  c.hint = {cpu, kind, how, x, w, bias, y, one, one, one, attributes(false)};
  c.data = {cpu, how, x, w, y, one, one, one, c.hint, attributes(false)};
  c.weights = {cpu, how, x, w_grad, bias, y, one, one, one, c.hint, attributes(false)};
  return c;
}
using Pool = std::pair<pooling_forward::primitive_desc, pooling_backward::primitive_desc>;
Pool pool(const memory::desc& x, const memory::desc& y) {
  const Dims two{2, 2}, none{0, 0};
  const auto how = algorithm::pooling_max;
  const pooling_forward::primitive_desc f(cpu, prop_kind::forward_training, how, x, y, two, two,
                                          none, none, none);
  return {f, {cpu, how, x, f.dst_desc(), two, two, none, none, none, f}};
}
eltwise_backward::primitive_desc relu_grad(const memory::desc& y) {
  const auto how = algorithm::eltwise_relu_use_dst_for_bwd;
  const eltwise_forward::primitive_desc f(cpu, prop_kind::forward_training, how, y, y, 0.F);
  return {cpu, how, y, y, y, 0.F, f};
}
matmul::primitive_desc product(const memory& a, const memory& b, const memory& bias,
                               const memory& o, bool relu) {
  const auto attr = attributes(relu);
  if (!bias) return {cpu, a.get_desc(), b.get_desc(), o.get_desc(), attr};
  return {cpu, a.get_desc(), b.get_desc(), bias.get_desc(), o.get_desc(), attr};
}
#endif

struct Parameter {
  memory value, grad, momentum;
  explicit Parameter(const memory::desc& d) : value(warm(d)), grad(warm(d)), momentum(warm(d)) {}
};

struct ConvShape {
  memory::dim in, size, out;
  bool pooled;
};
constexpr ConvShape kConvs[] = {{3, 32, 64, true},
                                {64, 16, 192, true},
                                {192, 8, 384, false},
                                {384, 8, 256, false},
                                {256, 8, 256, true}};
constexpr memory::dim kWidths[] = {4096, 1024, 512, 10};

class Step {
 public:
  Step(Type type, bool winograd, memory::dim batch) : type_(type), winograd_(winograd), n_(batch) {
    memory x = warm({{n_, 3, 32, 32}, type_, Tag::nhwc});
    for (const ConvShape& c : kConvs) x = convolve(c, x);
    const memory::desc flat({n_, 4096}, type_, Tag::ab);
    const memory features(flat, cpu, x.get_data_handle());
    const memory g = dense(features);
    memory grad({{n_, 256, 4, 4}, type_, Tag::nhwc}, cpu, g.get_data_handle());
    for (auto layer = backwards_.rbegin(); layer != backwards_.rend(); ++layer)
      grad = (*layer)(grad);
  }
  void run() {
    forward_.run();
    backward_.run();
    for (Parameter& p : parameters_) update(p);
  }

 private:
  Parameter& parameter(const Dims& dims, Tag tag) {
    return parameters_.emplace_back(Parameter({dims, Type::f32, tag}));
  }

  memory convolve(const ConvShape& c, const memory& x) {
    const bool direct = !winograd_ || c.in < 32;
    const Type type = direct ? type_ : Type::f32;
    const Tag tag = direct ? Tag::nhwc : Tag::any;
    const Dims out{n_, c.out, c.size, c.size}, kernel{c.out, c.in, 3, 3};
    const Parameter w = parameter(kernel, Tag::oihw), b = parameter({c.out}, Tag::a);
    const auto d = conv(direct ? algorithm::convolution_direct : algorithm::convolution_auto,
                        {{n_, c.in, c.size, c.size}, type, tag}, {kernel, type, Tag::any},
                        {kernel, Type::f32, Tag::any}, b.value.get_desc(), {out, type, tag});
    const memory inner = forward_.as(x, d.forward.src_desc());
    const memory result = warm(d.forward.dst_desc());
    forward_.add(convolution_forward(d.forward),
                 {{DNNL_ARG_SRC, inner},
                  {DNNL_ARG_WEIGHTS, forward_.as(w.value, d.forward.weights_desc())},
                  {DNNL_ARG_BIAS, b.value},
                  {DNNL_ARG_DST, result},
                  {DNNL_ARG_SCRATCHPAD, warm(d.forward.scratchpad_desc())}});
    const memory y = forward_.as(result, {out, type_, Tag::nhwc});
    const memory pooled = c.pooled ? pool_forward(c, y) : y;
    const bool first = backwards_.empty() || c.in == 3;
    const std::function<memory(memory)> unpool = unpool_;
    backwards_.push_back([=, this](memory g) {
      const memory gy = c.pooled ? unpool(g) : g;
      backward_.add(eltwise_backward(relu_grad(y.get_desc())),
                    {{DNNL_ARG_DST, y}, {DNNL_ARG_DIFF_DST, gy}, {DNNL_ARG_DIFF_SRC, gy}});
      weight_grad(d, x, inner, gy, w, b);
      return first ? memory() : input_grad(d, x, gy, w);
    });
    return pooled;
  }

  memory pool_forward(const ConvShape& c, const memory& y) {
    const Pool p = pool(y.get_desc(), {{n_, c.out, c.size / 2, c.size / 2}, type_, Tag::any});
    const memory out = warm(p.first.dst_desc()), chosen = warm(p.first.workspace_desc());
    forward_.add(pooling_forward(p.first),
                 {{DNNL_ARG_SRC, y}, {DNNL_ARG_DST, out}, {DNNL_ARG_WORKSPACE, chosen}});
    unpool_ = [=, this](const memory& g) {
      memory gy = warm(y.get_desc());
      backward_.add(pooling_backward(p.second),
                    {{DNNL_ARG_DIFF_DST, backward_.as(g, out.get_desc())},
                     {DNNL_ARG_DIFF_SRC, gy},
                     {DNNL_ARG_WORKSPACE, chosen}});
      return gy;
    };
    return out;
  }

  void weight_grad(const ConvDescs& d, const memory& x, const memory& inner, const memory& gy,
                   const Parameter& w, const Parameter& b) {
    const memory from = x.get_desc() == d.weights.src_desc()       ? x
                        : inner.get_desc() == d.weights.src_desc() ? inner
                                                                   : memory();
    const memory gw = d.weights.diff_weights_desc() == w.grad.get_desc()
                          ? w.grad
                          : warm(d.weights.diff_weights_desc());
    backward_.add(convolution_backward_weights(d.weights),
                  {{DNNL_ARG_SRC, from ? from : backward_.as(x, d.weights.src_desc())},
                   {DNNL_ARG_DIFF_DST, backward_.as(gy, d.weights.diff_dst_desc())},
                   {DNNL_ARG_DIFF_WEIGHTS, gw},
                   {DNNL_ARG_DIFF_BIAS, b.grad},
                   {DNNL_ARG_SCRATCHPAD, warm(d.weights.scratchpad_desc())}});
    if (!(gw.get_desc() == w.grad.get_desc()))
      backward_.add(reorder(gw, w.grad), {{DNNL_ARG_FROM, gw}, {DNNL_ARG_TO, w.grad}});
  }

  memory input_grad(const ConvDescs& d, const memory& x, const memory& gy, const Parameter& w) {
    const memory gx = warm(d.data.diff_src_desc());
    backward_.add(convolution_backward_data(d.data),
                  {{DNNL_ARG_DIFF_DST, backward_.as(gy, d.data.diff_dst_desc())},
                   {DNNL_ARG_WEIGHTS, backward_.as(w.value, d.data.weights_desc())},
                   {DNNL_ARG_DIFF_SRC, gx},
                   {DNNL_ARG_SCRATCHPAD, warm(d.data.scratchpad_desc())}});
    return backward_.as(gx, x.get_desc());
  }

  memory turned(const memory& m, memory::dim rows, memory::dim columns) {
    return {{{rows, columns}, type_of(m.get_desc()), Tag::ba}, cpu, m.get_data_handle()};
  }
  void multiply(Phase& phase, const memory& a, const memory& b, const memory& out,
                const memory& bias = {}, bool relu = false) {
    const auto d = product(a, b, bias, out, relu);
    Args args{{DNNL_ARG_SRC, a},
              {DNNL_ARG_WEIGHTS, b},
              {DNNL_ARG_DST, out},
              {DNNL_ARG_SCRATCHPAD, warm(d.scratchpad_desc())}};
    if (bias) args[DNNL_ARG_BIAS] = bias;
    phase.add(matmul(d), std::move(args));
  }

  // The three linear layers, there and back: the gradient of the features.
  memory dense(const memory& features) {
    std::vector<memory> values{features}, filters, grads;
    for (int i = 0; i < 3; ++i) {
      const memory::dim in = kWidths[i], out = kWidths[i + 1];
      const Parameter w = parameter({out, in}, Tag::ab), b = parameter({1, out}, Tag::ab);
      filters.push_back(forward_.as(w.value, {{out, in}, type_, Tag::ab}));
      grads.push_back(w.grad);
      const memory y = warm({{n_, out}, type_, Tag::ab});
      multiply(forward_, values.back(), turned(filters.back(), in, out), y, b.value, i < 2);
      values.push_back(y);
    }
    memory g = warm({{n_, 10}, type_, Tag::ab});
    for (int i = 2; i >= 0; --i) {
      multiply(backward_, turned(g, kWidths[i + 1], n_), values[i], grads[i]);
      const memory gx = warm({{n_, kWidths[i]}, type_, Tag::ab});
      multiply(backward_, g, filters[i], gx);
      g = gx;
    }
    return g;
  }

  static void update(Parameter& p) {
    auto* w = static_cast<float*>(p.value.get_data_handle());
    auto* g = static_cast<float*>(p.grad.get_data_handle());
    auto* m = static_cast<float*>(p.momentum.get_data_handle());
    const long n = static_cast<long>(p.value.get_desc().get_size() / 4);
#pragma omp parallel for simd if (n > 65536)
    for (long i = 0; i < n; ++i) {
      m[i] = .9F * m[i] + g[i];
      w[i] -= 1e-6F * m[i];
    }
  }

  Type type_;
  bool winograd_;
  memory::dim n_;
  Phase forward_, backward_;
  std::vector<std::function<memory(memory)>> backwards_;
  std::function<memory(const memory&)> unpool_;
  std::vector<Parameter> parameters_;
};

void measure(const std::string& type, const std::string& how, int batch, int steps) {
  Step step(type == "bf16" ? Type::bf16 : Type::f32, how == "winograd", batch);
  for (int i = 0; i < 2; ++i) step.run();
  std::printf("{\"setting\": \"oneDNN %d.%d %s %s\", \"step_ms\": [", DNNL_VERSION_MAJOR,
              DNNL_VERSION_MINOR, type.c_str(), how.c_str());
  for (int i = 0; i < steps; ++i) {
    const auto start = std::chrono::steady_clock::now();
    step.run();
    const std::chrono::duration<double, std::milli> d = std::chrono::steady_clock::now() - start;
    std::printf("%s%.3f", i ? ", " : "", d.count());
  }
  std::printf("]}\n");
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 5) {
    std::fprintf(stderr, "usage: %s f32|bf16 direct|winograd BATCH STEPS\n", arguments[0]);
    return 2;
  }
  const std::string type = arguments[1], how = arguments[2];
  if (how == "winograd" && !kVersion2) {
    std::fprintf(stderr, "floor: oneDNN %d has no Winograd\n", DNNL_VERSION_MAJOR);
    return 1;
  }
  try {
    measure(type, how, std::atoi(arguments[3]), std::atoi(arguments[4]));
  } catch (const error& e) {
    std::fprintf(stderr, "floor: oneDNN has no %s %s here: %s\n", type.c_str(), how.c_str(),
                 e.what());
    return 1;
  }
}
