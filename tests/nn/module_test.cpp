#include <weft/autograd/engine.h>
#include <weft/nn/activation.h>
#include <weft/nn/linear.h>
#include <weft/nn/sequential.h>
#include <weft/ops/elementwise.h>
#include <weft/ops/make.h>
#include <weft/tests/catch.h>

using namespace weft;
using Catch::Matchers::ContainsSubstring;

namespace {

struct Net : nn::Module {
  nn::Linear& hidden = add<nn::Linear>("hidden", 4, 3);
  nn::Linear& out = add<nn::Linear>("out", 0, 2);
  Tensor& scale = parameter("scale", ones({1}));
  Tensor& seen = buffer("seen", zeros({}, i64));
  Tensor forward(const Tensor& x) override { return out(relu(hidden(x))) * scale; }
  Shape output_shape(const Shape& x) const override { return out.infer(hidden.infer(x)); }
  std::string kind() const override { return "Net"; }
};

std::vector<std::string> names(const nn::NamedTensors& list) {
  std::vector<std::string> result;
  for (const auto& [name, tensor] : list) result.push_back(name);
  return result;
}
using Names = std::vector<std::string>;

template <class F>
std::string message(F&& f) {
  try {
    f();
  } catch (const Error& e) {
    return e.what();
  }
  return "no error";
}

}  // namespace

TEST_CASE("a module lists its parameters and buffers by name") {
  Net net;
  CHECK_THAT(message([&] { net.parameters(); }), ContainsSubstring("out.weight"));
  CHECK(net.materialize({5, 4}) == Shape{5, 2});
  CHECK(names(net.named_parameters()) ==
        Names{"scale", "hidden.weight", "hidden.bias", "out.weight", "out.bias"});
  CHECK(names(net.named_buffers()) == Names{"seen"});
  CHECK(net.parameter_count() == 1 + 12 + 3 + 6 + 2);
  CHECK(net.named_modules().size() == 3);
  CHECK(net.named_modules()[2].first == "out");
  CHECK(net.out.weight.sizes() == Shape{2, 3});
}

TEST_CASE("a lazy size is found out at the first run") {
  Net net;
  const Tensor y = net(ones({5, 4}));
  CHECK(y.sizes() == Shape{5, 2});
  CHECK(net.out.weight.sizes() == Shape{2, 3});
  CHECK(net.out.weight.requires_grad());
}

TEST_CASE("gradients reach every parameter, and zero_grad lets go of them") {
  Net net;
  net(ones({5, 4})).sum().backward();
  for (const auto& [name, p] : net.named_parameters()) {
    INFO(name);
    CHECK(p.grad().defined());
  }
  CHECK(net.out.bias.grad().to_vector<float>() == std::vector<float>{5, 5});
  const Tensor before = net.out.bias.grad();
  net.zero_grad(false);
  CHECK(net.out.bias.grad().is_same(before));
  CHECK(before.to_vector<float>() == std::vector<float>{0, 0});
  net.zero_grad();
  CHECK_FALSE(net.out.bias.grad().defined());
}

TEST_CASE("a state goes from one module to another, lazy ones included") {
  Net a, b;
  a.materialize({1, 4});
  b.load_state_dict(a.state_dict());
  CHECK(b.out.weight.to_vector<float>() == a.out.weight.to_vector<float>());
  CHECK(b.out.weight.requires_grad());
  const Tensor x = rand({3, 4});
  CHECK(a(x).to_vector<float>() == b(x).to_vector<float>());
}

TEST_CASE("a state that does not fit changes nothing and says every mismatch") {
  Net net;
  net.materialize({1, 4});
  const auto before = net.hidden.weight.to_vector<float>();
  nn::StateDict state = net.state_dict();
  state[0].second = zeros({1});     // scale: would fit
  state[2].second = zeros({3, 5});  // hidden.weight
  state.erase(state.begin() + 3);   // hidden.bias
  state.emplace_back("extra", ones({}));
  const std::string what = message([&] { net.load_state_dict(state); });
  CHECK_THAT(what, ContainsSubstring("hidden.weight has shape [3, 5], expected [3, 4]"));
  CHECK_THAT(what, ContainsSubstring("hidden.bias is missing"));
  CHECK_THAT(what, ContainsSubstring("extra is unknown here"));
  CHECK_THAT(what, ContainsSubstring("3 mismatches"));
  CHECK(net.hidden.weight.to_vector<float>() == before);
  CHECK(net.scale.item<float>() == 1);

  Net lazy;
  state = net.state_dict();
  for (auto& [name, tensor] : state) {
    if (name == "out.weight") tensor = zeros({3, 3});
  }
  CHECK_THAT(message([&] { lazy.load_state_dict(state); }),
             ContainsSubstring("out.weight has shape [3, 3], expected [2, ?]"));
}

