#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

#include <weft/weft.h>

#include <weft/autograd/gradcheck.h>
#include <weft/tests/catch.h>
#include <weft/tests/ops/samples.h>

using namespace weft;
using Values = std::vector<double>;

namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();

bool same(double a, double b, double tolerance) {
  if (std::isnan(a) || std::isnan(b)) return std::isnan(a) && std::isnan(b);
  if (std::isinf(a) && std::abs(b) > 3.5e38) return true;  // beyond f32
  return a == b || std::abs(a - b) <= tolerance * std::max(1.0, std::abs(b));
}

void check_values(const Tensor& y, const Values& expected, double tolerance = 0) {
  const Values got = y.to_vector<double>();
  REQUIRE(got.size() == expected.size());
  for (std::size_t i = 0; i < got.size(); ++i) {
    if (same(got[i], expected[i], tolerance)) continue;
    FAIL_CHECK("element " << i << ": got " << got[i] << ", expected " << expected[i]);
  }
  SUCCEED();
}

// What the elements that make each output give, one by one in row-major order.
Values reference(const Tensor& x, unsigned gone, const std::function<double(const Values&)>& f) {
  const Values v = x.to_vector<double>();
  const Shape sizes = x.sizes();
  Index outputs = 1;
  for (int d = 0; d < sizes.size(); ++d) outputs *= gone >> d & 1 ? 1 : sizes[d];
  std::vector<Values> gathered(static_cast<std::size_t>(outputs));
  for (std::size_t i = 0; i < v.size(); ++i) {
    Index rest = static_cast<Index>(i), at = 0, step = 1;
    for (int d = sizes.size() - 1; d >= 0; --d) {
      if (!(gone >> d & 1)) {
        at += rest % sizes[d] * step;
        step *= sizes[d];
      }
      rest /= sizes[d];
    }
    gathered[static_cast<std::size_t>(at)].push_back(v[i]);
  }
  Values result;
  for (const Values& g : gathered) result.push_back(f(g));
  return result;
}

Shape dims_of(unsigned gone, int rank) {
  Shape dims;
  for (int d = 0; d < rank; ++d) {
    if (gone >> d & 1) dims.push_back(d - (d % 2 ? rank : 0));  // negative ones too
  }
  return dims;
}

double add_up(const Values& v) {
  double s = 0;
  for (double x : v) s += x;
  return s;
}
double mean_of(const Values& v) { return add_up(v) / static_cast<double>(v.size()); }
double var_of(const Values& v) {
  const double mean = mean_of(v);
  double s = 0;
  for (double x : v) s += (x - mean) * (x - mean);
  return s / (static_cast<double>(v.size()) - 1);
}
double norm_of(const Values& v, double p) {
  double s = 0;
  for (double x : v) s += std::pow(std::abs(x), p);
  return std::pow(s, 1 / p);
}

struct Row {
  const char* name;
  std::function<Tensor(const Tensor&, const Shape&, bool)> op;
  std::function<double(const Values&)> expected;
};

