#include <cmath>
#include <thread>

#include <weft/weft.h>

#include <weft/tests/catch.h>

using namespace weft;
using Catch::Matchers::MessageMatches;
using Values = std::vector<double>;

namespace {

Tensor leaf(const NestedValues& values) { return tensor(values, Options(f64).requires_grad(true)); }
Values of(const Tensor& t) { return t.to_vector<double>(); }
auto says(const std::string& text) {
  return MessageMatches(Catch::Matchers::ContainsSubstring(text));
}

}  // namespace

TEST_CASE("a product's gradients are the other factors") {
  Tensor a = leaf({1, 2, 3}), b = leaf({4, 5, 6});
  (a * b + a).sum().backward();
  CHECK(of(a.grad()) == Values{5, 6, 7});
  CHECK(of(b.grad()) == Values{1, 2, 3});
}

TEST_CASE("gradients accumulate over calls and uses") {
  Tensor a = leaf({3});
  Tensor y = a * a;
  y.backward({}, true);
  CHECK(of(a.grad()) == Values{6});
  y.backward();
  CHECK(of(a.grad()) == Values{12});
  a.set_grad({});
  CHECK(!a.grad().defined());
}

TEST_CASE("broadcast dimensions are summed back and dtypes converted") {
  Tensor a = tensor({{1, 2, 3}, {4, 5, 6}}, Options(f32).requires_grad(true)),
         b = leaf({10, 20, 30});
  Tensor c = leaf(2);
  (a * b * c).sum().backward();
  CHECK(a.grad().dtype() == f32);
  CHECK(a.grad().to_vector<float>() == std::vector<float>{20, 40, 60, 20, 40, 60});
  CHECK(of(b.grad()) == Values{10, 14, 18});
  CHECK(of(c.grad()) == Values{1 * 10 + 2 * 20 + 3 * 30 + 4 * 10 + 5 * 20 + 6 * 30});
}

TEST_CASE("a second backward needs retain_graph") {
  Tensor a = leaf({1, 2});
  Tensor y = (a * a).sum();
  y.backward();
  CHECK_THROWS_MATCHES(y.backward(), AutogradError, says("retain_graph"));
  CHECK(of(a.grad()) == Values{2, 4});
}

TEST_CASE("backward checks what it is given") {
  Tensor a = leaf({1, 2});
  CHECK_THROWS_MATCHES((a * 2).backward(), ShapeError,
                       says("[backward] got an output of shape [2]"));
  CHECK_THROWS_MATCHES((a * 2).backward(ones({3}, f64)), ShapeError,
                       says("expected the same shape"));
  CHECK_THROWS_MATCHES(a.detach().sum().backward(), AutogradError, says("does not require grad"));
  CHECK_THROWS_MATCHES(tensor({1, 2}).requires_grad_(), DTypeError, says("floating"));
  CHECK_THROWS_AS(Tensor().backward(), Error);
}

TEST_CASE("grad gives gradients and changes nobody's") {
  Tensor a = leaf({2}), b = leaf({3});
  Tensor m = a * b, y = m * m;
  const auto g = autograd::grad(y, {a, m}, {}, true);
  CHECK(of(g[0]) == Values{36});
  CHECK(of(g[1]) == Values{12});
  CHECK(!a.grad().defined());
  CHECK_THROWS_MATCHES(autograd::grad(y, {leaf({1})}, {}, true), AutogradError,
                       says("allow_unused"));
  CHECK(!autograd::grad(y, {leaf({1})}, {}, true, false, true)[0].defined());
  const Tensor inputs[] = {b};
  autograd::backward(std::span(&y, 1), {}, false, false, inputs);
  CHECK(of(b.grad()) == Values{24});
  CHECK(!a.grad().defined());
}

TEST_CASE("gradients of gradients") {
  Tensor x = leaf({0.5, 2});
  Tensor y = (x * x * x).sum();
  const Tensor g = autograd::grad(y, {x}, {}, true, true)[0];
  CHECK(of(g) == Values{0.75, 12});
  const Tensor h = autograd::grad(g.sum(), {x}, {}, true, true)[0];
  CHECK(of(h) == Values{3, 12});
  h.sum().backward();
  CHECK(of(x.grad()) == Values{6, 6});
}

TEST_CASE("guards") {
  Tensor x = leaf({1});
  {
    NoGradGuard no_grad;
    CHECK(!(x * 2).requires_grad());
    EnableGradGuard enable;
    CHECK((x * 2).requires_grad());
  }
  Tensor made;
  {
    InferenceModeGuard inference;
    made = x * 2;
    CHECK(!made.requires_grad());
    CHECK(made.grad_fn() == nullptr);
  }
  CHECK(made.str() == (x.detach() * 2).str());
  CHECK((x * 2).requires_grad());
  CHECK_THROWS_MATCHES(x * made, AutogradError, says("inference mode"));
  CHECK_NOTHROW(made * 2);
}