TEST_CASE("what fits can be loaded alone") {
  Net net;
  net.materialize({1, 4});
  CHECK(net.load_matching({{"scale", full({1}, 3.0f)}, {"other", ones({})}}).size() == 6);
  CHECK(net.scale.item<float>() == 3);
}

TEST_CASE("a summary allocates nothing and knows shapes, parameters and memory") {
  const Net net;
  const nn::Summary s = net.summary({5, 4});
  CHECK(s.parameters == 24);
  CHECK(s.trainable == 24);
  CHECK(s.parameter_bytes == 24 * 4 + 8);
  CHECK(s.activation_bytes == (5 * 3 + 5 * 2) * 4);
  CHECK(s.output == Shape{5, 2});
  REQUIRE(s.rows.size() == 3);
  CHECK(s.rows[2].name == "out");
  CHECK(s.rows[2].parameters == 8);
  CHECK_FALSE(net.out.weight.defined());
  CHECK_THAT(s.str(), ContainsSubstring("24 (24 trainable)"));
  CHECK_THROWS_AS(net.summary({5, 3}), ShapeError);
}

TEST_CASE("handles to parameters follow a conversion") {
  Net net;
  net.materialize({1, 4});
  const Tensor handle = net.hidden.weight;
  net(ones({1, 4})).sum().backward();
  net.to(f64);
  CHECK(handle.dtype() == f64);
  CHECK(handle.grad().dtype() == f64);
  CHECK(net.seen.dtype() == i64);
  CHECK(net(ones({1, 4}, f64)).dtype() == f64);
  CHECK_THROWS_AS(net.to(i32), DTypeError);
  Net lazy;
  lazy.to(f64).materialize({1, 4});
  CHECK(lazy.out.weight.dtype() == f64);
}

TEST_CASE("modes and functions reach every part") {
  Net net;
  net.eval();
  CHECK_FALSE(net.hidden.training());
  net.train();
  CHECK(net.hidden.training());
  Names order;
  net.apply([&](nn::Module& m) { order.push_back(m.kind()); });
  CHECK(order == Names{"Linear", "Linear", "Net"});
  net.requires_grad_(false);
  net.materialize({1, 4});
  CHECK_FALSE(net.out.weight.requires_grad());
}

TEST_CASE("a sequence runs, prints as PyTorch does, and can be moved") {
  nn::Sequential net(nn::Linear(4, 3), nn::ReLU(), nn::Sequential(nn::Linear(3, 2), nn::Tanh()),
                     nn::Flatten());
  CHECK(net.str() ==
        "Sequential(\n"
        "  (0): Linear(in_features=4, out_features=3, bias=True)\n"
        "  (1): ReLU()\n"
        "  (2): Sequential(\n"
        "    (0): Linear(in_features=3, out_features=2, bias=True)\n"
        "    (1): Tanh()\n"
        "  )\n"
        "  (3): Flatten(start_dim=1, end_dim=-1)\n"
        ")");
  const Tensor x = ones({2, 4});
  const auto y = net(x).to_vector<float>();
  nn::Sequential moved(std::move(net));
  CHECK(moved(x).to_vector<float>() == y);
  CHECK(names(moved.named_parameters()) == Names{"0.weight", "0.bias", "2.0.weight", "2.0.bias"});
  CHECK_THROWS_AS(moved[4], IndexError);
}

