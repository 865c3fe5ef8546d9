#include <algorithm>
#include <cmath>

#include <weft/autograd/engine.h>
#include <weft/autograd/mode.h>
#include <weft/nn/activation.h>
#include <weft/nn/conv.h>
#include <weft/nn/dropout.h>
#include <weft/nn/linear.h>
#include <weft/nn/loss.h>
#include <weft/nn/models/alexnet.h>
#include <weft/nn/norm.h>
#include <weft/nn/pool.h>
#include <weft/ops/elementwise.h>
#include <weft/ops/make.h>
#include <weft/tests/catch.h>

using namespace weft;
using Catch::Matchers::ContainsSubstring;

namespace {

// The shape that a module says and the one that it returns.
void check_shape(nn::Module& m, const Shape& input, const Shape& output) {
  INFO(m.str());
  CHECK(m.infer(input) == output);
  CHECK(m(zeros(input)).sizes() == output);
  CHECK(m.infer(input) == output);
}

void check_close(const Tensor& a, const Tensor& b) {
  const auto x = a.to_vector<double>(), y = b.to_vector<double>();
  REQUIRE(x.size() == y.size());
  for (std::size_t i = 0; i < x.size(); ++i) CHECK(x[i] == Approx(y[i]).epsilon(1e-5).margin(1e-5));
}

}  // namespace

TEST_CASE("layers say the shapes that they return") {
  const auto check = [](nn::Module&& m, const Shape& input, const Shape& output) {
    check_shape(m, input, output);
  };
  check(nn::Conv2d(0, 4, 3, {.padding = 1}), {2, 3, 7, 6}, {2, 4, 7, 6});
  check(nn::Conv2d(4, 8, {3, 2}, {.stride = {2, 1}, .dilation = {1, 2}, .groups = 2}), {1, 4, 9, 8},
        {1, 8, 4, 6});
  check(nn::Conv2d(3, 2, {4, 3}, {.padding = "same"}), {1, 3, 5, 5}, {1, 2, 5, 5});
  check(nn::MaxPool2d(2), {1, 2, 7, 6}, {1, 2, 3, 3});
  check(nn::MaxPool2d(3, {.stride = 2, .padding = 1}), {1, 2, 7, 6}, {1, 2, 4, 3});
  check(nn::MaxPool2d(2, {.ceil_mode = true}), {1, 2, 7, 6}, {1, 2, 4, 3});
  check(nn::AvgPool2d({2, 3}, {.stride = 1}), {1, 2, 4, 4}, {1, 2, 3, 2});
  check(nn::AdaptiveAvgPool2d({3, -1}), {1, 2, 7, 5}, {1, 2, 3, 5});
  check(nn::BatchNorm2d(0), {2, 3, 4, 4}, {2, 3, 4, 4});
  check(nn::BatchNorm1d(3), {2, 3}, {2, 3});
  check(nn::LayerNorm({4, 5}), {2, 3, 4, 5}, {2, 3, 4, 5});
  check(nn::LocalResponseNorm(5), {2, 8, 3, 3}, {2, 8, 3, 3});
  check(nn::Dropout(), {3, 4}, {3, 4});
}

TEST_CASE("layers print as PyTorch's") {
  CHECK(nn::Conv2d(3, 4, 3, {.padding = 1, .bias = false}).str() ==
        "Conv2d(3, 4, kernel_size=(3, 3), stride=(1, 1), padding=(1, 1), bias=False)");
  CHECK(nn::BatchNorm2d(8).str() ==
        "BatchNorm2d(8, eps=1e-05, momentum=0.1, affine=True, bias=True, "
        "track_running_stats=True)");
  CHECK(nn::LayerNorm(4).str() == "LayerNorm((4,), eps=1e-05, elementwise_affine=True, bias=True)");
  CHECK(nn::LayerNorm(4, 1e-5, true, false).str().ends_with("bias=False)"));
  CHECK(nn::Dropout(0.2).str() == "Dropout(p=0.2, inplace=False)");
  CHECK(nn::ReLU(true).str() == "ReLU(inplace=True)");
  CHECK(nn::MaxPool2d(2).str() ==
        "MaxPool2d(kernel_size=2, stride=2, padding=0, dilation=1, ceil_mode=False)");
  CHECK(nn::AvgPool2d({2, 3}, {.stride = 1}).str() ==
        "AvgPool2d(kernel_size=(2, 3), stride=1, padding=0)");
  CHECK(nn::AdaptiveAvgPool2d({1, -1}).str() == "AdaptiveAvgPool2d(output_size=(1, None))");
  CHECK(nn::Embedding(5, 2, 0).str() == "Embedding(5, 2, padding_idx=0)");
}