TEST_CASE("hooks see and replace gradients, and kept gradients stay") {
  Tensor x = leaf({1, 2});
  Tensor y = x * 3;
  y.retain_grad();
  Values seen;
  const int id = autograd::register_hook(y, [&](const Tensor& g) {
    seen = of(g);
    return g * 10;
  });
  autograd::register_hook(x, [](const Tensor& g) { return g + 1; });
  y.sum().backward({}, true);
  CHECK(seen == Values{1, 1});
  CHECK(of(y.grad()) == Values{10, 10});
  CHECK(of(x.grad()) == Values{31, 31});
  autograd::remove_hook(y, id);
  y.sum().backward();
  CHECK(of(x.grad()) == Values{35, 35});
}

TEST_CASE("a hook may remove itself, and those behind it are called") {
  Tensor x = leaf({1, 2});
  int calls = 0, first = 0;
  first = autograd::register_hook(x, [&](const Tensor&) {
    ++calls;
    autograd::remove_hook(x, first);
    return Tensor();
  });
  autograd::register_hook(x, [](const Tensor& g) { return g * 2; });
  autograd::register_hook(x, [](const Tensor& g) { return g + 1; });
  (x * 3).sum().backward();
  CHECK(of(x.grad()) == Values{7, 7});
  (x * 3).sum().backward();
  CHECK(of(x.grad()) == Values{14, 14});
  CHECK(calls == 1);
}

TEST_CASE("gradients that were handed in stay as they were") {
  Tensor x = leaf({1, 2});
  const std::vector<Tensor> roots = {x, x},
                            given = {tensor({3.0, 4.0}, f64), tensor({5.0, 6.0}, f64)};
  autograd::backward(roots, given);
  CHECK(of(x.grad()) == Values{8, 10});
  CHECK(of(given[0]) == Values{3, 4});
  CHECK(of(given[1]) == Values{5, 6});
}

TEST_CASE("the gradients of many leaves add up") {
  std::vector<Tensor> leaves;
  Tensor sum = zeros({1}, f64);
  for (int i = 0; i < 40; ++i) leaves.push_back(leaf({double(i)}));
  for (int use = 0; use < 3; ++use)
    for (const Tensor& t : leaves) sum = sum + t * t;
  const std::vector<Tensor> roots = {sum};
  const auto gradients = autograd::grad(roots, leaves, {});
  for (int i = 0; i < 40; ++i) CHECK(of(gradients[static_cast<std::size_t>(i)]) == Values{6.0 * i});
}

TEST_CASE("a leaf's hook comes after its gradient") {
  Tensor x = leaf({1, 2}), w = leaf({3, 4});
  std::vector<Values> seen;
  const int id = autograd::register_post_accumulate_grad_hook(x, [&](const Tensor& t) {
    CHECK(w.grad().defined());
    seen.push_back(of(t.grad()));
    Tensor(t).set_grad({});
  });
  (x * w).sum().backward();
  (x * w).sum().backward();
  CHECK(seen == std::vector<Values>{{3, 4}, {3, 4}});
  CHECK_FALSE(x.grad().defined());
  autograd::remove_hook(x, id);
  (x * w).sum().backward();
  CHECK(of(x.grad()) == Values{3, 4});
  CHECK_THROWS_AS(autograd::register_post_accumulate_grad_hook(x * 2, {}), AutogradError);
}

TEST_CASE("a tensor gets other memory and keeps its place on the tape") {
  Tensor x = leaf({1, 2});
  const Tensor handle = x, value = zeros(3);
  Values seen;
  autograd::register_post_accumulate_grad_hook(x, [&](const Tensor& t) { seen = of(t); });
  autograd::set_data(x, value);
  CHECK(handle.sizes() == Shape{3});
  CHECK(handle.data() == value.data());
  (handle * 2).sum().backward();
  CHECK(of(x.grad()) == Values{2, 2, 2});
  CHECK(seen == Values{0, 0, 0});
  CHECK_THROWS_AS(autograd::set_data(x, zeros(3, DType::I64)), DTypeError);
  CHECK_THROWS_AS(autograd::set_data(x, Tensor()), Error);
  CHECK(handle.data() == value.data());
}