TEST_CASE("modules refuse names that cannot be told apart") {
  struct Twice : nn::Module {
    Twice() {
      parameter("a", ones({1}));
      buffer("a", ones({1}));
    }
  };
  CHECK_THROWS_AS(Twice(), ValueError);
  struct Dotted : nn::Module {
    Dotted() { parameter("a.b", ones({1})); }
  };
  CHECK_THROWS_AS(Dotted(), ValueError);
  struct Bare : nn::Module {};
  Bare bare;
  CHECK_THROWS_AS(bare(ones({1})), NotImplementedError);
  CHECK_THROWS_AS(bare.summary({1}), NotImplementedError);
}

TEST_CASE("activations compute what their functions do") {
  const Tensor x = tensor({-2.0, -0.5, 0.0, 1.0, 3.0}, f64);
  CHECK(nn::LeakyReLU(0.1)(x).to_vector<double>()[0] == Approx(-0.2));
  CHECK(nn::GELU()(x).to_vector<double>()[3] == Approx(0.8413447461));
  CHECK(nn::GELU("tanh")(x).to_vector<double>()[3] == Approx(0.8411919906));
  CHECK(nn::SiLU()(x).to_vector<double>()[3] == Approx(0.7310585786));
  CHECK(nn::Softplus()(x).to_vector<double>()[3] == Approx(1.3132616875));
  CHECK(nn::Sigmoid()(x).to_vector<double>()[3] == Approx(0.7310585786));
  CHECK_THROWS_AS(nn::GELU("fast"), ValueError);
}

TEST_CASE("Hooks see each call and may change it") {
  nn::Sequential net(nn::Linear(4, 3), nn::ReLU());
  int calls = 0;
  const Index after =
      net[0].register_forward_hook([&](nn::Module& m, const Tensor& x, const Tensor& y) -> Tensor {
        ++calls;
        CHECK(&m == &net[0]);
        CHECK(x.sizes() == Shape{2, 4});
        return full(y.sizes(), -1);
      });
  const Index before =
      net[1].register_forward_pre_hook([&](nn::Module&, const Tensor& x) { return x + 3; });
  CHECK(net(ones({2, 4})).to_vector<float>() == std::vector<float>(6, 2));
  CHECK(calls == 1);
  net[0].remove_hook(after);
  net[1].remove_hook(before);
  CHECK_FALSE(net[0].has_hooks());
  net(ones({2, 4}));
  CHECK(calls == 1);
}

TEST_CASE("A module is not computed while its summary is made") {
  nn::Sequential net(nn::Linear(4, 3));
  struct Caller : nn::Module {
    nn::Linear& part = add<nn::Linear>("part", 0, 2);
    Tensor forward(const Tensor& x) override { return part(x); }
    Shape output_shape(const Shape& x) const override {
      return const_cast<Caller&>(*this).forward(zeros(x)).sizes();
    }
  } caller;
  CHECK(caller.summary({5, 4}).rows.size() == 2);
  CHECK(caller.summary({5, 4}).output == Shape{5, 2});
  CHECK(caller.materialize({5, 4}) == Shape{5, 2});
  CHECK(caller.part.weight.sizes() == Shape{2, 4});
}

TEST_CASE("a state made of the module's own tensors in other places is loaded as it was") {
  nn::Sequential net(nn::Linear(3, 3), nn::Linear(3, 3));
  nn::StateDict state = net.state_dict();
  const auto a = state[0].second.to_vector<float>(), b = state[2].second.to_vector<float>();
  std::swap(state[0].second, state[2].second);
  net.load_state_dict(state);
  CHECK(net.state_dict()[0].second.to_vector<float>() == b);
  CHECK(net.state_dict()[2].second.to_vector<float>() == a);
}

TEST_CASE("a parameter that cannot be written keeps a state from being loaded in part") {
  nn::Sequential net(nn::Linear(3, 3), nn::Linear(3, 3)), other(nn::Linear(3, 3), nn::Linear(3, 3));
  autograd::set_data(net.named_parameters()[3].second, zeros({1}).expand({3}));
  const auto before = net.state_dict()[0].second.to_vector<float>();
  CHECK_THROWS_AS(net.load_state_dict(other.state_dict()), ShapeError);
  CHECK(net.state_dict()[0].second.to_vector<float>() == before);
}