TEST_CASE("batch norm keeps running statistics in training and uses them in evaluation") {
  nn::BatchNorm1d norm(1);
  const Tensor x = tensor({{1.0}, {3.0}}, f32);
  const Tensor y = norm(x);
  CHECK(y.to_vector<float>()[1] == Approx(1 / std::sqrt(1 + 1e-5)));
  CHECK(norm.running_mean.item<float>() == Approx(0.2));
  CHECK(norm.running_var.item<float>() == Approx(0.9 + 0.1 * 2));
  CHECK(norm.num_batches_tracked.item<Index>() == 1);
  norm.eval();
  CHECK(norm(x).to_vector<float>()[1] == Approx(2.8 / std::sqrt(1.1 + 1e-5)));
  CHECK(norm.num_batches_tracked.item<Index>() == 1);
  CHECK(norm.state_dict().size() == 5);

  nn::BatchNorm1d mean(1, {.momentum = {}});
  mean(x);
  mean(x + 2);
  CHECK(mean.running_mean.item<float>() == Approx(3));
}

TEST_CASE("batch norm refuses statistics whose elements share memory before it counts a step") {
  nn::BatchNorm1d norm(3);
  norm.running_var = ones({1}).expand({3});
  CHECK_THROWS_AS(norm(randn({4, 3})), ShapeError);
  CHECK(norm.num_batches_tracked.item<Index>() == 0);
}

TEST_CASE("a sequence's ReLU and GELU are the same with the layer before them and alone") {
  manual_seed(1);
  nn::Sequential net(nn::Conv2d(3, 8, 3, {.padding = 1}), nn::ReLU(), nn::Conv2d(8, 4, 3),
                     nn::BatchNorm2d(4), nn::ReLU(), nn::Flatten(), nn::Linear(64, 5), nn::ReLU(),
                     nn::Linear(5, 4), nn::GELU("tanh"), nn::Linear(4, 3), nn::GELU());
  const Tensor x = randn({2, 3, 6, 6});
  const auto run = [&](bool together) {
    net.zero_grad();
    Tensor y = x;
    for (std::size_t i = 0; i < net.size() && !together; ++i) y = net[i](y);
    if (together) y = net(x);
    (y * y).sum().backward();
    std::vector<Tensor> results{y};
    for (const Tensor& p : net.parameters()) results.push_back(p.grad());
    return results;
  };
  const auto a = run(true), b = run(false);
  for (std::size_t i = 0; i < a.size(); ++i) check_close(a[i], b[i]);
  net.eval();
  const NoGradGuard no_grad;
  Tensor y = x;
  for (std::size_t i = 0; i < net.size(); ++i) y = net[i](y);
  check_close(net(x), y);
}

TEST_CASE("what looks between a layer and its activation sees it") {
  nn::Sequential net(nn::Linear(6, 5), nn::GELU());
  Tensor seen;
  net[0].register_forward_hook([&](nn::Module&, const Tensor&, const Tensor& y) {
    seen = y;
    return Tensor();
  });
  const NoGradGuard no_grad;
  const Tensor x = randn({7, 6}), y = net(x);
  check_close(seen, net[0](x));
  check_close(y, gelu(seen));
  nn::Sequential late(nn::Linear(0, 3), nn::GELU(), nn::Linear(0, 2), nn::ReLU());
  CHECK(late(x).sizes() == Shape{7, 2});
}

namespace {

struct Doubled : nn::Linear {
  using Linear::Linear;
  Tensor forward(const Tensor& x) override { return Linear::forward(x) * 2; }
};
struct Tripled : nn::Conv2d {
  using Conv2d::Conv2d;
  Tensor forward(const Tensor& x) override { return Conv2d::forward(x) * 3; }
};
struct Shifted : nn::BatchNorm2d {
  using BatchNorm2d::BatchNorm2d;
  Tensor forward(const Tensor& x) override { return BatchNorm2d::forward(x) + 1; }
};

}  // namespace

TEST_CASE("a layer's derived class computes as it says before an activation, too") {
  nn::Sequential net(Tripled(3, 4, 3), nn::ReLU(), Shifted(4), nn::ReLU(), nn::Flatten(),
                     Doubled(16, 5), nn::ReLU(), Doubled(5, 3), nn::GELU());
  net.eval();
  const Tensor x = randn({2, 3, 4, 4});
  Tensor y = x;
  for (std::size_t i = 0; i < net.size(); ++i) y = net[i](y);
  check_close(net(x), y);
}

