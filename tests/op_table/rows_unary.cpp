#include <algorithm>
#include <cmath>
#include <limits>

#include <weft/tests/op_table/row.h>

namespace weft::op_table {
namespace {

constexpr double kInf = std::numeric_limits<double>::infinity(),
                 kNan = std::numeric_limits<double>::quiet_NaN();

// Zeros, infinities, NaN, halves, and numbers where exp and the like leave their easy range.
Input corners() {
  return given({3, 7}, {kNan, kInf, -kInf, 0,    -0.0,  1,  -1,  0.5,  -0.5,  1.5, -1.5,
                        2.5,  -2.5, 3,     20.5, -20.5, 60, -60, 1e-3, -1e-3, 4});
}

struct Range {
  double low = -3, high = 3;
};

template <class Op>
void in_place(Tensors& x) {
  const Op op{};
  weft::detail::unary_(unary_id<Op>, x[0], &op);
}

// A row for an op without parameters: f(x) in f64, on all shapes and at the corners.
template <class Op, class F>
Row row(const std::string& torch, F, Range d = {}) {
  const Function<Tensor> call = [](const Tensors& x) { return detail::unary<Op>(x[0]); };
  const Function<Array> reference = [](const Arrays& x) { return map(x[0], F{}); };
  Row r;
  r.name = Op::name;
  r.differentiable = Differentiable<Op>;
  const auto info = unary_info[static_cast<std::size_t>(unary_id<Op>)];
  r.result = info.gives_bool                   ? gives_bool
             : info.domain == Domain::Floating ? floating_of
                                               : same_dtype;
  r.dtypes = info.domain == Domain::Number ? kNumber : kAll;
  const bool has_inplace = !info.gives_bool || std::is_same_v<Op, op::LogicalNot>;
  const auto inplace = has_inplace ? in_place<Op> : nullptr;
  for (const Shape& s : {Shape{3, 5}, Shape{}, Shape{0, 3}, Shape{2, 3, 2, 2}, Shape{1031}}) {
    r.cases.push_back({torch, {real(s, d.low, d.high)}, call, reference, inplace});
  }
  r.cases.front().big = {real({350, 700}, d.low, d.high)};
  r.cases.push_back({torch, {corners()}, call, reference, inplace, kFloat, false});
  r.bad = {
      {[] { return Tensors{detail::unary<Op>(Tensor())}; }, std::string("[") + Op::name + "]"}};
  return r;
}

const double kSqrt2 = std::sqrt(2.0);

double sigmoid_of(double x) { return 1 / (1 + std::exp(-x)); }
double softplus_of(double x, double beta, double threshold) {
  return beta * x > threshold ? x : std::log1p(std::exp(beta * x)) / beta;
}
double clamped(double x, double low, double high) {
  return std::isnan(x) ? x : std::min(std::max(x, low), high);
}

void add_leaky_relu(std::vector<Row>& rows) {
  Row r = row<op::LeakyRelu>("torch.nn.functional.leaky_relu(x[0])",
                             [](double x) { return x > 0 ? x : 0.01 * x; });
  r.cases.push_back(
      {"torch.nn.functional.leaky_relu(x[0], 0.2)",
       {real({4, 3})},
       [](const Tensors& x) { return leaky_relu(x[0], 0.2); },
       [](const Arrays& x) { return map(x[0], [](double v) { return v > 0 ? v : 0.2 * v; }); },
       [](Tensors& x) { leaky_relu_(x[0], 0.2); }});
  rows.push_back(r);
}

void add_softplus(std::vector<Row>& rows) {
  Row r = row<op::Softplus>("torch.nn.functional.softplus(x[0])",
                            [](double x) { return softplus_of(x, 1, 20); });
  r.cases.push_back(
      {"torch.nn.functional.softplus(x[0], 2.0, 3.0)",
       {real({4, 5}, -5, 5)},
       [](const Tensors& x) { return softplus(x[0], 2.0, 3.0); },
       [](const Arrays& x) { return map(x[0], [](double v) { return softplus_of(v, 2, 3); }); },
       [](Tensors& x) { softplus_(x[0], 2.0, 3.0); }});
  rows.push_back(r);
}

void add_gelu(std::vector<Row>& rows) {
  Row r = row<op::Gelu>("torch.nn.functional.gelu(x[0])",
                        [](double x) { return x * 0.5 * (1 + std::erf(x / kSqrt2)); });
  r.bad.push_back({[] { return Tensors{gelu(ones(2), "tan")}; }, "[gelu] got approximate \"tan\"",
                   "torch.nn.functional.gelu(torch.ones(2), approximate='tan')"});
  r.cases.push_back({"torch.nn.functional.gelu(x[0], approximate='none')",
                     {real({4, 3})},
                     [](const Tensors& x) { return gelu(x[0]); },
                     [](const Arrays& x) {
                       return map(
                           x[0], [](double v) { return v * 0.5 * std::erfc(-v / std::sqrt(2.0)); });
                     }});
  r.scale = 0.1;  // 1 + erf cancels
  rows.push_back(r);
  rows.push_back(
      row<op::GeluTanh>("torch.nn.functional.gelu(x[0], approximate='tanh')", [](double x) {
        const double k = std::sqrt(2 / std::acos(-1.0));
        return 0.5 * x * (1 + std::tanh(k * (x + 0.044715 * x * x * x)));
      }));
  rows.back().scale = 0.25;  // 1 + tanh cancels: the error is tanh's near -1, times x / 2
}

void add_clamp_by_tensors(Row& r) {
  const Input x = real({3, 4}, -3, 3), low = real(4, -2, 0), high = real({3, 1}, -1, 2);
  r.cases.push_back({"torch.clamp(x[0], x[1], x[2])",
                     {x, low, high},
                     [](const Tensors& x) { return clamp(x[0], x[1], x[2]); },
                     [](const Arrays& x) { return map(x[0], x[1], x[2], clamped); },
                     [](Tensors& x) { x[0].clamp_(x[1], x[2]); },
                     kNumber});
  r.cases.push_back({"torch.clamp(x[0], min=x[1])",
                     {real({4}), real({2, 1})},
                     [](const Tensors& x) { return clamp(x[0], x[1]); },
                     [](const Arrays& x) {
                       return map(x[0], x[1], [](double v, double b) { return std::max(v, b); });
                     },
                     nullptr,
                     kNumber});
  r.cases.push_back({"torch.clamp(x[0], max=x[1])",
                     {real({2, 4}), real({})},
                     [](const Tensors& x) { return clamp(x[0], Tensor(), x[1]); },
                     [](const Arrays& x) {
                       return map(x[0], x[1], [](double v, double b) { return std::min(v, b); });
                     },
                     [](Tensors& x) { x[0].clamp_(Tensor(), x[1]); },
                     kNumber});
}

DType integer_of_bool(DType t) { return t == boolean ? i64 : t; }

void add_clamp(std::vector<Row>& rows) {
  Row r;
  r.name = "clamp";
  r.result = integer_of_bool;
  for (const Input& in : {real({3, 5}), real({}), real({0, 2}), real({2, 3, 2, 2}), real({1031})}) {
    r.cases.push_back(
        {"torch.clamp(x[0], -1, 1)",
         {in},
         [](const Tensors& x) { return clamp(x[0], -1, 1); },
         [](const Arrays& x) { return map(x[0], [](double v) { return clamped(v, -1, 1); }); },
         [](Tensors& x) { x[0].clamp_(-1, 1); }});
  }
  r.cases.front().big = {real({350, 700})};
  r.cases.push_back(
      {"torch.clamp(x[0], min=0.25)",
       {real({4, 3})},
       [](const Tensors& x) { return clamp(x[0], 0.25); },
       [](const Arrays& x) { return map(x[0], [](double v) { return std::max(v, 0.25); }); },
       [](Tensors& x) { x[0].clamp_(0.25); },
       kFloat});
  r.cases.push_back(
      {"torch.clamp(x[0], max=0.25)",
       {real({4, 3})},
       [](const Tensors& x) { return clamp(x[0], {}, 0.25); },
       [](const Arrays& x) { return map(x[0], [](double v) { return std::min(v, 0.25); }); },
       nullptr,
       kFloat});
  r.cases.push_back(
      {"torch.clamp(x[0], -0.5, 1.5)",
       {corners()},
       [](const Tensors& x) { return clamp(x[0], -0.5, 1.5); },
       [](const Arrays& x) { return map(x[0], [](double v) { return clamped(v, -0.5, 1.5); }); },
       [](Tensors& x) { x[0].clamp_(-0.5, 1.5); },
       kFloat,
       false});
  r.cases.push_back({"torch.clamp(x[0], float('nan'), 1.5)",
                     {real(3)},
                     [](const Tensors& x) { return clamp(x[0], std::nan(""), 1.5); },
                     [](const Arrays& x) { return map(x[0], [](double) { return std::nan(""); }); },
                     nullptr,
                     kFloat,
                     false});
  add_clamp_by_tensors(r);
  r.bad = {{[] { return Tensors{clamp(ones(2))}; }, "[clamp] got neither min nor max",
            "torch.clamp(torch.ones(2))"},
           {[] {
              return Tensors{ones(2).clamp_(ones({2, 2}), ones(2))};
            },
            "[clamp_] got bounds", "torch.ones(2).clamp_(torch.ones(2, 2), torch.ones(2))"},
           {[] { return Tensors{ones(2, i64).clamp_(ones(2), ones(2))}; },
            "[clamp_] got a result of float32",
            "torch.ones(2, dtype=torch.int64).clamp_(torch.ones(2), torch.ones(2))"}};
  rows.push_back(r);
}

void add_exponentials(std::vector<Row>& rows) {
  rows.push_back(row<op::Exp>("torch.exp(x[0])", [](double x) { return std::exp(x); }));
  rows.push_back(row<op::Log>("torch.log(x[0])", [](double x) { return std::log(x); }, {0.2, 4}));
  rows.push_back(
      row<op::Log1p>("torch.log1p(x[0])", [](double x) { return std::log1p(x); }, {-0.7, 4}));
  rows.push_back(
      row<op::Sqrt>("torch.sqrt(x[0])", [](double x) { return std::sqrt(x); }, {0.2, 4}));
  rows.push_back(
      row<op::Rsqrt>("torch.rsqrt(x[0])", [](double x) { return 1 / std::sqrt(x); }, {0.2, 4}));
  rows.push_back(
      row<op::Reciprocal>("torch.reciprocal(x[0])", [](double x) { return 1 / x; }, {0.3, 4}));
  rows.push_back(row<op::Sin>("torch.sin(x[0])", [](double x) { return std::sin(x); }, {-9, 9}));
  rows.push_back(row<op::Cos>("torch.cos(x[0])", [](double x) { return std::cos(x); }, {-9, 9}));
  rows.push_back(row<op::Tanh>("torch.tanh(x[0])", [](double x) { return std::tanh(x); }));
  rows.push_back(row<op::Erf>("torch.erf(x[0])", [](double x) { return std::erf(x); }));
  rows.push_back(row<op::Sigmoid>("torch.sigmoid(x[0])", [](double x) { return sigmoid_of(x); }));
}

}  // namespace

std::vector<Row> unary_rows() {
  std::vector<Row> rows;
  rows.push_back(row<op::Abs>("torch.abs(x[0])", [](double x) { return std::abs(x); }));
  rows.push_back(row<op::Neg>("torch.neg(x[0])", [](double x) { return -x; }));
  rows.push_back(row<op::Sign>("torch.sign(x[0])", [](double x) {
    return x > 0 ? 1.0 : x < 0 ? -1.0 : 0.0;
  }));
  rows.push_back(row<op::Square>("torch.square(x[0])", [](double x) { return x * x; }));
  rows.back().dtypes = kAll;
  rows.back().result = [](DType t) { return t == boolean ? i64 : t; };
  rows.push_back(row<op::Relu>("torch.relu(x[0])", [](double x) { return x < 0 ? 0.0 : x; }));
  rows.push_back(
      row<op::Silu>("torch.nn.functional.silu(x[0])", [](double x) { return x * sigmoid_of(x); }));
  rows.push_back(row<op::Floor>("torch.floor(x[0])", [](double x) { return std::floor(x); }));
  rows.push_back(row<op::Ceil>("torch.ceil(x[0])", [](double x) { return std::ceil(x); }));
  rows.push_back(row<op::Round>("torch.round(x[0])", [](double x) { return std::nearbyint(x); }));
  rows.push_back(row<op::IsNan>("torch.isnan(x[0])", [](double x) { return std::isnan(x); }));
  rows.push_back(
      row<op::IsFinite>("torch.isfinite(x[0])", [](double x) { return std::isfinite(x); }));
  rows.push_back(row<op::LogicalNot>("torch.logical_not(x[0])", [](double x) { return x == 0; }));
  add_exponentials(rows);
  add_leaky_relu(rows);
  add_softplus(rows);
  add_gelu(rows);
  add_clamp(rows);
  return rows;
}

}  // namespace weft::op_table
