#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include <weft/tests/op_table/row.h>

// Order, sums up to each element, comparisons within a tolerance, and what lies between.
namespace weft::op_table {
namespace {

using List = std::vector<double>;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

bool before(double a, double b) { return std::isnan(b) ? !std::isnan(a) : a < b; }

template <bool Descending>
List places(const List& x) {
  std::vector<std::size_t> order(x.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return Descending ? before(x[b], x[a]) : before(x[a], x[b]);
  });
  return {order.begin(), order.end()};
}
template <bool Descending>
List in_order(const List& x) {
  List y;
  for (double place : places<Descending>(x)) y.push_back(x[static_cast<std::size_t>(place)]);
  return y;
}
template <bool Descending>
Arrays sorted(const Array& x, Index dim) {
  return {along(x, dim, in_order<Descending>), along(x, dim, places<Descending>)};
}
Array first(const Array& x, int dim, Index k) {
  Shape sizes = x.sizes;
  sizes[dim] = k;
  return generate(sizes, [&](const Shape& i) { return at(x, i); });
}
template <bool Descending>
Arrays best(const Array& x, int dim, Index k) {
  const Arrays all = sorted<Descending>(x, dim);
  return {first(all[0], dim, k), first(all[1], dim, k)};
}

Row row(const std::string& name, std::vector<Case> cases) {
  Row r;
  r.name = name;
  r.cases = std::move(cases);
  return r;
}

Input with_ties() { return given({2, 6}, {3, 1, 2, 3, 1, 0, 5, 5, 4, 0, 2, 5}); }
Input with_nan() { return given({2, 4}, {1, kNan, -kInfinity, 2, kNan, kInfinity, kNan, 0}); }

Row sort_row() {
  Row r = row("sort", {{"torch.sort(x[0], stable=True)",
                        {with_ties()},
                        [](const Tensors& x) { return sort(x[0]); },
                        [](const Arrays& x) { return sorted<false>(x[0], -1); }},
                       {"torch.sort(x[0], dim=0, descending=True, stable=True)",
                        {real({5, 3, 2})},
                        [](const Tensors& x) { return sort(x[0], 0, true); },
                        [](const Arrays& x) { return sorted<true>(x[0], 0); }},
                       {"torch.sort(x[0], -2)",
                        {real({0, 3})},
                        [](const Tensors& x) { return sort(x[0], -2); },
                        [](const Arrays& x) { return sorted<false>(x[0], -2); }}});
  Case nan = r.cases[0];
  nan.inputs = {with_nan()};
  nan.dtypes = kFloat;
  nan.smooth = false;
  r.cases.push_back(nan);
  nan.torch = "torch.sort(x[0], descending=True, stable=True)";
  nan.call = [](const Tensors& x) { return sort(x[0], -1, true); };
  nan.reference = [](const Arrays& x) { return sorted<true>(x[0], -1); };
  r.cases.push_back(nan);
  r.cases[0].smooth = false;
  r.cases[0].big = {real({97, 1001})};
  r.second = gives_i64;
  r.bad = {{[] { return Tensors{std::get<0>(sort(ones(3), 1))}; }, "[sort] got dim 1",
            "torch.sort(torch.ones(3), 1)"}};
  return r;
}

Row argsort_row() {
  Row r = row("argsort", {{"torch.argsort(x[0], stable=True)",
                           {with_ties()},
                           [](const Tensors& x) { return argsort(x[0]); },
                           [](const Arrays& x) { return sorted<false>(x[0], -1)[1]; }},
                          {"torch.argsort(x[0], dim=1, descending=True, stable=True)",
                           {real({2, 4, 3})},
                           [](const Tensors& x) { return argsort(x[0], 1, true); },
                           [](const Arrays& x) { return sorted<true>(x[0], 1)[1]; }},
                          {"torch.argsort(x[0])",
                           {real({})},
                           [](const Tensors& x) { return argsort(x[0]); },
                           [](const Arrays&) {
                             return Array{{}, {0}};
                           }}});
  r.cases[0].big = {real({97, 1001})};
  r.result = gives_i64;
  r.differentiable = false;
  r.bad = {{[] { return Tensors{argsort(ones(3), -2)}; }, "[argsort] got dim -2",
            "torch.argsort(torch.ones(3), -2)"}};
  return r;
}

Row topk_row() {
  Row r = row("topk", {{"torch.topk(x[0], 3)",
                        {given({2, 5}, {3, 1, 2, 5, 4, 7, 9, 8, 5, 6})},
                        [](const Tensors& x) { return topk(x[0], 3); },
                        [](const Arrays& x) { return best<true>(x[0], 1, 3); }},
                       {"torch.topk(x[0], 2, dim=0, largest=False)",
                        {given({4, 2}, {3, 1, 2, 5, 4, 7, 9, 8})},
                        [](const Tensors& x) { return topk(x[0], 2, 0, false); },
                        [](const Arrays& x) { return best<false>(x[0], 0, 2); }},
                       {"torch.topk(x[0], 0)",
                        {real({2, 3})},
                        [](const Tensors& x) { return topk(x[0], 0); },
                        [](const Arrays& x) { return best<true>(x[0], 1, 0); }},
                       {"torch.topk(x[0], 2)",
                        {given({2, 4}, {1, kNan, -kInfinity, 2, -3, kInfinity, -1, 0})},
                        [](const Tensors& x) { return topk(x[0], 2); },
                        [](const Arrays& x) { return best<true>(x[0], 1, 2); },
                        nullptr,
                        kFloat,
                        false}});
  r.cases[0].big = {real({97, 1001})};
  r.dtypes = kNumber;
  r.second = gives_i64;
  r.bad = {
      {[] {
         return Tensors{std::get<0>(topk(ones({2, 3}), 4))};
       },
       "[topk] got k = 4 for a dim of size 3, expected 0 to 3", "torch.topk(torch.ones(2, 3), 4)"},
      {[] { return Tensors{std::get<0>(topk(ones(3), 1, 1))}; }, "[topk] got dim 1",
       "torch.topk(torch.ones(3), 1, 1)"}};
  return r;
}

template <class Join>
List up_to_each(List x) {
  for (std::size_t i = 1; i < x.size(); ++i) x[i] = Join{}(x[i - 1], x[i]);
  return x;
}

template <class Call, class Change, class Join>
Row scan_row(const std::string& name, Call, Change, Join) {
  Row r = row(name, {{"torch." + name + "(x[0], 1)",
                      {real({2, 7})},
                      [](const Tensors& x) { return Call{}(x[0], 1, std::nullopt); },
                      [](const Arrays& x) { return along(x[0], 1, up_to_each<Join>); },
                      [](Tensors& x) { Change{}(x[0], 1); },
                      kNumber},
                     {"torch." + name + "(x[0], dim=-2)",
                      {real({4, 3})},
                      [](const Tensors& x) { return Call{}(x[0], -2, std::nullopt); },
                      [](const Arrays& x) { return along(x[0], 0, up_to_each<Join>); }},
                     {"torch." + name + "(x[0], 0)",
                      {real({0, 3})},
                      [](const Tensors& x) { return Call{}(x[0], 0, std::nullopt); },
                      [](const Arrays& x) { return x[0]; }},
                     {"torch." + name + "(x[0], 0)",
                      {real({})},
                      [](const Tensors& x) { return Call{}(x[0], 0, std::nullopt); },
                      [](const Arrays& x) { return x[0]; }}});
  r.result = integer_wide;
  r.scale = 4;
  r.bad = {{[] {
              return Tensors{Call{}(ones({2, 3}), 2, std::nullopt)};
            },
            "[" + name + "] got dim 2", "torch." + name + "(torch.ones(2, 3), 2)"}};
  return r;
}

Row diff_row() {
  const DTypes signed_ones = kNumber & ~only(u8);
  Row r =
      row("diff",
          {{"torch.diff(x[0])",
            {given({2, 4}, {1, 2, 4, 7, 0, 0, 3, 5})},
            [](const Tensors& x) { return diff(x[0]); },
            [](const Arrays& x) {
              return generate({2, 3}, [&](const Shape& i) {
                return at(x[0], {i[0], i[1] + 1}) - at(x[0], i);
              });
            },
            nullptr,
            kNumber},
           {"torch.diff(x[0], 2, 0)",
            {real({4, 3})},
            [](const Tensors& x) { return diff(x[0], 2, 0); },
            [](const Arrays& x) {
              return generate({2, 3}, [&](const Shape& i) {
                return at(x[0], {i[0] + 2, i[1]}) - 2 * at(x[0], {i[0] + 1, i[1]}) + at(x[0], i);
              });
            },
            nullptr,
            signed_ones},
           {"torch.diff(x[0])",
            {given(5, {0, 1, 1, 0, 1})},
            [](const Tensors& x) { return diff(x[0]); },
            [](const Arrays&) {
              return Array{4, {1, 0, 1, 1}};
            },
            nullptr,
            kBool}});
  r.scale = 1;
  r.loose = 2;
  r.bad = {{[] { return Tensors{diff(ones({}))}; }, "[diff] got 0 dimensions",
            "torch.diff(torch.ones(()))"}};
  return r;
}

Row count_row() {
  const auto set = [](const List& x) {
    return static_cast<double>(x.size()) - static_cast<double>(std::count(x.begin(), x.end(), 0.0));
  };
  static const auto count = set;
  Row r = row("count_nonzero", {{"torch.count_nonzero(x[0])",
                                 {given({2, 3}, {0, 1, 2, 0, 0, 3})},
                                 [](const Tensors& x) { return count_nonzero(x[0]); },
                                 [](const Arrays& x) { return reduce(x[0], {}, false, count); }},
                                {"torch.count_nonzero(x[0], dim=(0, -1))",
                                 {given({2, 2, 2}, {0, 1, 2, 0, 0, 3, 0, 0})},
                                 [](const Tensors& x) {
                                   return count_nonzero(x[0], {0, -1});
                                 },
                                 [](const Arrays& x) {
                                   return reduce(x[0], {0, 2}, false, count);
                                 }}});
  r.result = gives_i64;
  r.differentiable = false;
  r.bad = {{[] { return Tensors{count_nonzero(ones(3), 1)}; }, "got dim 1",
            "torch.count_nonzero(torch.ones(3), 1)"}};
  return r;
}

bool near(double a, double b, double rtol, double atol) {
  return a == b || (std::isfinite(a - b) && std::abs(a - b) <= atol + rtol * std::abs(b));
}

Row isclose_row() {
  Row r = row("isclose",
              {{"torch.isclose(x[0], x[1])",
                {given({2, 3}, {1, 2, 3, 4, 2.5, 0}), given(3, {1, 2.000001, 0})},
                [](const Tensors& x) { return isclose(x[0], x[1]); },
                [](const Arrays& x) {
                  return map(x[0], x[1], [](double a, double b) { return near(a, b, 1e-5, 1e-8); });
                }},
               {"torch.isclose(x[0], x[1], rtol=0.25, atol=1)",
                {given({2, 3}, {1, 20, 3, 4, 25, 0}), given({2, 3}, {2, 25, 0, 10, 20, 1})},
                [](const Tensors& x) { return isclose(x[0], x[1], 0.25, 1); },
                [](const Arrays& x) {
                  return map(x[0], x[1], [](double a, double b) { return near(a, b, 0.25, 1); });
                }},
               {"torch.isclose(x[0], x[1], equal_nan=True)",
                {given({2, 4}, {kNan, kInfinity, -kInfinity, 1, kNan, 0, kInfinity, kInfinity}),
                 given({2, 4}, {kNan, kInfinity, kInfinity, kInfinity, 0, kNan, kNan, 1})},
                [](const Tensors& x) { return isclose(x[0], x[1], 1e-5, 1e-8, true); },
                [](const Arrays& x) {
                  return map(x[0], x[1], [](double a, double b) {
                    return near(a, b, 1e-5, 1e-8) || (std::isnan(a) && std::isnan(b));
                  });
                },
                nullptr,
                kFloat}});
  r.cases[0].big = {real({301, 707}), real({301, 707})};
  r.result = gives_bool;
  r.differentiable = false;
  r.bad = {{[] { return Tensors{isclose(ones(2), ones(3))}; }, "[isclose] got shapes [2] and [3]",
            "torch.isclose(torch.ones(2), torch.ones(3))"},
           {[] { return Tensors{isclose(ones(2), ones(2, f64))}; },
            "[isclose] got float32 and float64, expected one dtype",
            "torch.isclose(torch.ones(2), torch.ones(2).double())"},
           {[] { return Tensors{isclose(ones(2), ones(2), -1)}; }, "[isclose] got rtol = -1",
            "torch.isclose(torch.ones(2), torch.ones(2), -1)"}};
  return r;
}

Row lerp_row() {
  Row r =
      row("lerp", {{"torch.lerp(x[0], x[1], 0.25)",
                    {real({2, 3}), real(3)},
                    [](const Tensors& x) { return lerp(x[0], x[1], 0.25); },
                    [](const Arrays& x) {
                      return map(x[0], x[1], [](double a, double b) { return a + 0.25 * (b - a); });
                    },
                    [](Tensors& x) { lerp_(x[0], x[1], 0.25); }},
                   {"torch.lerp(x[0], x[1], 0.75)",
                    {real({2, 3}), real({2, 3})},
                    [](const Tensors& x) { return lerp(x[0], x[1], 0.75); },
                    [](const Arrays& x) {
                      return map(x[0], x[1], [](double a, double b) { return a + 0.75 * (b - a); });
                    },
                    [](Tensors& x) { lerp_(x[0], x[1], 0.75); }},
                   {"torch.lerp(x[0], x[1], x[2])",
                    {real({2, 3}), real({2, 3}), real({4, 1, 3})},
                    [](const Tensors& x) { return lerp(x[0], x[1], x[2]); },
                    [](const Arrays& x) {
                      return map(x[0], x[1], x[2],
                                 [](double a, double b, double w) { return a + w * (b - a); });
                    }}});
  r.cases[2].big = {real({301, 707}), real({301, 707}), real(707)};
  r.dtypes = kFloat;
  r.scale = 4;
  r.bad = {{[] { return Tensors{lerp(ones(2), ones(3), 0.5)}; }, "[lerp] got shapes [2] and [3]",
            "torch.lerp(torch.ones(2), torch.ones(3), 0.5)"},
           {[] { return Tensors{lerp(ones(2), ones(2, f64), 0.5)}; },
            "[lerp] got a start of float32 and an end of float64",
            "torch.lerp(torch.ones(2), torch.ones(2).double(), 0.5)"}};
  return r;
}

Row round_row() {
  Row r = row("round_decimals",
              {{"torch.round(x[0], decimals=1)",
                {real({3, 4})},
                [](const Tensors& x) { return round(x[0], 1); },
                [](const Arrays& x) {
                  return map(x[0], [](double v) { return std::nearbyint(v * 10) / 10; });
                },
                [](Tensors& x) { round_(x[0], 1); }},
               {"torch.round(x[0], decimals=-2)",
                {real({2, 3}, 100, 2000)},
                [](const Tensors& x) { return round(x[0], -2); },
                [](const Arrays& x) {
                  return map(x[0], [](double v) { return std::nearbyint(v / 100) * 100; });
                },
                [](Tensors& x) { round_(x[0], -2); }}});
  r.cases[0].big = {real({301, 707})};
  r.dtypes = kFloat;
  r.bad = {{[] { return Tensors{round(ones(2, i64), 1)}; }, "[round] got int64",
            "torch.round(torch.tensor([1, 1]), decimals=1)"}};
  return r;
}

Row median_row() {
  const auto place = [](const List& x) {
    std::vector<std::size_t> order(x.size());
    std::iota(order.begin(), order.end(), 0);
    const auto less = [&](std::size_t a, std::size_t b) { return x[a] < x[b]; };
    std::stable_sort(order.begin(), order.end(), less);
    return order[(x.size() - 1) / 2];
  };
  static const auto where_ = place;
  const auto element = [](const List& x) {
    const auto nan = std::find_if(x.begin(), x.end(), [](double v) { return std::isnan(v); });
    return nan != x.end() ? *nan : x[where_(x)];
  };
  static const auto middle = element;
  const auto position = [](const List& x) {
    const auto nan = std::find_if(x.begin(), x.end(), [](double v) { return std::isnan(v); });
    return nan != x.end() ? static_cast<double>(nan - x.begin()) : static_cast<double>(where_(x));
  };
  static const auto at_ = position;
  Row r = row("median",
              {{"torch.median(x[0])",
                {real({3, 4})},
                [](const Tensors& x) { return median(x[0]); },
                [](const Arrays& x) { return reduce(x[0], {}, false, middle); }},
               {"torch.median(x[0], 1)",
                {real({3, 4, 2})},
                [](const Tensors& x) { return median(x[0], 1); },
                [](const Arrays& x) {
                  return Arrays{reduce(x[0], {1}, false, middle), reduce(x[0], {1}, false, at_)};
                }},
               {"torch.median(x[0], -1, True)",
                {given({2, 3}, {1, kNan, kNan, 4, 3, 5})},
                [](const Tensors& x) { return median(x[0], -1, true); },
                [](const Arrays& x) {
                  return Arrays{reduce(x[0], {-1}, true, middle), reduce(x[0], {-1}, true, at_)};
                },
                nullptr,
                kFloat,
                false},
               {"torch.median(x[0])",
                {given({5}, {1, kNan, 4, kNan, 5})},
                [](const Tensors& x) { return median(x[0]); },
                [](const Arrays& x) { return reduce(x[0], {}, false, middle); },
                nullptr,
                kFloat,
                false}});
  r.cases[0].big = {real({301, 707})};
  r.dtypes = kNumber;
  r.second = gives_i64;
  r.scale = 1;
  r.bad = {{[] { return Tensors{median(ones(2, boolean))}; }, "[median] got bool",
            "torch.median(torch.ones(2).bool())"},
           {[] {
              return Tensors{std::get<0>(median(ones({3, 0}), 1))};
            },
            "[median] got dim 1 of shape [3, 0]", "torch.median(torch.ones(3, 0), 1)"},
           {[] { return Tensors{median(ones(0, i64))}; }, "[median] got shape [0]"}};
  return r;
}

Row log2_row() {
  Row r = row("log2",
              {{"torch.log2(x[0])",
                {real({3, 4}, 0.5, 9)},
                [](const Tensors& x) { return log2(x[0]); },
                [](const Arrays& x) { return map(x[0], [](double v) { return std::log2(v); }); },
                [](Tensors& x) { log2_(x[0]); },
                kFloat},
               {"torch.log2(x[0])",
                {given({2, 3}, {1, 8, 2, 4, 64, 1})},
                [](const Tensors& x) { return log2(x[0]); },
                [](const Arrays& x) { return map(x[0], [](double v) { return std::log2(v); }); },
                nullptr,
                kNumber}});
  r.cases[0].big = {real({301, 707}, 0.5, 9)};
  r.result = floating_of;
  return r;
}

}  // namespace

std::vector<Row> order_rows() {
  std::vector<Row> rows;
  rows.push_back(sort_row());
  rows.push_back(argsort_row());
  rows.push_back(topk_row());
  rows.push_back(scan_row(
      "cumsum", [](const Tensor& x, Index d, std::optional<DType> t) { return cumsum(x, d, t); },
      [](Tensor& x, Index d) { cumsum_(x, d); }, [](double a, double b) { return a + b; }));
  rows.push_back(scan_row(
      "cumprod", [](const Tensor& x, Index d, std::optional<DType> t) { return cumprod(x, d, t); },
      [](Tensor& x, Index d) { cumprod_(x, d); }, [](double a, double b) { return a * b; }));
  rows.push_back(diff_row());
  rows.push_back(count_row());
  rows.push_back(isclose_row());
  rows.push_back(lerp_row());
  rows.push_back(round_row());
  rows.push_back(median_row());
  rows.push_back(log2_row());
  return rows;
}

}  // namespace weft::op_table
