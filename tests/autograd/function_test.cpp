#include <stdexcept>

#include <weft/weft.h>

#include <weft/tests/catch.h>

using namespace weft;
using namespace weft::autograd;
using Catch::Matchers::MessageMatches;
using Values = std::vector<double>;

namespace {

Tensor leaf(const NestedValues& values) { return tensor(values, Options(f64).requires_grad(true)); }
Values of(const Tensor& t) { return t.to_vector<double>(); }
auto says(const std::string& text) {
  return MessageMatches(Catch::Matchers::ContainsSubstring(text));
}

struct Cube : Function<Cube> {
  static constexpr const char* name = "cube";
  static Tensor forward(FunctionContext& ctx, const Tensor& x, double factor) {
    ctx.save_for_backward({x});
    ctx.data["factor"] = factor;
    return x * x * x * factor;
  }
  static std::vector<Tensor> backward(FunctionContext& ctx, std::vector<Tensor> g) {
    return {g[0] * 3 * std::any_cast<double>(ctx.data["factor"]) * ctx.saved()[0].square()};
  }
};

struct OneGradient : Function<OneGradient> {
  static constexpr const char* name = "one_gradient";
  static Tensor forward(FunctionContext&, const Tensor& a, const Tensor& b) { return a * b; }
  static std::vector<Tensor> backward(FunctionContext&, std::vector<Tensor> g) { return {g[0]}; }
};

struct Wrong : Function<Wrong> {
  static constexpr const char* name = "wrong";
  static Tensor forward(FunctionContext&, const Tensor& x) { return x * 2; }
  static std::vector<Tensor> backward(FunctionContext&, std::vector<Tensor> g) {
    return {g[0] * 2.01};
  }
};

struct SumAndDifference : Function<SumAndDifference> {
  static constexpr const char* name = "sum_and_difference";
  static std::vector<Tensor> forward(FunctionContext&, const Tensor& a, const Tensor& b) {
    return {a + b, a - b};
  }
  static std::vector<Tensor> backward(FunctionContext& ctx, std::vector<Tensor> g) {
    const Tensor s = g[0].defined() ? g[0] : zeros_like(g[1]),
                 d = g[1].defined() ? g[1] : zeros_like(g[0]);
    CHECK(ctx.needs_input_grad(0));
    return {s + d, s - d};
  }
};

struct DoubleInPlace : Function<DoubleInPlace> {
  static constexpr const char* name = "double_";
  static Tensor forward(FunctionContext& ctx, Tensor x) {
    x.mul_(2);
    ctx.mark_dirty({x});
    return x;
  }
  static std::vector<Tensor> backward(FunctionContext&, std::vector<Tensor> g) {
    return {g[0] * 2};
  }
};

}  // namespace

TEST_CASE("a user's function: forward, backward, twice") {
  Tensor x = leaf({1, 2});
  Tensor y = Cube::apply(x, 2.0);
  CHECK(of(y) == Values{2, 16});
  CHECK(std::string(y.grad_fn()) == "cube");
  const auto f = [](const std::vector<Tensor>& in) {
    return std::vector<Tensor>{Cube::apply(in[0], 0.5)};
  };
  CHECK(gradcheck(f, {x}));
  CHECK(gradgradcheck(f, {x}));
  y.sum().backward();
  CHECK(of(x.grad()) == Values{6, 24});
}

TEST_CASE("a user's function with several outputs, of which one is used") {
  Tensor a = leaf({1}), b = leaf({5});
  auto out = SumAndDifference::apply(a, b);
  out[1].backward();
  CHECK(of(a.grad()) == Values{1});
  CHECK(of(b.grad()) == Values{-1});
}

TEST_CASE("a user's function in place") {
  Tensor x = leaf({1, 2});
  Tensor h = x + 0;
  Tensor y = DoubleInPlace::apply(h);
  CHECK(y.is_same(h));
  (h * h).sum().backward();
  CHECK(of(x.grad()) == Values{8, 16});
}

TEST_CASE("gradcheck finds a wrong gradient and says where") {
  const auto f = [](const std::vector<Tensor>& in) {
    return std::vector<Tensor>{Wrong::apply(in[0])};
  };
  CHECK_THROWS_MATCHES(gradcheck(f, {leaf({1, 2})}), AutogradError,
                       says("output 0 element 0 by input 0 element 0"));
  CHECK_THROWS_MATCHES(gradcheck(f, {tensor({1.0}, Options(f32).requires_grad(true))}), ValueError,
                       says("float64"));
  CHECK_THROWS_MATCHES(gradcheck(f, {tensor({1.0}, f64)}), ValueError, says("no input"));
}

TEST_CASE("gradcheck agrees on views, broadcasting and in-place changes") {
  const auto f = [](const std::vector<Tensor>& in) {
    Tensor y = in[0] * in[1];
    y.slice(1, 0, {}, 2).mul_(in[1].slice(1, 1));
    return std::vector<Tensor>{y.transpose(0, 1).flip({0}) / (in[0].t() * in[0].t() + 1)};
  };
  const std::vector<Tensor> inputs = {leaf({{0.1, 0.7, -0.4}, {0.9, -0.2, 0.3}}),
                                      leaf({{1.5, -0.5, 0.8}})};
  CHECK(gradcheck(f, inputs));
  CHECK(gradgradcheck(f, inputs));
}

TEST_CASE("checkpoint recomputes, with the same gradients") {
  const auto block = [](const Tensor& w) {
    return [w](const Tensor& x) { return weft::tanh(x * w) * weft::exp(x); };
  };
  Tensor w1 = leaf({0.5, 2}), x1 = leaf({1, -1}), w2 = leaf({0.5, 2}), x2 = leaf({1, -1});
  block(w1)(x1 * 2).sum().backward();
  int runs = 0;
  Tensor y = checkpoint(
      [&, f = block(w2)](const Tensor& x) {
        ++runs;
        return f(x);
      },
      x2 * 2);
  CHECK(runs == 1);
  y.sum().backward();
  CHECK(runs == 2);
  CHECK(of(x1.grad()) == of(x2.grad()));
  CHECK(of(w1.grad()) == of(w2.grad()));
  CHECK_THROWS_MATCHES(checkpoint([](const Tensor& x) { return x * 2; }, tensor({1.0})),
                       AutogradError, says("requires grad"));
}

TEST_CASE("checkpoint draws the same numbers again, and leaves the generator where it was") {
  manual_seed(7);
  const auto offset = [] { return default_generator().state().offset; };
  int failures = 1, runs = 0;
  const auto f = [&](const Tensor& x) {
    const Tensor y = dropout(x, 0.5, true);
    if (++runs > 1 && failures-- > 0) throw std::runtime_error("once");
    return y;
  };
  Tensor x = ones({64}, Options(f64).requires_grad(true));
  const Tensor y = checkpoint(f, x);
  rand({100});
  const auto after = offset();
  CHECK_THROWS_AS(y.sum().backward({}, true), std::runtime_error);
  CHECK(offset() == after);
  y.sum().backward();
  CHECK(offset() == after);
  CHECK(of(x.grad()) == of(y));
}

TEST_CASE("a user's function that gives too few gradients is refused") {
  Tensor a = leaf({1}), b = leaf({5});
  CHECK_THROWS_MATCHES(OneGradient::apply(a, b).sum().backward(), AutogradError,
                       says("got 1 gradients from backward(), expected one for each of the 2"));
}
