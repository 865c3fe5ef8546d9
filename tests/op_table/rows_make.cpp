#include <weft/tests/op_table/row.h>

// Functions that make tensors. Random ones have no reference here (tests/core, tests/cpu), but the
// generic tests still ask them for the same bits.
namespace weft::op_table {
namespace {

DType as_i64(DType) { return i64; }
DType as_f32(DType) { return f32; }

Row row(const std::string& name, ResultType result, std::vector<Case> cases) {
  Row r;
  r.name = name;
  r.result = result;
  r.differentiable = false;
  r.cases = std::move(cases);
  return r;
}

Array filled(const Shape& sizes, double v) {
  return generate(sizes, [v](const Shape&) { return v; });
}

template <class F>
Row random_row(const std::string& name, ResultType result, F, const std::string& python) {
  Row r = row(name, result, {{"", {}, [](const Tensors&) {
                                manual_seed(7);
                                return F{}();
                              }}});
  r.cases[0].python = "(torch.manual_seed(7), " + python + ")[1]";
  return r;
}

std::vector<Row> constants() {
  std::vector<Row> rows;
  Row r = row("empty", as_f32, {{"torch.empty(2, 3).zero_()", {}, [](const Tensors&) {
                                   return empty({2, 3}).zero_();
                                 }}});
  r.bad = {{[] {
              return Tensors{empty({2, -3})};
            },
            "[empty] got ", "torch.empty(2, -3)"},
           {[] {
              return Tensors{empty({Index{1} << 40, Index{1} << 40})};
            },
            "[empty] got ", "torch.empty(1 << 40, 1 << 40)"}};
  rows.push_back(r);
  rows.push_back(row("zeros", as_f32,
                     {{"torch.zeros(2, 3)",
                       {},
                       [](const Tensors&) {
                         return zeros({2, 3});
                       },
                       [](const Arrays&) {
                         return filled({2, 3}, 0);
                       }}}));
  rows.push_back(row("ones", as_f32,
                     {{"torch.ones(2, 3)",
                       {},
                       [](const Tensors&) {
                         return ones({2, 3});
                       },
                       [](const Arrays&) {
                         return filled({2, 3}, 1);
                       }}}));
  rows.push_back(row("full", as_i64,
                     {{"torch.full((2, 3), 7)",
                       {},
                       [](const Tensors&) {
                         return full({2, 3}, 7);
                       },
                       [](const Arrays&) {
                         return filled({2, 3}, 7);
                       }}}));
  rows.push_back(row("zeros_like", same_dtype,
                     {{"torch.zeros_like(x[0])",
                       {real({2, 3})},
                       [](const Tensors& x) { return zeros_like(x[0]); },
                       [](const Arrays& x) { return filled(x[0].sizes, 0); }}}));
  rows.push_back(row("ones_like", same_dtype,
                     {{"torch.ones_like(x[0])",
                       {real({2, 3})},
                       [](const Tensors& x) { return ones_like(x[0]); },
                       [](const Arrays& x) { return filled(x[0].sizes, 1); }}}));
  rows.push_back(row("full_like", same_dtype,
                     {{"torch.full_like(x[0], 3)",
                       {real({2, 3})},
                       [](const Tensors& x) { return full_like(x[0], 3); },
                       [](const Arrays& x) { return filled(x[0].sizes, 3); },
                       nullptr,
                       kNumber}}));
  rows.push_back(row("empty_like", same_dtype,
                     {{"torch.empty_like(x[0]).zero_()", {real({2, 3})}, [](const Tensors& x) {
                         return empty_like(x[0]).zero_();
                       }}}));
  rows.push_back(row("fill_", same_dtype,
                     {{"x[0].clone().fill_(3)",
                       {real({2, 3})},
                       [](const Tensors& x) { return x[0].clone().fill_(3); },
                       [](const Arrays& x) { return filled(x[0].sizes, 3); },
                       [](Tensors& x) { x[0].fill_(3); },
                       kNumber}}));
  rows.back().differentiable = true;
  rows.push_back(row("zero_", same_dtype,
                     {{"x[0].clone().zero_()",
                       {real({2, 3})},
                       [](const Tensors& x) { return x[0].clone().zero_(); },
                       [](const Arrays& x) { return filled(x[0].sizes, 0); },
                       [](Tensors& x) { x[0].zero_(); }}}));
  rows.back().differentiable = true;
  rows.push_back(row("tensor", as_f32,
                     {{"torch.tensor([[1.5, 2.0], [3.0, 4.0]])",
                       {},
                       [](const Tensors&) {
                         return tensor({{1.5, 2.0}, {3.0, 4.0}});
                       },
                       [](const Arrays&) {
                         return Array{{2, 2}, {1.5, 2, 3, 4}};
                       }}}));
  rows.back().bad = {{[] {
                        return Tensors{tensor({{1, 2}, {3}})};
                      },
                      "[tensor] got ", "torch.tensor([[1, 2], [3]])"}};
  rows.push_back(row("from_blob", as_f32,
                     {{"torch.tensor([1.0, 2.0])",
                       {},
                       [](const Tensors&) {
                         static float memory[] = {1, 2};
                         return from_blob(memory, 2).clone();
                       },
                       [](const Arrays&) {
                         return Array{2, {1, 2}};
                       }}}));
  return rows;
}

std::vector<Row> ranges() {
  std::vector<Row> rows;
  rows.push_back(row("arange", as_i64,
                     {{"torch.arange(5)",
                       {},
                       [](const Tensors&) { return arange(5); },
                       [](const Arrays&) {
                         return Array{5, {0, 1, 2, 3, 4}};
                       }},
                      {"torch.arange(7, -2, -3)",
                       {},
                       [](const Tensors&) { return arange(7, -2, -3); },
                       [](const Arrays&) {
                         return Array{3, {7, 4, 1}};
                       }}}));
  rows.back().bad = {
      {[] { return Tensors{arange(0, 5, 0)}; }, "[arange] got ", "torch.arange(0, 5, 0)"},
      {[] { return Tensors{arange(0, 5, -1)}; }, "[arange] got ", "torch.arange(0, 5, -1)"}};
  rows.push_back(row("linspace", as_f32,
                     {{"torch.linspace(-1, 1, 5)",
                       {},
                       [](const Tensors&) { return linspace(-1, 1, 5); },
                       [](const Arrays&) {
                         return Array{5, {-1, -0.5, 0, 0.5, 1}};
                       }}}));
  rows.back().bad = {
      {[] { return Tensors{linspace(0, 1, -1)}; }, "[linspace] got ", "torch.linspace(0, 1, -1)"}};
  rows.push_back(row("eye", as_f32,
                     {{"torch.eye(2, 3)",
                       {},
                       [](const Tensors&) { return eye(2, 3); },
                       [](const Arrays&) {
                         return generate({2, 3}, [](const Shape& i) { return i[0] == i[1]; });
                       }}}));
  rows.back().bad = {{[] { return Tensors{eye(-1)}; }, "got", "torch.eye(-1)"}};
  return rows;
}

std::vector<Row> random_numbers() {
  std::vector<Row> rows;
  rows.push_back(random_row(
      "rand", as_f32,
      [] {
        return rand({300, 301});
      },
      "torch.rand(300, 301)"));
  rows.push_back(random_row(
      "randn", as_f32,
      [] {
        return randn({300, 301});
      },
      "torch.randn(300, 301)"));
  rows.push_back(random_row(
      "randint", as_i64,
      [] {
        return randint(-5, 9, {300, 301});
      },
      "torch.randint(-5, 9, (300, 301))"));
  rows.back().bad = {{[] { return Tensors{randint(3, 3, 2)}; }, "[randint] got [3, 3)",
                      "torch.randint(3, 3, (2,))"}};
  rows.push_back(random_row(
      "randperm", as_i64, [] { return randperm(1000); }, "torch.randperm(1000)"));
  rows.back().bad = {
      {[] { return Tensors{randperm(-1)}; }, "[randperm] got n = -1", "torch.randperm(-1)"}};
  rows.push_back(random_row(
      "rand_like", as_f32,
      [] {
        return rand_like(zeros({20, 31}));
      },
      "torch.rand_like(torch.zeros(20, 31))"));
  rows.push_back(random_row(
      "randn_like", as_f32,
      [] {
        return randn_like(zeros({20, 31}));
      },
      "torch.randn_like(torch.zeros(20, 31))"));
  rows.push_back(random_row(
      "uniform_", as_f32,
      [] {
        Tensor x = zeros({300, 301});
        return uniform_(x, -1, 2);
      },
      "torch.zeros(300, 301).uniform_(-1, 2)"));
  rows.push_back(random_row(
      "normal_", as_f32,
      [] {
        Tensor x = zeros({300, 301});
        return normal_(x, 1, 2);
      },
      "torch.zeros(300, 301).normal_(1, 2)"));
  rows.back().bad = {{[] {
                        Tensor x = zeros(2);
                        return Tensors{normal_(x, 0, -1)};
                      },
                      "[normal_] got a standard deviation of -1", "torch.zeros(2).normal_(0, -1)"}};
  rows.push_back(row("bernoulli", same_dtype, {{"", {real({20, 31}, 0, 1)}, [](const Tensors& x) {
                                                  manual_seed(7);
                                                  return bernoulli(x[0]);
                                                }}}));
  rows.back().cases[0].python = "(torch.manual_seed(7), torch.bernoulli(x[0]))[1]";
  rows.back().dtypes = kFloat;
  rows.back().bad = {{[] { return Tensors{bernoulli(full(2, 1.5))}; }, "[bernoulli] got ",
                      "torch.bernoulli(torch.full((2,), 1.5))"}};
  rows.push_back(random_row(
      "bernoulli_", as_f32,
      [] {
        Tensor x = zeros({300, 301});
        return bernoulli_(x, 0.3);
      },
      "torch.zeros(300, 301).bernoulli_(0.3)"));
  rows.push_back(random_row(
      "multinomial", as_i64,
      [] {
        return multinomial(rand({30, 31}), 7);
      },
      "torch.multinomial(torch.rand(30, 31), 7)"));
  rows.back().bad = {{[] { return Tensors{multinomial(ones(2), 3)}; },
                      "[multinomial] got a count of 3 for 2 weights without replacement",
                      "torch.multinomial(torch.ones(2), 3)"}};
  return rows;
}

}  // namespace

std::vector<Row> make_rows() {
  std::vector<Row> rows = constants();
  for (auto* more : {ranges, random_numbers})
    for (Row& r : more()) rows.push_back(std::move(r));
  return rows;
}

}  // namespace weft::op_table