TEST_CASE("inputs that are no leaves keep their gradients, which gather") {
  Tensor x = leaf({1, 2});
  const Tensor y = x * 3, z = (y * y).sum();
  CHECK_FALSE(autograd::retains_grad(y));
  for (const Values& expected : {Values{6, 12}, Values{12, 24}}) {
    autograd::backward(std::span(&z, 1), {}, true, false, std::span(&y, 1));
    CHECK(of(y.grad()) == expected);
  }
  CHECK_FALSE(x.grad().defined());
  Tensor(y).retain_grad();
  CHECK(autograd::retains_grad(y));
  CHECK_FALSE(autograd::retains_grad(x));
}

TEST_CASE("a hook may not change what a gradient is") {
  using Hook = Tensor (*)(const Tensor&);
  for (const Hook hook : {Hook([](const Tensor&) { return ones(3); }),
                          Hook([](const Tensor& g) { return g.narrow(0, 0, 1); }),
                          Hook([](const Tensor& g) { return g.to(f32); })}) {
    Tensor x = leaf({1, 2});
    Tensor y = x * 3;
    autograd::register_hook(x, hook);
    CHECK_THROWS_MATCHES(y.sum().backward(), AutogradError, says("from a hook, expected [2]"));
    CHECK(!x.grad().defined());
    Tensor z = leaf({1, 2}) * 3;
    autograd::register_hook(z, hook);
    CHECK_THROWS_MATCHES(z.sum().backward(), AutogradError, says("from a hook, expected [2]"));
  }
}

TEST_CASE("a saved tensor that changed is reported with both operations") {
  Tensor x = leaf({1, 2});
  Tensor h = x + 0;
  Tensor y = h * h;
  h.mul_(2);
  CHECK_THROWS_MATCHES(y.sum().backward(), AutogradError,
                       says("[mul]") && says("mul changed in place"));
  CHECK(!x.grad().defined());
  Tensor e = weft::exp(x + 0);
  e.add_(1);
  CHECK_THROWS_MATCHES(e.sum().backward(), AutogradError,
                       says("[exp]") && says("saved output") && says("add"));
}

TEST_CASE("in-place operations") {
  Tensor x = leaf({1, 2});
  CHECK_THROWS_MATCHES(x.mul_(2), AutogradError, says("leaf that requires grad"));
  CHECK_THROWS_MATCHES(x.view({2, 1}).mul_(2), AutogradError, says("view of a leaf"));
  CHECK(of(x) == Values{1, 2});
  {
    NoGradGuard no_grad;
    x.mul_(2);
  }
  CHECK(of(x) == Values{2, 4});
  Tensor y = x + 0;
  y.mul_(x).exp_();  // exp(x^2)
  y.sum().backward();
  CHECK(std::abs(of(x.grad())[0] - 4 * std::exp(4.0)) < 1e-9);
  CHECK(std::abs(of(x.grad())[1] - 8 * std::exp(16.0)) < 1e-4);
  Tensor row = zeros({1, 3}).expand({2, 3});
  CHECK_THROWS_MATCHES(row.add_(1), ShapeError, says("share memory"));
  CHECK_THROWS_MATCHES(tensor({1, 2}).add_(0.5), DTypeError, says("expected one that it can hold"));
  CHECK_THROWS_MATCHES(zeros({2}).add_(zeros({3, 2})), ShapeError, says("in place"));
}

TEST_CASE("views and their base share history when one is changed in place") {
  SECTION("a view of a tensor that is not a leaf") {
    Tensor x = leaf({1, 2, 3});
    Tensor y = x * 2;
    Tensor v = y.slice(0, 0, 2);
    v.mul_(5);
    y.sum().backward();
    CHECK(of(x.grad()) == Values{10, 10, 2});
  }
  SECTION("the base changes, the view follows") {
    Tensor x = leaf({1, 2, 3});
    Tensor y = x * 2;
    Tensor v = y.slice(0, 1);
    y.mul_(y.detach().clone());
    v.sum().backward();
    CHECK(of(x.grad()) == Values{0, 8, 12});
  }
  SECTION("a constant base takes part by what is written into it") {
    Tensor w = leaf({3});
    Tensor base = zeros({2, 2}, f64);
    base[0].add_(w);
    CHECK(base.requires_grad());
    (base * tensor({{1, 2}, {4, 8}}, f64)).sum().backward();
    CHECK(of(w.grad()) == Values{3});
  }
  SECTION("two views of one base") {
    Tensor x = leaf({{1, 2}, {3, 4}});
    Tensor y = x + 0;
    Tensor rows = y[1], columns = y.select(1, 1);
    rows.mul_(10);
    CHECK(of(columns) == Values{2, 40});
    columns.mul_(2);
    CHECK(of(rows) == Values{30, 80});
    (rows * tensor({1, 100}, f64)).sum().backward();
    CHECK(of(x.grad()) == Values{0, 0, 10, 2000});
  }
  SECTION("copying into a view") {
    Tensor x = leaf({1, 2, 3}), w = leaf({7});
    Tensor y = x * 1;
    y.slice(0, 1, 2).copy_(w);
    (y * y).sum().backward();
    CHECK(of(x.grad()) == Values{2, 0, 6});
    CHECK(of(w.grad()) == Values{14});
  }
}

