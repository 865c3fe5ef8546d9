#include <algorithm>
#include <cmath>
#include <limits>

#include <weft/tests/op_table/row.h>

// Elements as members of sets, grids, triangles of matrices, numbers in place of NaN; copies side
// by side.
namespace weft::op_table {
namespace {

using List = std::vector<double>;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

Row row(const std::string& name, std::vector<Case> cases) {
  Row r;
  r.name = name;
  r.cases = std::move(cases);
  return r;
}

Array vector_of(const List& values) { return {static_cast<Index>(values.size()), values}; }

List different(List x) {
  std::sort(x.begin(), x.end());
  x.erase(std::unique(x.begin(), x.end()), x.end());
  return x;
}

double place_among(const List& values, double v) {
  return static_cast<double>(std::lower_bound(values.begin(), values.end(), v) - values.begin());
}

Row unique_row() {
  Row r = row("unique",
              {{"torch.unique(x[0], return_inverse=True)",
                {constant(given({2, 4}, {3, 1, 3, 0, 1, 1, 5, 3}))},
                [](const Tensors& x) {
                  const auto [values, inverse, counts] = unique(x[0], true);
                  return Tensors{values, inverse};
                },
                [](const Arrays& x) {
                  const List values = different(x[0].values);
                  return Arrays{vector_of(values),
                                map(x[0], [&](double v) { return place_among(values, v); })};
                }},
               {"torch.unique(x[0], return_counts=True)",
                {constant(given(8, {3, 1, 3, 0, 1, 1, 5, 3}))},
                [](const Tensors& x) {
                  const auto [values, inverse, counts] = unique(x[0], false, true);
                  return Tensors{values, counts};
                },
                [](const Arrays& x) {
                  const List values = different(x[0].values);
                  return Arrays{vector_of(values), map(vector_of(values), [&](double v) {
                                  return std::count(x[0].values.begin(), x[0].values.end(), v);
                                })};
                }},
               {"torch.unique(x[0])",
                {constant(real(9))},
                [](const Tensors& x) { return std::get<0>(unique(x[0])); },
                [](const Arrays& x) { return vector_of(different(x[0].values)); }},
               {"torch.unique(x[0], return_inverse=True, dim=0)",
                {constant(given({4, 2}, {1, 1, 0, 1, 1, 1, 1, 0}))},
                [](const Tensors& x) {
                  const auto [values, inverse, counts] = unique(x[0], 0, true, false);
                  return Tensors{values, inverse};
                },
                [](const Arrays&) {
                  return Arrays{{{3, 2}, {0, 1, 1, 0, 1, 1}}, vector_of({2, 0, 2, 1})};
                }},
               {"torch.unique(x[0], return_counts=True, dim=-1)",
                {constant(given({2, 3}, {1, 0, 1, 0, 1, 0}))},
                [](const Tensors& x) {
                  const auto [values, inverse, counts] = unique(x[0], -1, false, true);
                  return Tensors{values, counts};
                },
                [](const Arrays&) {
                  return Arrays{{{2, 2}, {0, 1, 1, 0}}, vector_of({1, 2})};
                }}});
  r.bad = {{[] {
              return Tensors{std::get<0>(unique(ones({3, 0}), 0, false, false))};
            },
            "[unique] got dim 0 of shape [3, 0]", "torch.unique(torch.ones(3, 0), dim=0)"}};
  r.second = gives_i64;
  r.differentiable = false;
  return r;
}

Row isin_row() {
  const auto among = [](const Arrays& x, bool invert) {
    const List& all = x[1].values;
    return map(x[0],
               [&](double v) { return (std::count(all.begin(), all.end(), v) > 0) != invert; });
  };
  static const auto reference = among;
  Row r = row("isin", {{"torch.isin(x[0], x[1])",
                        {given({2, 3}, {1, 2, 3, 4, 5, 0}), given({2, 2}, {4, 0, 2, 9})},
                        [](const Tensors& x) { return isin(x[0], x[1]); },
                        [](const Arrays& x) { return reference(x, false); }},
                       {"torch.isin(x[0], x[1], invert=True)",
                        {given({4}, {1, kNan, kInfinity, 2}), given(3, {kNan, 1, kInfinity})},
                        [](const Tensors& x) { return isin(x[0], x[1], true); },
                        [](const Arrays& x) { return reference(x, true); },
                        nullptr,
                        kFloat}});
  r.cases[0].dtypes = kNumber;  // PyTorch's has no bool
  r.cases[0].big = {real({301, 707}), real(1001)};
  r.result = gives_bool;
  r.differentiable = false;
  return r;
}

Row bincount_row() {
  Row r = row("bincount", {{"torch.bincount(x[0])",
                            {given(6, {1, 0, 4, 1, 1, 2})},
                            [](const Tensors& x) { return bincount(x[0]); },
                            [](const Arrays&) {
                              return vector_of({1, 3, 1, 0, 1});
                            }},
                           {"torch.bincount(x[0], minlength=3)",
                            {real(0)},
                            [](const Tensors& x) { return bincount(x[0], {}, 3); },
                            [](const Arrays&) {
                              return vector_of({0, 0, 0});
                            }}});
  r.dtypes = kInt;
  r.result = gives_i64;
  r.differentiable = false;
  r.bad = {{[] {
              return Tensors{bincount(tensor({1, -1}))};
            },
            "[bincount] got -1", "torch.bincount(torch.tensor([1, -1]))"},
           {[] {
              return Tensors{bincount(ones({2, 2}, i64))};
            },
            "[bincount] got 2 dimensions", "torch.bincount(torch.ones(2, 2).long())"}};
  return r;
}

Index position(const List& sorted, double v, bool right) {
  const auto less = [](double a, double b) { return std::isnan(b) ? !std::isnan(a) : a < b; };
  const auto found = right ? std::upper_bound(sorted.begin(), sorted.end(), v, less)
                           : std::lower_bound(sorted.begin(), sorted.end(), v, less);
  return found - sorted.begin();
}

Row searchsorted_row() {
  Row r = row("searchsorted",
              {{"torch.searchsorted(x[0], x[1])",
                {given(5, {1, 3, 3, 4, 7}), given({2, 3}, {0, 3, 9, 1, 7, 5})},
                [](const Tensors& x) { return searchsorted(x[0], x[1]); },
                [](const Arrays& x) {
                  return map(x[1], [&](double v) { return position(x[0].values, v, false); });
                }},
               {"torch.searchsorted(x[0], x[1], right=True)",
                {given({2, 3}, {1, 3, 3, 0, 2, 5}), given({2, 2}, {3, 0, 5, 1})},
                [](const Tensors& x) { return searchsorted(x[0], x[1], true); },
                [](const Arrays& x) {
                  return generate({2, 2}, [&](const Shape& i) {
                    const auto first = x[0].values.begin() + i[0] * 3;
                    return position({first, first + 3}, at(x[1], i), true);
                  });
                }},
               {"torch.searchsorted(x[0], x[1])",
                {given(3, {-kInfinity, 0, 2}), given(4, {kNan, kInfinity, -kInfinity, 1})},
                [](const Tensors& x) { return searchsorted(x[0], x[1]); },
                [](const Arrays&) {
                  return vector_of({3, 3, 0, 2});
                },
                nullptr,
                kFloat}});
  r.cases[0].big = {given(5, {1, 3, 3, 4, 7}), real({301, 707}, 0, 9)};
  r.result = gives_i64;
  r.differentiable = false;
  r.bad = {{[] {
              return Tensors{searchsorted(ones({2, 3}), ones(3))};
            },
            "[searchsorted] got a sequence of shape [2, 3] and values of [3]",
            "torch.searchsorted(torch.ones(2, 3), torch.ones(3))"}};
  return r;
}

Row bucketize_row() {
  Row r = row("bucketize", {{"torch.bucketize(x[0], x[1], right=True)",
                             {given({2, 3}, {0, 3, 9, 1, 7, 5}), given(4, {1, 3, 4, 7})},
                             [](const Tensors& x) { return bucketize(x[0], x[1], true); },
                             [](const Arrays& x) {
                               return map(x[0],
                                          [&](double v) { return position(x[1].values, v, true); });
                             }}});
  r.result = gives_i64;
  r.differentiable = false;
  r.bad = {{[] {
              return Tensors{bucketize(ones(3), ones({2, 3}))};
            },
            "[bucketize] got boundaries of 2 dimensions",
            "torch.bucketize(torch.ones(3), torch.ones(2, 3))"}};
  return r;
}

Row meshgrid_row() {
  Row r = row(
      "meshgrid",
      {{"torch.meshgrid(x[0], x[1], indexing='ij')",
        {real(2), real(3)},
        [](const Tensors& x) {
          return meshgrid({x[0], x[1]});
        },
        [](const Arrays& x) {
          return Arrays{generate({2, 3}, [&](const Shape& i) { return at(x[0], Shape{i[0]}); }),
                        generate({2, 3}, [&](const Shape& i) { return at(x[1], Shape{i[1]}); })};
        }},
       {"torch.meshgrid(x[0], x[1], x[2], indexing='xy')",
        {real(2), real({}), real(3)},
        [](const Tensors& x) {
          return meshgrid({x[0], x[1], x[2]}, "xy");
        },
        [](const Arrays& x) {
          const Shape sizes{1, 2, 3};
          return Arrays{generate(sizes, [&](const Shape& i) { return at(x[0], Shape{i[1]}); }),
                        generate(sizes, [&](const Shape&) { return x[1].values[0]; }),
                        generate(sizes, [&](const Shape& i) { return at(x[2], Shape{i[2]}); })};
        }}});
  r.bad = {{[] {
              return Tensors{meshgrid({ones({2, 2})})[0]};
            },
            "[meshgrid] got a tensor of 2", "torch.meshgrid(torch.ones(2, 2), indexing='ij')"},
           {[] {
              return Tensors{meshgrid({ones(2), ones(2, f64)})[0]};
            },
            "[meshgrid] got float32 and float64",
            "torch.meshgrid(torch.ones(2), torch.ones(2).double(), indexing='ij')"}};
  return r;
}

template <class Call, class Change>
Row triangle_row(const std::string& name, Call, Change, bool lower) {
  static const bool below = lower;
  const auto triangle = [](const Array& x, Index diagonal) {
    return generate(x.sizes, [&](const Shape& i) {
      const int n = i.size();
      const Index right = i[n - 1] - i[n - 2];
      return (below ? right <= diagonal : right >= diagonal) ? at(x, i) : 0;
    });
  };
  static const auto kept = triangle;
  Row r = row(name, {{"torch." + name + "(x[0])",
                      {real({3, 4})},
                      [](const Tensors& x) { return Call{}(x[0], 0); },
                      [](const Arrays& x) { return kept(x[0], 0); },
                      [](Tensors& x) { Change{}(x[0], 0); }},
                     {"torch." + name + "(x[0], diagonal=1)",
                      {real({2, 4, 3})},
                      [](const Tensors& x) { return Call{}(x[0], 1); },
                      [](const Arrays& x) { return kept(x[0], 1); },
                      [](Tensors& x) { Change{}(x[0], 1); }},
                     {"torch." + name + "(x[0], -9)",
                      {real({2, 3})},
                      [](const Tensors& x) { return Call{}(x[0], -9); },
                      [](const Arrays& x) { return kept(x[0], -9); },
                      [](Tensors& x) { Change{}(x[0], -9); }}});
  r.cases[0].big = {real({301, 707})};
  r.bad = {{[] { return Tensors{Call{}(ones(3), 0)}; }, "[" + name + "] got 1 dimensions",
            "torch." + name + "(torch.ones(3))"}};
  return r;
}

template <class Call>
Row triangle_indices_row(const std::string& name, Call, const Array& expected) {
  static const Array result = expected;
  Row r = row(name, {{"torch." + name + "(3, 2, -1)",
                      {},
                      [](const Tensors&) { return Call{}(3, 2, -1); },
                      [](const Arrays&) { return result; }}});
  r.result = gives_i64;
  r.differentiable = false;
  r.bad = {{[] { return Tensors{Call{}(-1, 2, 0)}; }, "[" + name + "] got -1 rows",
            "torch." + name + "(-1, 2)"}};
  return r;
}

template <class Call>
Row at_least_row(const std::string& name, Call, const Shape& number, const Shape& vector) {
  static const Shape of_number = number, of_vector = vector;
  return row(name, {{"torch." + name + "(x[0])",
                     {real({})},
                     [](const Tensors& x) { return Call{}(x[0]); },
                     [](const Arrays& x) { return reshaped(x[0], of_number); }},
                    {"torch." + name + "(x[0])",
                     {real(3)},
                     [](const Tensors& x) { return Call{}(x[0]); },
                     [](const Arrays& x) { return reshaped(x[0], of_vector); }},
                    {"torch." + name + "(x[0])",
                     {real({2, 1, 3})},
                     [](const Tensors& x) { return Call{}(x[0]); },
                     [](const Arrays& x) { return x[0]; }}});
}

Row nan_to_num_row() {
  Row r = row("nan_to_num", {{"torch.nan_to_num(x[0], 2, 3, -4)",
                              {given({2, 3}, {1, kNan, kInfinity, -kInfinity, -2, 0})},
                              [](const Tensors& x) { return nan_to_num(x[0], 2, 3, -4); },
                              [](const Arrays& x) {
                                return map(x[0], [](double v) {
                                  return std::isnan(v) ? 2 : std::isinf(v) ? (v > 0 ? 3 : -4) : v;
                                });
                              },
                              [](Tensors& x) { nan_to_num_(x[0], 2, 3, -4); },
                              kFloat,
                              false},
                             {"torch.nan_to_num(x[0])",
                              {real({3, 4})},
                              [](const Tensors& x) { return nan_to_num(x[0]); },
                              [](const Arrays& x) { return x[0]; }}});
  r.cases[1].big = {real({301, 707})};
  return r;
}

// x with each dim so many times, of the sizes that repeats has.
Array repeated(const Array& x, const Shape& repeats) {
  Shape sizes = repeats;
  const int extra = repeats.size() - x.sizes.size();
  for (int d = extra; d < sizes.size(); ++d) sizes[d] *= x.sizes[d - extra];
  return generate(sizes, [&](const Shape& i) {
    Shape from;
    for (int d = extra; d < i.size(); ++d) from.push_back(i[d] % x.sizes[d - extra]);
    return at(x, from);
  });
}

Row repeat_row() {
  Row r = row("repeat", {{"x[0].repeat(2, 3)",
                          {real({2, 3})},
                          [](const Tensors& x) {
                            return repeat(x[0], {2, 3});
                          },
                          [](const Arrays& x) {
                            return repeated(x[0], {2, 3});
                          }},
                         {"x[0].repeat((2, 1, 2))",
                          {real({3, 2})},
                          [](const Tensors& x) {
                            return repeat(x[0], {2, 1, 2});
                          },
                          [](const Arrays& x) {
                            return repeated(x[0], {2, 1, 2});
                          }},
                         {"x[0].repeat(1, 0)",
                          {real({2, 3})},
                          [](const Tensors& x) {
                            return repeat(x[0], {1, 0});
                          },
                          [](const Arrays& x) {
                            return repeated(x[0], {1, 0});
                          }},
                         {"x[0].repeat(1)",
                          {real(3)},
                          [](const Tensors& x) { return repeat(x[0], 1); },
                          [](const Arrays& x) { return x[0]; }},
                         {"x[0].repeat(3)",
                          {real({})},
                          [](const Tensors& x) { return repeat(x[0], 3); },
                          [](const Arrays& x) { return repeated(x[0], 3); }}});
  r.bad = {{[] {
              return Tensors{repeat(ones({2, 2}), 2)};
            },
            "[repeat] got repeats [2]", "torch.ones(2, 2).repeat(2)"},
           {[] { return Tensors{repeat(ones(2), -1)}; }, "[repeat] got repeats [-1]",
            "torch.ones(2).repeat(-1)"}};
  return r;
}

Row tile_row() {
  Row r = row("tile", {{"torch.tile(x[0], (2,))",
                        {real({2, 3})},
                        [](const Tensors& x) { return tile(x[0], 2); },
                        [](const Arrays& x) {
                          return repeated(x[0], {1, 2});
                        }},
                       {"torch.tile(x[0], (2, 1, 2))",
                        {real({2, 3})},
                        [](const Tensors& x) {
                          return tile(x[0], {2, 1, 2});
                        },
                        [](const Arrays& x) {
                          return repeated(x[0], {2, 1, 2});
                        }}});
  r.bad = {{[] { return Tensors{tile(ones(2), -1)}; }, "[tile] got repeats [-1]",
            "torch.tile(torch.ones(2), (-1,))"}};
  return r;
}

Row roll_row() {
  Row r = row("roll", {{"torch.roll(x[0], 2)",
                        {real({2, 3})},
                        [](const Tensors& x) { return roll(x[0], 2); },
                        [](const Arrays& x) {
                          return generate({2, 3}, [&](const Shape& i) {
                            return x[0].values[static_cast<std::size_t>((i[0] * 3 + i[1] + 4) % 6)];
                          });
                        }},
                       {"torch.roll(x[0], (1, -2), (0, 1))",
                        {real({3, 5})},
                        [](const Tensors& x) {
                          return roll(x[0], {1, -2}, {0, 1});
                        },
                        [](const Arrays& x) {
                          return generate({3, 5}, [&](const Shape& i) {
                            return at(x[0], {(i[0] + 2) % 3, (i[1] + 2) % 5});
                          });
                        }},
                       {"torch.roll(x[0], 6, dims=-1)",
                        {real({2, 3})},
                        [](const Tensors& x) { return roll(x[0], 6, -1); },
                        [](const Arrays& x) { return x[0]; }},
                       {"torch.roll(x[0], 1)",
                        {real({})},
                        [](const Tensors& x) { return roll(x[0], 1); },
                        [](const Arrays& x) { return x[0]; }},
                       {"torch.roll(x[0], 1, 0)",
                        {real({0, 3})},
                        [](const Tensors& x) { return roll(x[0], 1, 0); },
                        [](const Arrays& x) { return x[0]; }}});
  r.bad = {{[] {
              return Tensors{roll(ones(2), 1, {0, 0})};
            },
            "[roll] got 1 shifts and 2 dims", "torch.roll(torch.ones(2), 1, (0, 0))"},
           {[] { return Tensors{roll(ones(2), 1, 1)}; }, "[roll] got dim 1",
            "torch.roll(torch.ones(2), 1, 1)"},
           {[] { return Tensors{roll(ones({}), 1, 0)}; }, "[roll] got dims [0] of 0 dimensions",
            "torch.roll(torch.ones(()), 1, 0)"}};
  return r;
}

}  // namespace

std::vector<Row> sets_rows() {
  std::vector<Row> rows;
  rows.push_back(unique_row());
  rows.push_back(isin_row());
  rows.push_back(bincount_row());
  rows.push_back(searchsorted_row());
  rows.push_back(bucketize_row());
  rows.push_back(meshgrid_row());
  rows.push_back(triangle_row(
      "tril", [](const Tensor& x, Index d) { return tril(x, d); },
      [](Tensor& x, Index d) { tril_(x, d); }, true));
  rows.push_back(triangle_row(
      "triu", [](const Tensor& x, Index d) { return triu(x, d); },
      [](Tensor& x, Index d) { triu_(x, d); }, false));
  rows.push_back(triangle_indices_row(
      "tril_indices", [](Index r, Index c, Index o) { return tril_indices(r, c, o); },
      {{2, 3}, {1, 2, 2, 0, 0, 1}}));
  rows.push_back(triangle_indices_row(
      "triu_indices", [](Index r, Index c, Index o) { return triu_indices(r, c, o); },
      {{2, 5}, {0, 0, 1, 1, 2, 0, 1, 0, 1, 1}}));
  rows.push_back(at_least_row(
      "atleast_1d", [](const Tensor& x) { return atleast_1d(x); }, 1, 3));
  rows.push_back(
      at_least_row("atleast_2d", [](const Tensor& x) { return atleast_2d(x); }, {1, 1}, {1, 3}));
  rows.push_back(at_least_row("atleast_3d", [](const Tensor& x) { return atleast_3d(x); },
                              {1, 1, 1}, {1, 3, 1}));
  rows.push_back(nan_to_num_row());
  rows.push_back(repeat_row());
  rows.push_back(tile_row());
  rows.push_back(roll_row());
  return rows;
}

}  // namespace weft::op_table