const std::vector<Row>& rows() {
  static const std::vector<Row> all = {
      {"sum", [](auto& x, auto& d, bool k) { return x.sum(d, k); }, add_up},
      {"mean", [](auto& x, auto& d, bool k) { return x.mean(d, k); }, mean_of},
      {"prod", [](auto& x, auto& d, bool k) { return x.prod(d, k); },
       [](const Values& v) {
         double p = 1;
         for (double x : v) p *= x;
         return p;
       }},
      {"var", [](auto& x, auto& d, bool k) { return x.var(d, 1, k); }, var_of},
      {"std", [](auto& x, auto& d, bool k) { return x.std(d, 1, k); },
       [](const Values& v) { return std::sqrt(var_of(v)); }},
      {"norm 2", [](auto& x, auto& d, bool k) { return x.norm(2, d, k); },
       [](const Values& v) { return norm_of(v, 2); }},
      {"norm 1", [](auto& x, auto& d, bool k) { return x.norm(1, d, k); },
       [](const Values& v) { return norm_of(v, 1); }},
      {"norm 3", [](auto& x, auto& d, bool k) { return x.norm(3, d, k); },
       [](const Values& v) { return norm_of(v, 3); }},
      {"norm 0", [](auto& x, auto& d, bool k) { return x.norm(0, d, k); },
       [](const Values& v) {
         return static_cast<double>(v.size()) - std::count(v.begin(), v.end(), 0);
       }},
      {"norm inf", [](auto& x, auto& d, bool k) { return x.norm(kInf, d, k); },
       [](const Values& v) {
         double m = 0;
         for (double x : v) m = std::max(m, std::abs(x));
         return m;
       }},
      {"norm -inf", [](auto& x, auto& d, bool k) { return x.norm(-kInf, d, k); },
       [](const Values& v) {
         double m = kInf;
         for (double x : v) m = std::min(m, std::abs(x));
         return m;
       }},
      {"amax", [](auto& x, auto& d, bool k) { return x.amax(d, k); },
       [](const Values& v) { return *std::max_element(v.begin(), v.end()); }},
      {"amin", [](auto& x, auto& d, bool k) { return x.amin(d, k); },
       [](const Values& v) { return *std::min_element(v.begin(), v.end()); }},
      {"all",
       [](auto& x, auto& d, bool k) { return d.empty() ? x.all(std::nullopt, k) : x.all(d, k); },
       [](const Values& v) { return std::count(v.begin(), v.end(), 0) == 0 ? 1.0 : 0.0; }},
      {"any",
       [](auto& x, auto& d, bool k) { return d.empty() ? x.any(std::nullopt, k) : x.any(d, k); },
       [](const Values& v) {
         return std::count(v.begin(), v.end(), 0) == static_cast<std::ptrdiff_t>(v.size()) ? 0.0
                                                                                           : 1.0;
       }},
      {"logsumexp", [](auto& x, auto& d, bool k) { return x.logsumexp(d, k); },
       [](const Values& v) {
         double s = 0;
         for (double x : v) s += std::exp(x);
         return std::log(s);
       }},
  };
  return all;
}

// One tensor of sizes [3, 20, 5, 2] in many memories.
std::vector<std::pair<const char*, Tensor>> layouts(DType dtype) {
  const Tensor x = test::sample({3, 20, 5, 2}).to(dtype);
  const Tensor wide = test::sample({3, 40, 5, 2}).to(dtype);
  return {
      {"contiguous", x},
      {"channels last", x.contiguous(MemoryFormat::ChannelsLast)},
      {"transposed", test::sample({2, 5, 20, 3}).to(dtype).permute({3, 2, 1, 0})},
      {"strided", wide.slice(1, 0, {}, 2)},
      {"backwards", wide.slice(1, {}, {}, -2)},
      {"expanded", test::sample({3, 1, 5, 1}).to(dtype).expand({3, 20, 5, 2})},
  };
}

void check_row(const Row& row, const Tensor& x, double tolerance) {
  for (unsigned gone = 1; gone < 1u << x.dim(); ++gone) {
    for (bool keepdim : {false, true}) {
      INFO(row.name << ", dims " << gone << ", keepdim " << keepdim);
      const Tensor y = row.op(x, dims_of(gone, x.dim()), keepdim);
      for (int d = 0, at = 0; d < x.dim(); ++d) {
        if (!keepdim && (gone >> d & 1)) continue;
        REQUIRE(y.size(at++) == (gone >> d & 1 ? 1 : x.size(d)));
      }
      check_values(y, reference(x, gone, row.expected), tolerance);
    }
  }
}

}  // namespace

TEST_CASE("reductions agree with plain loops over every layout and set of dims") {
  for (const auto& [name, x] : layouts(f64)) {
    INFO(name);
    for (const Row& row : rows()) check_row(row, x, 1e-12);
  }
  for (const auto& [name, x] : layouts(f32)) {
    INFO(name << ", f32");
    for (const Row& row : rows()) check_row(row, x, 4e-7);
  }
}