TEST_CASE("dropout drops in training only") {
  nn::Dropout drop(0.25);
  const auto y = drop(ones({4000})).to_vector<float>();
  const auto zeros_seen = std::count(y.begin(), y.end(), 0.0f);
  CHECK(zeros_seen > 900);
  CHECK(zeros_seen < 1100);
  CHECK(std::count(y.begin(), y.end(), 1 / 0.75f) == 4000 - zeros_seen);
  drop.eval();
  CHECK(drop(ones({5})).to_vector<float>() == std::vector<float>(5, 1));
  CHECK_THROWS_AS(nn::Dropout(2), ValueError);
}

TEST_CASE("an embedding's padding row is zero and stays") {
  nn::Embedding table(4, 2, 1);
  const Tensor y = table(tensor({{0, 1}, {3, 3}}));
  CHECK(y.sizes() == Shape{2, 2, 2});
  CHECK(y.to_vector<float>()[2] == 0);
  y.sum().backward();
  CHECK(table.weight.grad().to_vector<float>() == std::vector<float>{1, 1, 0, 0, 0, 0, 2, 2});
}

TEST_CASE("losses are what their functions say") {
  const Tensor x = tensor({{1.0, 2.0}, {0.5, -1.0}}, f32), y = tensor({1, 0});
  CHECK(nn::CrossEntropyLoss()(x, y).item<float>() == Approx(0.2573374));
  CHECK(nn::NLLLoss()(x, y).item<float>() == Approx(-1.25));
  CHECK(nn::MSELoss()(x, zeros({2, 2})).item<float>() == Approx(6.25 / 4));
  CHECK(nn::L1Loss(Reduction::Sum)(x, zeros({2, 2})).item<float>() == Approx(4.5));
  CHECK(nn::BCEWithLogitsLoss()(zeros({2}), ones({2})).item<float>() == Approx(std::log(2.0)));
}

TEST_CASE("layers refuse what makes no sense") {
  CHECK_THROWS_AS(nn::Conv2d(3, 4, 3, {.groups = 2}), ValueError);
  CHECK_THROWS_AS(nn::Conv2d(3, 4, 0), ValueError);
  CHECK_THROWS_AS(nn::Conv2d(3, 4, {1, 2, 3}), ShapeError);
  CHECK_THROWS_AS(nn::MaxPool2d(2, {.padding = 2}), ValueError);
  CHECK_THROWS_AS(nn::Conv2d(3, 4, 3).infer({1, 2, 5, 5}), ShapeError);
  CHECK_THROWS_AS(nn::Conv2d(3, 4, 3).infer({1, 3, 2, 2}), ShapeError);
  CHECK_THROWS_AS(nn::Embedding(3, 2, 3), ValueError);
  CHECK_THROWS_AS(nn::BatchNorm2d(3)(ones({2, 3})), ShapeError);
}

TEST_CASE("AlexNet for ImageNet has torchvision's shapes and names") {
  nn::AlexNet net;
  const nn::Summary s = net.summary({1, 3, 224, 224});
  CHECK(s.parameters == 61'100'840);
  CHECK(s.output == Shape{1, 1000});
  nn::AlexNetOptions small;
  small.channels = {4, 4, 4, 4, 4};
  small.hidden = {8, 8};
  nn::AlexNet tiny(small);
  CHECK(tiny.materialize({1, 3, 224, 224}) == Shape{1, 1000});
  std::vector<std::string> names;
  for (const auto& [name, p] : tiny.named_parameters()) {
    if (name.ends_with("weight")) names.push_back(name);
  }
  CHECK(names == std::vector<std::string>{"features.0.weight", "features.3.weight",
                                          "features.6.weight", "features.8.weight",
                                          "features.10.weight", "classifier.1.weight",
                                          "classifier.4.weight", "classifier.6.weight"});
}

TEST_CASE("AlexNet for CIFAR runs forward and backward") {
  nn::AlexNetOptions o = nn::AlexNetOptions::cifar();
  CHECK(nn::AlexNet(o).summary({1, 3, 32, 32}).parameters == 6'976'842);
  o.channels = {4, 6, 8, 6, 6};
  o.hidden = {10};
  for (bool batch_norm : {false, true}) {
    o.batch_norm = batch_norm;
    nn::AlexNet net(o);
    const Tensor y = net(rand({2, 3, 32, 32}));
    CHECK(y.sizes() == Shape{2, 10});
    y.sum().backward();
    for (const Tensor& p : net.parameters()) CHECK(p.grad().defined());
  }
}
