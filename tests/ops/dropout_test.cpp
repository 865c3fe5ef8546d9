#include <cmath>

#include <weft/autograd/gradcheck.h>

#include <weft/tests/ops/ramp.h>
#include <weft/tests/ops/samples.h>

using namespace weft;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::MessageMatches;
using test::check_equal, test::check_values, test::sample;

TEST_CASE("dropout keeps what it says, scaled, and its gradient has the same mask") {
  Generator generator(3);
  Tensor x = ones({200, 500}).requires_grad_();
  const Tensor y = dropout(x, 0.3, true, &generator);
  const double kept = (y != 0).to(f64).mean().item<double>();
  CHECK(std::abs(kept - 0.7) < 5 * std::sqrt(0.3 * 0.7 / 100000));
  check_equal(y.amax(), full({}, 1.0f / 0.7f), 1e-6);
  y.backward(full({200, 500}, 2.0f));
  check_equal(x.grad(), y.detach() * 2, 1e-6);
  CHECK(generator.state().offset == 25000);
}

TEST_CASE("dropout takes the same elements in every layout") {
  const Tensor x = sample({3, 4, 5, 6}) + 10;
  const auto drop = [](const Tensor& t) {
    Generator generator(5);
    return dropout(t, 0.5, true, &generator);
  };
  const Tensor y = drop(x), last = drop(x.contiguous(MemoryFormat::ChannelsLast));
  CHECK(last.is_contiguous(MemoryFormat::ChannelsLast));
  check_equal(last, y);
  check_equal(drop(x.transpose(0, 2).contiguous().transpose(0, 2)), y);
  check_equal(drop(x.to(bf16)) != 0, y != 0);
}

TEST_CASE("dropout is the identity in evaluation and for p = 0, and zero for p = 1") {
  Tensor x = sample({4, 5}, true);
  CHECK(dropout(x, 0.5, false).is_same(x));
  CHECK(dropout(x, 0).is_same(x));
  const Tensor none = dropout(x, 1);
  check_equal(none, zeros({4, 5}, f64));
  none.backward(ones({4, 5}, f64));
  check_equal(x.grad(), zeros({4, 5}, f64));
}

TEST_CASE("dropout_ changes its input, and its gradients are those of central differences, twice") {
  const auto f = [](const std::vector<Tensor>& in) {
    Generator generator(7);
    Tensor x = in[0] * in[0];
    dropout_(x, 0.4, true, &generator);
    return std::vector<Tensor>{x, dropout(in[0].square(), 0.4, true, &generator)};
  };
  const std::vector<Tensor> in = {sample({4, 5}, true)};
  CHECK(autograd::gradcheck(f, in));
  CHECK(autograd::gradgradcheck(f, in));
  Tensor x = sample({6, 7});
  const Tensor before = x.clone();
  Generator one(9), two(9);
  CHECK(dropout_(x, 0.5, true, &one).is_same(x));
  check_equal(x, dropout(before, 0.5, true, &two));
  CHECK(x.version() == 1);
}

TEST_CASE("dropout says what it got and what it expected") {
  const auto fails = [](auto&& f, const char* text) {
    CHECK_THROWS_MATCHES(f(), Error, MessageMatches(ContainsSubstring(text)));
  };
  fails([] { return dropout(ones({2}), 1.5); }, "got p 1.5, expected a probability from 0 to 1");
  fails([] { return dropout(ones({2}), NAN); }, "got p nan");
  fails([] { return dropout(ones({2}, i64)); }, "got input of int64");
  Tensor leaf = ones({2}, Options().requires_grad(true));
  fails([&] { return dropout_(leaf); }, "leaf that requires grad");
}