TEST_CASE("reductions of halves, integers and bool") {
  for (const Row& row : rows()) {
    if (row.name == std::string_view("prod")) continue;  // overflows
    check_row(row, test::sample({4, 33, 3}).to(f16), 1e-3);
    check_row(row, test::sample({4, 33, 3}).to(bf16), 1e-2);
  }
  for (DType t : {i8, i16, i32, i64}) {
    const Tensor x = (test::sample({5, 3, 17}) * 3).to(t);
    for (const char* name : {"sum", "amax", "amin", "all", "any"}) {
      for (const Row& row : rows()) {
        if (row.name == std::string_view(name)) check_row(row, x, 0);
      }
    }
  }
  CHECK(ones({3}, i32).sum().dtype() == i64);
  CHECK(ones({3}, boolean).sum().dtype() == i64);
  CHECK(ones({300}, u8).sum().item<int>() == 300);
  CHECK(tensor({2, 3}, i32).prod().dtype() == i64);
  CHECK(tensor({2, 3}, i32).amax().dtype() == i32);
  CHECK(ones({3}, u8).all().dtype() == u8);
  CHECK(ones({3}, f32).all().dtype() == boolean);
  CHECK(ones({3}, f32).sum({}, false, f64).dtype() == f64);
  CHECK(tensor({0.5, 0.5}).sum({}, false, i32).item<int>() == 0);
  CHECK(tensor({0.5, 0.5}).sum({}, false, boolean).item<bool>());
  CHECK(tensor({1, 2}).mean({}, false, f64).item<double>() == 1.5);
  check_values(tensor({1, 2}).logsumexp({0}), {2.3132616875}, 1e-6);
}

TEST_CASE("long reductions are cut and joined") {
  const Tensor x = test::sample({3, 300007});
  const Tensor tall = test::sample({70001, 9});
  for (const Row& row : rows()) {
    if (row.name == std::string_view("prod")) continue;  // overflows
    INFO(row.name);
    check_values(row.op(x, {1}, false), reference(x, 2, row.expected), 1e-9);
    check_values(row.op(x.to(f32), {1}, false), reference(x, 2, row.expected), 1e-5);
    check_values(row.op(x, {}, false), reference(x, 3, row.expected), 1e-9);
    check_values(row.op(tall, {0}, false), reference(tall, 1, row.expected), 1e-9);
    check_values(row.op(tall.t(), {1}, false), reference(tall, 1, row.expected), 1e-9);
  }
}

TEST_CASE("long products") {
  const Tensor x = test::sample({2, 200003}) * 1e-3 + 1.0;
  const Values logs = x.log().sum(1).to_vector<double>();
  check_values(x.prod(1).log(), logs, 1e-6);
  check_values(x.t().contiguous().prod(0).log(), logs, 1e-6);
}

TEST_CASE("the bits of a reduction do not depend on the number of threads") {
  const Tensor a = test::sample({5, 200003}).to(f32), b = test::sample({90001, 13}).to(f32);
  const int before = get_num_threads();
  for (const Row& row : rows()) {
    INFO(row.name);
    for (const Tensor& x : {a, b}) {
      for (const Shape& dims : {Shape{0}, Shape{1}, Shape{}}) {
        set_num_threads(1);
        const Values one = row.op(x, dims, false).to_vector<double>();
        for (int threads : {2, 3, 4}) {
          set_num_threads(threads);
          check_values(row.op(x, dims, false), one);
        }
      }
    }
  }
  for (int threads : {1, 2, 4}) {
    set_num_threads(threads);
    CHECK(a.argmax().item<Index>() == a.to(f64).argmax().item<Index>());
    CHECK(b.argmin(0).to_vector<Index>() == b.t().contiguous().argmin(1).to_vector<Index>());
  }
  set_num_threads(before);
}

TEST_CASE("an f32 sum of 1e8 elements is right to 1e-6") {
  const Tensor x = full({100'000'000}, 0.1, f32);
  const double exact = 1e8 * static_cast<double>(0.1f);
  CHECK(std::abs(x.sum().item<double>() / exact - 1) < 1e-6);
  CHECK(std::abs(x.reshape({10000, 10000}).sum(0).sum().item<double>() / exact - 1) < 1e-6);
  CHECK(std::abs(x.mean().item<double>() / static_cast<double>(0.1f) - 1) < 1e-6);
}

TEST_CASE("variance survives a large mean") {
  const Tensor x = test::sample({1000}) + 1e8;
  check_values(x.var(), {test::sample({1000}).var().item<double>()}, 1e-9);
}