TEST_CASE("a view whose base has changed may be used several times") {
  const Tensor x = leaf({1, 2, 3});
  Tensor a = zeros({6}, f64).view({2, 3});
  a.select(0, 0).copy_(x);
  ((a * 2).sum() + (a * a).sum()).backward();
  CHECK(of(x.grad()) == Values{4, 6, 8});
  Tensor b = leaf({1, 2}) * 1;
  const Tensor y = b.view({2, 1});
  b.mul_(3);
  const Tensor z = y * 2;
  CHECK_NOTHROW((z + y).sum().backward());
}

TEST_CASE("a kept gradient is that of the tensor as it was changed last") {
  const Tensor x = leaf({1, 2});
  Tensor h = x.clone();
  h.retain_grad();
  h.mul_(3);
  (h * h).sum().backward();
  CHECK(of(h.grad()) == Values{6, 12});
  Tensor part = x.clone(), whole = part.view({2, 1});
  part.retain_grad();
  whole.retain_grad();
  part.slice(0, 0, 1).mul_(3);
  (whole * whole).sum().backward();
  CHECK(of(part.grad()) == Values{6, 4});
  CHECK(of(whole.grad()) == Values{6, 4});
  Tensor gone = x.clone();
  gone.retain_grad();
  gone.zero_();
  CHECK(gone.sum().requires_grad() == x.requires_grad());
}

TEST_CASE("products and quotients keep what their gradients read alone") {
  const Tensor x = leaf({1, 2});
  Tensor h = x * 2;
  const Tensor c = tensor({3, 4}, f64), z = h / 2 + h * c;
  h.add_(1);
  CHECK_NOTHROW(z.sum().backward());
  CHECK(of(x.grad()) == Values{7, 9});
}

TEST_CASE("views: detach shares memory, not history") {
  Tensor x = leaf({1, 2});
  Tensor d = (x * 2).detach();
  CHECK(!d.requires_grad());
  d.mul_(3);
  CHECK(of(d) == Values{6, 12});
  Tensor y = x * 2;
  CHECK(std::string(y.grad_fn()) == "mul");
  CHECK(!y.is_leaf());
  y.detach_();
  CHECK(y.is_leaf());
  CHECK(y.grad_fn() == nullptr);
}

TEST_CASE("a chain of a million nodes runs and dies without recursion") {
  Tensor x = leaf({1});
  Tensor y = x;
  for (int i = 0; i < 1000000; ++i) y = y + 1;
  SECTION("run") {
    y.backward();
    CHECK(of(x.grad()) == Values{1});
  }
  SECTION("dropped") { y = {}; }
  CHECK(x.numel() == 1);
}

TEST_CASE("anomaly detection names the operation") {
  Tensor x = leaf({0});
  const auto bad = [&] { (weft::sqrt(x) * 0).sum().backward(); };
  CHECK_NOTHROW(bad());
  DetectAnomalyGuard anomaly;
  CHECK_THROWS_MATCHES(bad(), AutogradError, says("[sqrt]") && says("NaN"));
}

TEST_CASE("threads run backward on graphs of their own over shared weights") {
  Tensor w = leaf({1, 2, 3});
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 100; ++i) (w * w).sum().backward();
    });
  }
  for (int t = 0; t < 2; ++t) {
    threads.emplace_back([&] {
      NoGradGuard no_grad;
      for (int i = 0; i < 100; ++i) (w * w).sum().item();
    });
  }
  for (auto& t : threads) t.join();
  CHECK(of(w.grad()) == Values{800, 1600, 2400});
}

TEST_CASE("a failed backward leaves every grad as it was") {
  Tensor a = leaf({1, 2}), b = leaf({3, 4});
  (a * b).sum().backward();
  const Values before_a = of(a.grad()), before_b = of(b.grad());
  bool failed = false;
  for (int k = 1; k < 100; ++k) {
    Tensor y = (a * b * b).sum();
    fail_allocation_at(static_cast<std::size_t>(k));
    try {
      y.backward();
      fail_allocation_at(0);
      break;
    } catch (const OutOfMemory&) {
      failed = true;
      CHECK(of(a.grad()) == before_a);
      CHECK(of(b.grad()) == before_b);
    }
  }
  CHECK(failed);
  CHECK(of(a.grad()) == Values{3 + 9, 4 + 16});
}
