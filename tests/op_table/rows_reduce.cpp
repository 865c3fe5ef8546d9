#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include <weft/tests/op_table/row.h>

namespace weft::op_table {
namespace {

using List = std::vector<double>;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

double total(const List& x) { return std::accumulate(x.begin(), x.end(), 0.0); }
double mean_of(const List& x) { return total(x) / static_cast<double>(x.size()); }
double spread_of(const List& x, double correction) {
  double sum = 0;
  for (double v : x) sum += (v - mean_of(x)) * (v - mean_of(x));
  return sum / std::max(static_cast<double>(x.size()) - correction, 0.0);
}
double norm_of(const List& x, double p) {
  double sum = 0, most = 0, least = std::numeric_limits<double>::infinity();
  for (double v : x) {
    sum += p == 0 ? v != 0 : std::pow(std::abs(v), p);
    most = std::max(most, std::abs(v));
    least = std::min(least, std::abs(v));
  }
  return p == 0 ? sum : std::isinf(p) ? (p > 0 ? most : least) : std::pow(sum, 1 / p);
}
// The first of the largest; NaN is larger than all.
double place_of_max(const List& x) {
  std::size_t best = 0;
  for (std::size_t i = 1; i < x.size(); ++i)
    if (!std::isnan(x[best]) && (std::isnan(x[i]) || x[i] > x[best])) best = i;
  return static_cast<double>(best);
}
List negated(List x) {
  for (double& v : x) v = -v;
  return x;
}
double place_of_min(const List& x) { return place_of_max(negated(x)); }
double max_of(const List& x) { return x[static_cast<std::size_t>(place_of_max(x))]; }
double min_of(const List& x) { return x[static_cast<std::size_t>(place_of_min(x))]; }
double log_sum_exp(const List& x) {
  double sum = 0;
  for (double v : x) sum += std::exp(v);
  return std::log(sum);
}

double product_of(const List& x) {
  return std::accumulate(x.begin(), x.end(), 1.0, [](double a, double b) { return a * b; });
}

struct Setting {
  DTypes dtypes = kAll;
  ResultType result = same_dtype;
  bool empty_too = true;
};

// A row for x.name(dims, keepdim): over all, one, the last and two dims.
template <class Call, class F>
Row row(const std::string& name, Call, F, const Setting& s) {
  Row r;
  r.name = name;
  r.dtypes = s.dtypes;
  r.result = s.result;
  r.scale = 4;
  const std::string head = "torch." + name + "(x[0]";
  r.cases.push_back({head + ")",
                     {real({3, 4})},
                     [](const Tensors& x) { return Call{}(x[0], Shape{}, false); },
                     [](const Arrays& x) { return reduce(x[0], {}, false, F{}); }});
  r.cases.push_back({head + ", dim=1)",
                     {real({3, 4, 2})},
                     [](const Tensors& x) { return Call{}(x[0], Shape{1}, false); },
                     [](const Arrays& x) { return reduce(x[0], {1}, false, F{}); }});
  r.cases.push_back({head + ", dim=-1, keepdim=True)",
                     {real({2, 2, 5})},
                     [](const Tensors& x) { return Call{}(x[0], Shape{-1}, true); },
                     [](const Arrays& x) { return reduce(x[0], {-1}, true, F{}); }});
  r.cases.push_back({head + ", dim=(0, 2))",
                     {real({2, 3, 2, 3})},
                     [](const Tensors& x) {
                       return Call{}(x[0], Shape{0, 2}, false);
                     },
                     [](const Arrays& x) {
                       return reduce(x[0], {0, 2}, false, F{});
                     }});
  r.cases.push_back({head + ")",
                     {real({})},
                     [](const Tensors& x) { return Call{}(x[0], Shape{}, false); },
                     [](const Arrays& x) { return reduce(x[0], {}, false, F{}); }});
  if (s.empty_too) {
    r.cases.push_back({head + ", dim=0)",
                       {real({0, 3})},
                       [](const Tensors& x) { return Call{}(x[0], Shape{0}, false); },
                       [](const Arrays& x) { return reduce(x[0], {0}, false, F{}); }});
  }
  r.cases[0].big = {real({301, 707})};
  r.cases[1].big = {real({41, 203, 31})};
  r.cases[2].big = {real({11, 97, 205})};
  r.bad = {{[] {
              return Tensors{Call{}(ones({2, 3}), Shape{2}, false)};
            },
            "[" + name + "] got ", "torch." + name + "(torch.ones(2, 3), dim=2)"}};
  return r;
}

Case nan_case(Case c) {
  c.inputs = {given({2, 3}, {1, kNan, 2, 4, 3, 4})};
  c.torch = c.torch.substr(0, c.torch.find(',')) + ", dim=1)";
  c.dtypes = kFloat;
  c.smooth = false;
  c.big.clear();
  return c;
}

std::vector<Row> sums() {
  std::vector<Row> rows;
  const Setting wide{kAll, integer_wide, true}, floats{kFloat, same_dtype, true};
  rows.push_back(row(
      "sum", [](const Tensor& x, const Shape& d, bool k) { return x.sum(d, k); },
      [](const List& x) { return total(x); }, wide));
  rows.back().cases.push_back({"torch.sum(x[0], dim=0, dtype=torch.float64)",
                               {real({3, 2})},
                               [](const Tensors& x) { return x[0].sum({0}, false, f64); },
                               [](const Arrays& x) {
                                 return reduce(x[0], {0}, false,
                                               [](const List& l) { return total(l); });
                               },
                               nullptr,
                               only(f64)});
  rows.back().bad.push_back({[] {
                               return Tensors{ones({2, 3}).sum({0, 0})};
                             },
                             "[sum] got ", "torch.sum(torch.ones(2, 3), dim=(0, 0))"});
  rows.push_back(row(
      "mean", [](const Tensor& x, const Shape& d, bool k) { return x.mean(d, k); },
      [](const List& x) { return mean_of(x); }, floats));
  rows.push_back(row(
      "var", [](const Tensor& x, const Shape& d, bool k) { return x.var(d, 1, k); },
      [](const List& x) { return spread_of(x, 1); }, floats));
  rows.back().cases.push_back({"torch.var(x[0], dim=1, correction=0)",
                               {real({2, 4})},
                               [](const Tensors& x) { return x[0].var({1}, 0); },
                               [](const Arrays& x) {
                                 return reduce(x[0], {1}, false,
                                               [](const List& l) { return spread_of(l, 0); });
                               }});
  rows.push_back(row(
      "std", [](const Tensor& x, const Shape& d, bool k) { return x.std(d, 1, k); },
      [](const List& x) { return std::sqrt(spread_of(x, 1)); }, floats));
  // The root of a variance of 0 or NaN has no slope.
  for (Row* r : {&rows[2], &rows[3]})
    for (Case& c : r->cases) c.smooth = c.inputs[0].sizes.size() > 0;
  for (Case& c : rows[3].cases) c.smooth = c.smooth && count(c.inputs[0].sizes) > 0;
  return rows;
}

Row prod_row() {
  Row r = row(
      "prod", [](const Tensor& x, const Shape& d, bool k) { return x.prod(d, k); },
      [](const List& x) { return product_of(x); }, {kAll, integer_wide, true});
  r.cases[3].torch = "torch.prod(torch.prod(x[0], 2), 0)";  // it takes one dim
  r.cases[3].python = "torch.prod(x[0], dim=(0, 2))";
  Case zeros = r.cases[1];
  zeros.inputs = {given({3, 3}, {0, 2, 3, 0, 0, 1.5, 1, -2, 0.5})};
  zeros.dtypes = kFloat;
  zeros.big.clear();
  r.cases.push_back(zeros);
  return r;
}

template <class F>
Case norm_case(const std::string& p, const Function<Tensor>& call, F) {
  Case c = {"torch.norm(x[0], " + p + ", dim=1)", {real({3, 4})}, call, [](const Arrays& x) {
              return reduce(x[0], {1}, false, F{});
            }};
  return c;
}

Row norms() {
  Row r = row(
      "norm", [](const Tensor& x, const Shape& d, bool k) { return x.norm(2, d, k); },
      [](const List& x) { return norm_of(x, 2); }, {kFloat, same_dtype, true});
  r.cases.push_back(norm_case(
      "1", [](const Tensors& x) { return x[0].norm(1, {1}); },
      [](const List& x) { return norm_of(x, 1); }));
  r.cases.push_back(norm_case(
      "3", [](const Tensors& x) { return x[0].norm(3, {1}); },
      [](const List& x) { return norm_of(x, 3); }));
  r.cases.push_back(norm_case(
      "0", [](const Tensors& x) { return x[0].norm(0, {1}); },
      [](const List& x) { return norm_of(x, 0); }));
  r.cases.push_back(norm_case(
      "float('inf')",
      [](const Tensors& x) { return x[0].norm(std::numeric_limits<double>::infinity(), {1}); },
      [](const List& x) { return norm_of(x, std::numeric_limits<double>::infinity()); }));
  r.cases.push_back(norm_case(
      "-float('inf')",
      [](const Tensors& x) { return x[0].norm(-std::numeric_limits<double>::infinity(), {1}); },
      [](const List& x) { return norm_of(x, -std::numeric_limits<double>::infinity()); }));
  return r;
}

std::vector<Row> extremes() {
  std::vector<Row> rows;
  rows.push_back(row(
      "amax", [](const Tensor& x, const Shape& d, bool k) { return x.amax(d, k); },
      [](const List& x) { return max_of(x); }, {kAll, same_dtype, false}));
  rows.push_back(row(
      "amin", [](const Tensor& x, const Shape& d, bool k) { return x.amin(d, k); },
      [](const List& x) { return min_of(x); }, {kAll, same_dtype, false}));
  for (Row& r : rows) {
    r.cases.push_back(nan_case(r.cases[1]));
    r.cases.front().big = {real({301, 707})};
  }
  rows[0].bad.push_back(
      {[] { return Tensors{zeros(0).amax()}; }, "[amax] got ", "torch.amax(torch.zeros(0))"});
  return rows;
}

template <class All, class Along, class F, class Place>
Row chooser(const std::string& name, All, Along, F, Place) {
  Row r;
  r.name = name;
  r.scale = 1;
  r.second = gives_i64;
  const std::string head = "torch." + name + "(x[0]";
  r.cases.push_back({head + ")",
                     {real({3, 4})},
                     [](const Tensors& x) { return All{}(x[0]); },
                     [](const Arrays& x) { return reduce(x[0], {}, false, F{}); }});
  r.cases.push_back(
      {head + ", 1)",
       {real({3, 4, 2})},
       [](const Tensors& x) { return Along{}(x[0], 1, false); },
       [](const Arrays& x) {
         return Arrays{reduce(x[0], {1}, false, F{}), reduce(x[0], {1}, false, Place{})};
       }});
  r.cases.push_back(
      {head + ", -1, True)",
       {real({2, 2, 5})},
       [](const Tensors& x) { return Along{}(x[0], -1, true); },
       [](const Arrays& x) {
         return Arrays{reduce(x[0], {-1}, true, F{}), reduce(x[0], {-1}, true, Place{})};
       }});
  r.cases[0].big = {real({301, 707})};
  r.cases[1].big = {real({41, 203, 31})};
  Case nan = r.cases[2];
  nan.inputs = {given({2, 3}, {1, kNan, kNan, 4, 3, 4})};
  nan.dtypes = kFloat;
  nan.smooth = false;
  r.cases.push_back(nan);
  nan.call = r.cases[0].call;
  nan.reference = r.cases[0].reference;
  nan.torch = r.cases[0].torch;
  r.cases.push_back(nan);
  return r;
}

template <class Call, class Place>
Row arg_row(const std::string& name, Call, Place) {
  Row r;
  r.name = name;
  r.result = gives_i64;
  r.differentiable = false;
  const std::string head = "torch." + name + "(x[0]";
  r.cases.push_back({head + ")",
                     {real({3, 4})},
                     [](const Tensors& x) { return Call{}(x[0], std::nullopt, false); },
                     [](const Arrays& x) { return reduce(x[0], {}, false, Place{}); }});
  r.cases.push_back({head + ", 0, True)",
                     {real({5, 3})},
                     [](const Tensors& x) { return Call{}(x[0], 0, true); },
                     [](const Arrays& x) { return reduce(x[0], {0}, true, Place{}); }});
  r.cases[0].big = {real({301, 707})};
  r.cases[1].big = {real({707, 301})};
  r.bad = {{[] {
              return Tensors{Call{}(ones({2, 3}), 2, false)};
            },
            "[" + name + "] got ", "torch." + name + "(torch.ones(2, 3), 2)"},
           {[] { return Tensors{Call{}(zeros(0), std::nullopt, false)}; }, "[" + name + "] got ",
            "torch." + name + "(torch.zeros(0))"}};
  return r;
}

DType u8_or_bool(DType t) { return t == u8 ? u8 : boolean; }

std::vector<Row> truths() {
  std::vector<Row> rows;
  rows.push_back(row(
      "all",
      [](const Tensor& x, const Shape& d, bool k) {
        return d.empty() && x.dim() > 0 ? x.all(std::nullopt, k) : x.all(d, k);
      },
      [](const List& x) {
        return std::all_of(x.begin(), x.end(), [](double v) { return v != 0; });
      },
      {kAll, u8_or_bool, true}));
  rows.push_back(row(
      "any",
      [](const Tensor& x, const Shape& d, bool k) {
        return d.empty() && x.dim() > 0 ? x.any(std::nullopt, k) : x.any(d, k);
      },
      [](const List& x) {
        return std::any_of(x.begin(), x.end(), [](double v) { return v != 0; });
      },
      {kAll, u8_or_bool, true}));
  for (Row& r : rows) r.differentiable = false;
  for (Row& r : rows) {
    r.cases.push_back(
        {"torch." + r.name + "(x[0], dim=())", {real({2, 3})}, {}, [](const Arrays& x) {
           return map(x[0], [](double v) { return v != 0; });
         }});
  }
  rows[0].cases.back().call = [](const Tensors& x) { return x[0].all(Shape()); };
  rows[1].cases.back().call = [](const Tensors& x) { return x[0].any(Shape()); };
  rows.push_back(row(
      "logsumexp",
      [](const Tensor& x, const Shape& d, bool k) {
        return x.logsumexp(d.empty() && x.dim() > 0 ? Shape{0, 1} : d, k);
      },
      [](const List& x) { return log_sum_exp(x); }, {kAll, floating_of, false}));
  rows.back().cases[0].torch = "torch.logsumexp(x[0], (0, 1))";
  rows.back().cases.erase(rows.back().cases.begin() + 4);
  return rows;
}

}  // namespace

std::vector<Row> reduce_rows() {
  std::vector<Row> rows = sums();
  rows.push_back(prod_row());
  rows.push_back(norms());
  for (auto* more : {extremes, truths})
    for (Row& r : more()) rows.push_back(std::move(r));
  rows.push_back(chooser(
      "max", [](const Tensor& x) { return x.max(); },
      [](const Tensor& x, Index d, bool k) { return x.max(d, k); },
      [](const List& x) { return max_of(x); }, [](const List& x) { return place_of_max(x); }));
  rows.push_back(chooser(
      "min", [](const Tensor& x) { return x.min(); },
      [](const Tensor& x, Index d, bool k) { return x.min(d, k); },
      [](const List& x) { return min_of(x); }, [](const List& x) { return place_of_min(x); }));
  rows.push_back(arg_row(
      "argmax", [](const Tensor& x, std::optional<Index> d, bool k) { return x.argmax(d, k); },
      [](const List& x) { return place_of_max(x); }));
  rows.push_back(arg_row(
      "argmin", [](const Tensor& x, std::optional<Index> d, bool k) { return x.argmin(d, k); },
      [](const List& x) { return place_of_min(x); }));
  return rows;
}

}  // namespace weft::op_table