TEST_CASE("positions: the first of equal ones, NaN before all") {
  const Tensor x = tensor({{3.0, 1.0, 3.0, 1.0}, {1.0, kNaN, 3.0, kNaN}});
  CHECK(x.argmax(1).to_vector<Index>() == std::vector<Index>{0, 1});
  CHECK(x.argmin(1).to_vector<Index>() == std::vector<Index>{1, 1});
  CHECK(x.argmax(0).to_vector<Index>() == std::vector<Index>{0, 1, 0, 1});
  CHECK(x.argmax().item<Index>() == 5);
  CHECK(x.argmax({}, true).sizes() == Shape{1, 1});
  CHECK(x.argmax(-1, true).sizes() == Shape{2, 1});
  const auto [values, positions] = x.max(1);
  check_values(values, {3, kNaN});
  CHECK(positions.to_vector<Index>() == std::vector<Index>{0, 1});
  const auto [low, at] = x.t().min(0, true);
  CHECK(low.sizes() == Shape{1, 2});
  check_values(low, {1, kNaN});
  CHECK(at.to_vector<Index>() == std::vector<Index>{1, 1});
  CHECK(full({3, 4}, -kInf).argmax(1).to_vector<Index>() == std::vector<Index>{0, 0, 0});
  CHECK(tensor(3.0).argmax(0, true).item<Index>() == 0);
  CHECK(std::get<0>(tensor({true, false}).max(0)).item<bool>());
  const Tensor large = test::sample({7, 20000});
  for (Index row = 0; row < 7; ++row) {
    const Values v = large[row].to_vector<double>();
    CHECK(large.argmax(1)[row].item<Index>() == std::max_element(v.begin(), v.end()) - v.begin());
    CHECK(large.to(f32).t().contiguous().argmin(0)[row].item<Index>() ==
          std::min_element(v.begin(), v.end()) - v.begin());
  }
}

// The numbers are PyTorch's.
TEST_CASE("NaN, infinities and nothing") {
  check_values(tensor({1.0, kNaN}).amin(), {kNaN});
  check_values(tensor({kNaN, 1.0}).amax(), {kNaN});
  check_values(tensor({kNaN, 1.0}).norm(kInf), {kNaN});
  check_values(tensor({kNaN, 1.0}).norm(0), {2});
  check_values(tensor({0.0, 2.0}).norm(-1), {0});
  check_values(tensor({kNaN, 0.0}).any(), {1});
  check_values(tensor({kNaN, 0.0}).all(), {0});
  check_values(tensor({-kInf, -kInf}).logsumexp(0), {-kInf});
  check_values(tensor({kInf, -kInf, 1.0}).logsumexp(0), {kInf});
  check_values(tensor({kNaN, kInf}).logsumexp(0), {kNaN});
  check_values(tensor({1.0}).std(), {kNaN});
  check_values(tensor({1.0}).var({}, 2), {kNaN});
  check_values(tensor({1.0, 2.0}).var({}, 3), {kInf});
  check_values(tensor({1000.0, 1000.0}).logsumexp(0), {1000 + std::log(2.0)}, 1e-7);
  const Tensor none = empty({0, 3});
  check_values(none.sum(0), {0, 0, 0});
  check_values(none.prod(0), {1, 1, 1});
  check_values(none.mean(), {kNaN});
  check_values(none.var(), {kNaN});
  check_values(none.norm(), {0});
  check_values(none.all(), {1});
  check_values(none.any(), {0});
  check_values(none.logsumexp(0), {-kInf, -kInf, -kInf});
  CHECK(none.amax(1).sizes() == Shape{0});
  CHECK(std::get<1>(none.max(1)).sizes() == Shape{0});
  CHECK(none.sum(1).sizes() == Shape{0});
}

TEST_CASE("reductions refuse what they cannot do") {
  using Catch::Matchers::ContainsSubstring;
  const Tensor x = ones({2, 3}), none = empty({0, 3});
  CHECK_THROWS_AS(x.sum({0, -2}), ValueError);
  CHECK_THROWS_AS(x.sum(2), IndexError);
  CHECK_THROWS_AS(x.argmax(2), IndexError);
  CHECK_THROWS_AS(Tensor().sum(), Error);
  CHECK_THROWS_AS(none.amax(), ShapeError);
  CHECK_THROWS_AS(none.amax(0), IndexError);
  CHECK_THROWS_AS(none.max(0), IndexError);
  CHECK_THROWS_AS(none.argmin(), IndexError);
  CHECK_THROWS_AS(none.argmin(0), IndexError);
  CHECK_THROWS_AS(none.norm(kInf), ShapeError);
  CHECK_THROWS_AS(x.norm(kNaN), ValueError);
  CHECK_THROWS_WITH(ones({2}, i32).mean(),
                    ContainsSubstring("[mean] got int32, expected a floating"));
  CHECK_THROWS_AS(ones({2}, i32).var(), DTypeError);
  CHECK_THROWS_AS(ones({2}, i32).std(), DTypeError);
  CHECK_THROWS_AS(ones({2}, i32).norm(), DTypeError);
}

namespace {

void check_gradients(const std::function<Tensor(const Tensor&)>& f, const Tensor& x) {
  const autograd::TensorFunction g = [&](const std::vector<Tensor>& in) {
    return std::vector<Tensor>{f(in[0])};
  };
  CHECK(autograd::gradcheck(g, {x}));
  CHECK(autograd::gradgradcheck(g, {x}));
}

Values gradient(const Tensor& values, const std::function<Tensor(const Tensor&)>& f) {
  const Tensor x = values.detach().requires_grad_();
  f(x).sum().backward();
  return x.grad().to_vector<double>();
}

}  // namespace

TEST_CASE("gradients of reductions, to second order") {
  for (const Row& row : rows()) {
    const std::string_view name = row.name;
    if (name == "all" || name == "any" || name == "norm 0") continue;
    INFO(name);
    for (const Shape& dims : {Shape{}, Shape{1}, Shape{0, 2}}) {
      check_gradients([&](const Tensor& x) { return row.op(x, dims, false); },
                      test::sample({2, 3, 2}, true));
      check_gradients([&](const Tensor& x) { return row.op(x, dims, true); },
                      test::sample({2, 3, 2}, true));
    }
  }
  const Tensor x = test::sample({3, 4}, true);
  check_gradients([](const Tensor& t) { return std::get<0>(t.max(1)); }, x);
  check_gradients([](const Tensor& t) { return std::get<0>(t.min(0, true)); }, x);
  check_gradients([](const Tensor& t) { return t.max() * t.min(); }, x);
  check_gradients([](const Tensor& t) { return t.norm(1.5, {0}); }, x);
  check_gradients([](const Tensor& t) { return t.var({}, 0); }, x);
  check_gradients(
      [](const Tensor& t) { return t.prod(1); },
      tensor({{0.0, 2.0, 3.0}, {0.0, 0.0, 1.0}, {1.0, 2.0, 3.0}}, f64).requires_grad_());
}

// The numbers are PyTorch's.
TEST_CASE("gradients at ties, zeros and NaN") {
  const auto of = [](const Values& v) { return tensor(v); };
  CHECK(gradient(of({1, 1, 0}), [](auto& x) { return x.amax(); }) == Values{0.5, 0.5, 0});
  CHECK(gradient(of({1, 1, 0}), [](auto& x) { return x.max(); }) == Values{0.5, 0.5, 0});
  CHECK(gradient(of({1, 1, 0}), [](auto& x) { return std::get<0>(x.max(0)); }) == Values{1, 0, 0});
  CHECK(std::isnan(gradient(of({1, kNaN}), [](auto& x) { return x.amax(); })[0]));
  CHECK(gradient(of({0, 0}), [](auto& x) { return x.norm(); }) == Values{0, 0});
  CHECK(gradient(of({0, 1}), [](auto& x) { return x.norm(3); }) == Values{0, 1});
  CHECK(gradient(of({0, 0}), [](auto& x) { return x.norm(3); }) == Values{0, 0});
  CHECK(gradient(of({0, 1}), [](auto& x) { return x.norm(0.5); }) == Values{0, 1});
  CHECK(gradient(of({0, 1}), [](auto& x) { return x.norm(0); }) == Values{0, 0});
  CHECK(gradient(of({0, -1}), [](auto& x) { return x.norm(1); }) == Values{0, -1});
  CHECK(gradient(of({1, -1, 0}), [](auto& x) { return x.norm(kInf); }) == Values{0.5, -0.5, 0});
  CHECK(gradient(of({2, 2}), [](auto& x) { return x.std(); }) == Values{0, 0});
  CHECK(std::isnan(gradient(of({2}), [](auto& x) { return x.std(); })[0]));
  CHECK(gradient(of({0, 2, 3}), [](auto& x) { return x.prod(); }) == Values{6, 0, 0});
  CHECK(gradient(of({0, 0, 3}), [](auto& x) { return x.prod(); }) == Values{0, 0, 0});
  CHECK(gradient(of({1, 2}), [](auto& x) { return x.to(f32).sum({}, false, f64); }) ==
        Values{1, 1});
}
