#include <algorithm>
#include <cmath>
#include <limits>

#include <weft/tests/op_table/row.h>

namespace weft::op_table {
namespace {

constexpr double kInf = std::numeric_limits<double>::infinity(),
                 kNan = std::numeric_limits<double>::quiet_NaN();

Input left_corners() {
  return given({3, 6},
               {kNan, 1, kInf, kInf, -kInf, 0, -0.0, 0, 2, -2, 3.5, -3.5, 7, -7, 7, -7, 1, kNan});
}
Input right_corners() {
  return given({3, 6}, {1, kNan, kInf, -kInf, 2, 0, 0, 3, 2, -2, 2, 2, 2, 2, -2, -2, 1, kNan});
}

struct Operand {
  double low, high;
};

// A row of a binary op: f(a, b) in f64, over shapes that broadcast.
template <class Call, class F>
Row row(const std::string& name, const std::string& torch, Call, F, Operand a = {-2, 2},
        Operand b = {-2, 2}) {
  const Function<Tensor> call = [](const Tensors& x) { return Call{}(x[0], x[1]); };
  const Function<Array> reference = [](const Arrays& x) { return map(x[0], x[1], F{}); };
  Row r;
  r.name = name;
  r.mixes = true;
  struct Pair {
    Shape left, right;
  };
  const Pair shapes[] = {{{3, 4}, {3, 4}}, {{2, 1, 3}, {4, 1}},       {{}, {3}},     {{}, {}},
                         {{0, 3}, {3}},    {{2, 3, 2, 2}, {3, 1, 1}}, {{515}, {515}}};
  for (const Pair& p : shapes) {
    r.cases.push_back(
        {torch, {real(p.left, a.low, a.high), real(p.right, b.low, b.high)}, call, reference});
  }
  r.cases.front().big = {real({350, 700}, a.low, a.high), real({350, 700}, b.low, b.high)};
  r.cases[1].big = {real({300, 1, 29}, a.low, a.high), real({31, 1}, b.low, b.high)};
  r.cases.push_back(
      {torch, {left_corners(), right_corners()}, call, reference, nullptr, kFloat, false});
  return r;
}

template <class Op, class F>
Row row(const std::string& torch, F f, Operand a = {-2, 2}, Operand b = {-2, 2}) {
  Row r = row(
      Op::name, torch, [](const Tensor& x, const Tensor& y) { return detail::binary<Op>(x, y); }, f,
      a, b);
  const auto info = binary_info[static_cast<std::size_t>(binary_id<Op>)];
  r.result = info.gives_bool                   ? gives_bool
             : info.domain == Domain::Floating ? floating_of
                                               : same_dtype;
  r.dtypes = info.domain == Domain::Number    ? kNumber
             : info.domain == Domain::Bits    ? kInt | kBool
             : info.domain == Domain::Integer ? kInt
                                              : kAll;
  r.differentiable = Differentiable<Op>;
  r.bad = {{[] {
              return Tensors{detail::binary<Op>(ones({2, 3}), ones({2, 4}))};
            },
            std::string("[") + Op::name + "] got ",
            "(lambda x: " + torch + ")([torch.ones(2, 3), torch.ones(2, 4)])"}};
  return r;
}

void in_place(Row& r, void (*f)(Tensors&)) {
  for (Case& c : r.cases) {
    if (broadcast(c.inputs[0].sizes, c.inputs[1].sizes) == c.inputs[0].sizes) c.inplace = f;
  }
}

// Scalars on either side, and the operators.
template <class F, class Call>
Case with_scalar(const std::string& torch, const Input& x, Call, F, DTypes dtypes = kAll) {
  return {torch, {x}, Call{}, [](const Arrays& a) { return map(a[0], F{}); }, nullptr, dtypes};
}

void add_sums(std::vector<Row>& rows) {
  Row r = row<op::Add>("torch.add(x[0], x[1])", [](double a, double b) { return a + b; });
  in_place(r, [](Tensors& x) { x[0].add_(x[1]); });
  r.cases.push_back({"torch.add(x[0], x[1], alpha=3)",
                     {real({2, 3}), real(3)},
                     [](const Tensors& x) { return add(x[0], x[1], 3); },
                     [](const Arrays& x) {
                       return map(x[0], x[1], [](double a, double b) { return a + 3 * b; });
                     },
                     [](Tensors& x) { x[0].add_(x[1], 3); },
                     kNumber});
  r.cases.push_back(with_scalar(
      "x[0] + 2", real({2, 3}), [](const Tensors& x) { return x[0] + 2; },
      [](double a) { return a + 2; }, kNumber));
  r.cases.push_back(with_scalar(
      "1.5 + x[0]", real({2, 3}), [](const Tensors& x) { return 1.5 + x[0]; },
      [](double a) { return 1.5 + a; }, kFloat));
  r.bad.push_back(
      {[] { return Tensors{add(ones(2, i64), ones(2, i64), 0.5)}; },
       "[add] got alpha 0.5 for a result of int64",
       "torch.add(torch.ones(2, dtype=torch.int64), torch.ones(2, dtype=torch.int64), alpha=0.5)"});
  r.bad.push_back({[] { return Tensors{ones(2, i64).add_(ones(2))}; },
                   "[add] got a result of float32 for a tensor of int64",
                   "torch.ones(2, dtype=torch.int64).add_(torch.ones(2))"});
  r.bad.push_back({[] {
                     return Tensors{ones(2).add_(ones({2, 2}))};
                   },
                   "[add] got shape [2] in place", "torch.ones(2).add_(torch.ones(2, 2))"});
  rows.push_back(r);

  r = row<op::Sub>("torch.sub(x[0], x[1])", [](double a, double b) { return a - b; });
  in_place(r, [](Tensors& x) { x[0].sub_(x[1]); });
  r.cases.push_back({"torch.sub(x[0], x[1], alpha=2)",
                     {real({2, 3}), real(3)},
                     [](const Tensors& x) { return sub(x[0], x[1], 2); },
                     [](const Arrays& x) {
                       return map(x[0], x[1], [](double a, double b) { return a - 2 * b; });
                     },
                     [](Tensors& x) { x[0].sub_(x[1], 2); }});
  r.cases.push_back(with_scalar(
      "1 - x[0]", real({2, 3}), [](const Tensors& x) { return 1 - x[0]; },
      [](double a) { return 1 - a; }));
  rows.push_back(r);
}

// a / b to so many bits, then cut.
template <int Bits>
Array cut_quotients(const Arrays& x) {
  return map(x[0], x[1], [](double a, double b) {
    int exponent = 0;
    const double m = std::frexp(a / b, &exponent);
    return std::trunc(std::ldexp(std::nearbyint(std::ldexp(m, Bits)), exponent - Bits));
  });
}

// PyTorch rounds the quotient of halves before it cuts it; among many that shows.
void add_halves(Row& r) {
  std::vector<Case> more;
  for (Case& c : r.cases) {
    if (count(c.inputs[0].sizes) < 100) continue;
    c.dtypes = kAll & ~(only(f16) | only(bf16));
    for (DType t : {f16, bf16}) {
      more.push_back(c);
      more.back().dtypes = only(t);
      if (t == f16) more.back().reference = [](const Arrays& x) { return cut_quotients<11>(x); };
      if (t == bf16) more.back().reference = [](const Arrays& x) { return cut_quotients<8>(x); };
    }
  }
  for (Case& c : more) r.cases.push_back(std::move(c));
}

void add_products(std::vector<Row>& rows) {
  Row r = row<op::Mul>("torch.mul(x[0], x[1])", [](double a, double b) { return a * b; });
  in_place(r, [](Tensors& x) { x[0].mul_(x[1]); });
  r.cases.push_back(with_scalar(
      "x[0] * 3", real({2, 3}), [](const Tensors& x) { return x[0] * 3; },
      [](double a) { return a * 3; }, kNumber));
  rows.push_back(r);

  r = row<op::Div>("torch.div(x[0], x[1])", [](double a, double b) { return a / b; }, {-2, 2},
                   {0.4, 3});
  in_place(r, [](Tensors& x) { x[0].div_(x[1]); });
  r.cases.push_back(with_scalar(
      "2 / x[0]", real({2, 3}, 0.3, 2), [](const Tensors& x) { return 2 / x[0]; },
      [](double a) { return 2 / a; }));
  r.cases.push_back(with_scalar(
      "x[0] / 2", real({2, 3}), [](const Tensors& x) { return x[0] / 2; },
      [](double a) { return a / 2; }));
  r.bad.push_back({[] { return Tensors{div(ones(2), ones(2), "up")}; },
                   "[div] got rounding mode \"up\"",
                   "torch.div(torch.ones(2), torch.ones(2), rounding_mode='up')"});
  rows.push_back(r);

  const auto name_of = [](const Row& row) { return "[" + row.name + "] got "; };
  r = row<op::TruncDiv>("torch.div(x[0], x[1], rounding_mode='trunc')",
                        [](double a, double b) { return std::trunc(a / b); }, {-9, 9}, {0.7, 3});
  for (Case& c : r.cases) c.call = [](const Tensors& x) { return div(x[0], x[1], "trunc"); };
  in_place(r, [](Tensors& x) { x[0].div_(x[1], "trunc"); });
  add_halves(r);
  r.bad.front().message = name_of(r);
  r.bad.push_back({[] { return Tensors{div(ones(2, i64), zeros(2, i64), "trunc")}; },
                   "[div] got an integer zero as divisor",
                   "torch.div(torch.ones(2, dtype=torch.int64), torch.zeros(2, dtype=torch.int64), "
                   "rounding_mode='trunc')"});
  rows.push_back(r);

  r = row<op::FloorDiv>("torch.div(x[0], x[1], rounding_mode='floor')",
                        [](double a, double b) {
                          if (b == 0) return a / b;
                          double m = std::fmod(a, b), q = (a - m) / b;
                          return m != 0 && (m < 0) != (b < 0) ? q - 1 : q;
                        },
                        {-9, 9}, {0.7, 3});
  for (Case& c : r.cases) c.call = [](const Tensors& x) { return div(x[0], x[1], "floor"); };
  in_place(r, [](Tensors& x) { x[0].div_(x[1], "floor"); });
  r.bad.push_back({[] { return Tensors{div(ones(2, i64), 0, "floor")}; },
                   "[div] got an integer zero as divisor",
                   "torch.div(torch.ones(2, dtype=torch.int64), 0, rounding_mode='floor')"});
  rows.push_back(r);
}

double floor_remainder(double a, double b) {
  const double r = std::fmod(a, b);
  return r != 0 && (r < 0) != (b < 0) ? r + b : r;
}

void add_remainders(std::vector<Row>& rows) {
  const auto large = [] {
    return std::vector{given({5}, {1e10, -1e10, 1e8, 7, -7}), given({5}, {3, 3, 3, kInf, kInf})};
  };
  Row r = row<op::Fmod>("torch.fmod(x[0], x[1])",
                        [](double a, double b) { return std::fmod(a, b); }, {-9, 9}, {0.7, 3});
  in_place(r, [](Tensors& x) { fmod_(x[0], x[1]); });
  r.bad.push_back({[] { return Tensors{fmod(ones(2, i64), 0)}; },
                   "[fmod] got an integer zero as divisor",
                   "torch.fmod(torch.ones(2, dtype=torch.int64), 0)"});
  rows.push_back(r);

  r = row<op::Remainder>("torch.remainder(x[0], x[1])",
                         [](double a, double b) { return floor_remainder(a, b); }, {-9, 9},
                         {0.7, 3});
  in_place(r, [](Tensors& x) { remainder_(x[0], x[1]); });
  r.cases.push_back({"torch.remainder(x[0], x[1])", large(),
                     [](const Tensors& x) { return remainder(x[0], x[1]); },
                     [](const Arrays& x) { return map(x[0], x[1], floor_remainder); }, nullptr,
                     only(f32) | only(f64), false});
  r.cases.push_back(with_scalar(
      "x[0] % 3", real({2, 3}, -9, 9), [](const Tensors& x) { return x[0] % 3; },
      [](double a) { return floor_remainder(a, 3); }, kNumber));
  r.cases.push_back(with_scalar(
      "torch.full_like(x[0], 7) % x[0]", real({2, 3}, 0.7, 3),  // PyTorch's 7 % x has no derivative
      [](const Tensors& x) { return 7 % x[0]; }, [](double a) { return floor_remainder(7, a); },
      kFloat));
  r.cases.back().python = "7 % x[0]";
  r.bad.push_back({[] { return Tensors{remainder(ones(2, i64), zeros(2, i64))}; },
                   "[remainder] got an integer zero as divisor",
                   "torch.remainder(torch.ones(2, dtype=torch.int64), torch.zeros(2, "
                   "dtype=torch.int64))"});
  rows.push_back(r);
}

void add_powers(std::vector<Row>& rows) {
  const auto f = [](double a, double b) { return std::pow(a, b); };
  Row r = row<op::Pow>("torch.pow(x[0], x[1])", f, {0.3, 3}, {-2, 3});
  in_place(r, [](Tensors& x) { x[0].pow_(x[1]); });
  for (Case& c : r.cases) c.dtypes = kFloat;
  r.cases.push_back({"torch.pow(x[0], x[1])",
                     {real({4, 5}, -5, 5), real(5, 0, 3)},
                     [](const Tensors& x) { return pow(x[0], x[1]); },
                     [](const Arrays& x) {
                       return map(x[0], x[1], [](double a, double b) { return std::pow(a, b); });
                     },
                     nullptr,
                     kInt});
  r.cases.push_back(with_scalar(
      "torch.pow(x[0], 3)", real({2, 3}), [](const Tensors& x) { return pow(x[0], 3); },
      [](double a) { return a * a * a; }, kNumber));
  r.cases.push_back(with_scalar(
      "torch.pow(x[0], 2)", real({2, 3}), [](const Tensors& x) { return pow(x[0], 2); },
      [](double a) { return a * a; }, kNumber));
  r.cases.push_back(with_scalar(
      "torch.pow(x[0], 0.5)", real({2, 3}, 0.2, 4), [](const Tensors& x) { return pow(x[0], 0.5); },
      [](double a) { return std::sqrt(a); }, kFloat));
  r.cases.push_back(with_scalar(
      "torch.pow(2, x[0])", real({2, 3}, 0, 4), [](const Tensors& x) { return pow(2, x[0]); },
      [](double a) { return std::exp2(a); }, kNumber));
  r.cases.push_back(with_scalar(
      "torch.pow(x[0], True)", real({2, 3}), [](const Tensors& x) { return pow(x[0], true); },
      [](double a) { return a; }, kBool));
  r.cases.push_back(with_scalar(
      "torch.pow(x[0], False)", real({2, 3}), [](const Tensors& x) { return pow(x[0], false); },
      [](double) { return 1.0; }, kBool));
  rows.push_back(r);
}

void add_choices(std::vector<Row>& rows) {
  rows.push_back(row<op::Maximum>("torch.maximum(x[0], x[1])", [](double a, double b) {
    return std::isnan(a) || std::isnan(b) ? kNan : std::max(a, b);
  }));
  rows.push_back(row<op::Minimum>("torch.minimum(x[0], x[1])", [](double a, double b) {
    return std::isnan(a) || std::isnan(b) ? kNan : std::min(a, b);
  }));
  Row r;
  r.name = "where";
  r.mixes = true;
  const Shape shapes[][3] = {{{3, 4}, {3, 4}, {3, 4}},
                             {{4}, {3, 1}, {}},
                             {{2, 3, 1, 1}, {3, 2, 2}, {2}},
                             {{}, {}, {}},
                             {{0}, {1}, {0}}};
  for (const auto& s : shapes) {
    r.cases.push_back({"torch.where(x[0], x[1], x[2])",
                       {mask(s[0]), real(s[1]), real(s[2])},
                       [](const Tensors& x) { return where(x[0], x[1], x[2]); },
                       [](const Arrays& x) {
                         return map(x[0], x[1], x[2],
                                    [](double c, double a, double b) { return c != 0 ? a : b; });
                       }});
  }
  r.cases.front().big = {mask({350, 700}), real({350, 700}), real({700})};
  r.cases.push_back({"torch.where(x[0], x[1], 0.5)",
                     {mask({2, 3}), real(3)},
                     [](const Tensors& x) { return where(x[0], x[1], 0.5); },
                     [](const Arrays& x) {
                       return map(x[0], x[1], [](double c, double a) { return c != 0 ? a : 0.5; });
                     },
                     nullptr,
                     kFloat});
  r.bad = {{[] { return Tensors{where(ones(2), ones(2), ones(2))}; },
            "[where] got a condition of float32, expected bool",
            "torch.where(torch.ones(2), torch.ones(2), torch.ones(2))"},
           {[] { return Tensors{where(ones(2, boolean), ones(3), ones(2))}; }, "[where] got ",
            "torch.where(torch.ones(2, dtype=torch.bool), torch.ones(3), torch.ones(2))"}};
  rows.push_back(r);
}

void add_comparisons(std::vector<Row>& rows) {
  rows.push_back(row<op::Eq>("torch.eq(x[0], x[1])", [](double a, double b) { return a == b; }));
  rows.push_back(row<op::Ne>("torch.ne(x[0], x[1])", [](double a, double b) { return a != b; }));
  rows.push_back(row<op::Lt>("torch.lt(x[0], x[1])", [](double a, double b) { return a < b; }));
  rows.push_back(row<op::Le>("torch.le(x[0], x[1])", [](double a, double b) { return a <= b; }));
  rows.push_back(row<op::Gt>("torch.gt(x[0], x[1])", [](double a, double b) { return a > b; }));
  rows.push_back(row<op::Ge>("torch.ge(x[0], x[1])", [](double a, double b) { return a >= b; }));
  rows.push_back(row<op::LogicalAnd>("torch.logical_and(x[0], x[1])",
                                     [](double a, double b) { return a != 0 && b != 0; }));
  rows.push_back(row<op::LogicalOr>("torch.logical_or(x[0], x[1])",
                                    [](double a, double b) { return a != 0 || b != 0; }));
  rows.push_back(row<op::LogicalXor>("torch.logical_xor(x[0], x[1])",
                                     [](double a, double b) { return (a != 0) != (b != 0); }));
  rows.back().cases.push_back(with_scalar(
      "x[0] == 1", real({3, 4}), [](const Tensors& x) { return x[0] == 1; },
      [](double a) { return a == 1; }));
  rows.back().cases.back().torch = "torch.eq(x[0], 1)";
}

std::int64_t whole(double v) { return static_cast<std::int64_t>(v); }

void add_bits(std::vector<Row>& rows) {
  const Operand wide{-99, 99}, amount{-3, 70};
  Row r = row<op::BitwiseAnd>(
      "torch.bitwise_and(x[0], x[1])", [](double a, double b) { return whole(a) & whole(b); }, wide,
      wide);
  in_place(r, [](Tensors& x) { bitwise_and_(x[0], x[1]); });
  r.cases.push_back(with_scalar(
      "x[0] & 5", real({2, 3}, -99, 99), [](const Tensors& x) { return x[0] & 5; },
      [](double a) { return whole(a) & 5; }, kInt));
  rows.push_back(r);
  r = row<op::BitwiseOr>(
      "torch.bitwise_or(x[0], x[1])", [](double a, double b) { return whole(a) | whole(b); }, wide,
      wide);
  in_place(r, [](Tensors& x) { bitwise_or_(x[0], x[1]); });
  rows.push_back(r);
  r = row<op::BitwiseXor>(
      "torch.bitwise_xor(x[0], x[1])", [](double a, double b) { return whole(a) ^ whole(b); }, wide,
      wide);
  in_place(r, [](Tensors& x) { bitwise_xor_(x[0], x[1]); });
  rows.push_back(r);
  r = row<op::BitwiseLeftShift>(
      "torch.bitwise_left_shift(x[0], x[1])",
      [](double a, double b) {
        const auto bits = static_cast<std::uint64_t>(whole(a));
        return b < 0 || b > 63 ? 0 : static_cast<std::int64_t>(bits << whole(b));
      },
      wide, amount);
  in_place(r, [](Tensors& x) { bitwise_left_shift_(x[0], x[1]); });
  rows.push_back(r);
  r = row<op::BitwiseRightShift>(
      "torch.bitwise_right_shift(x[0], x[1])",
      [](double a, double b) { return std::floor(std::ldexp(a, b < 0 ? -99 : -int(b))); }, wide,
      amount);
  in_place(r, [](Tensors& x) { bitwise_right_shift_(x[0], x[1]); });
  r.cases.push_back(with_scalar(
      "x[0] >> 1", real({2, 3}, -99, 99), [](const Tensors& x) { return x[0] >> 1; },
      [](double a) { return std::floor(a / 2); }, kInt));
  rows.push_back(r);
}

void add_bitwise_not(std::vector<Row>& rows) {
  Row r;
  r.name = "bitwise_not";
  r.dtypes = kInt | kBool;
  r.differentiable = false;
  for (const Shape& s : {Shape{3, 5}, Shape{}, Shape{0, 3}, Shape{2, 3, 2, 2}}) {
    for (const bool logical : {false, true}) {
      Case c{"torch.bitwise_not(x[0])",
             {real(s, -99, 99)},
             [](const Tensors& x) { return bitwise_not(x[0]); },
             [](const Arrays& x) { return map(x[0], [](double v) { return -v - 1; }); },
             [](Tensors& x) { bitwise_not_(x[0]); },
             kInt};
      if (logical) {
        c.dtypes = kBool;
        c.reference = [](const Arrays& x) { return map(x[0], [](double v) { return v == 0; }); };
      }
      r.cases.push_back(c);
    }
  }
  r.cases.front().big = {real({350, 700}, -99, 99)};
  r.bad = {{[] { return Tensors{bitwise_not(ones(2))}; }, "[bitwise_not] got float32",
            "torch.bitwise_not(torch.ones(2))"}};
  rows.push_back(r);
}

}  // namespace

std::vector<Row> binary_rows() {
  std::vector<Row> rows;
  add_sums(rows);
  add_products(rows);
  add_remainders(rows);
  add_powers(rows);
  add_choices(rows);
  add_comparisons(rows);
  add_bits(rows);
  add_bitwise_not(rows);
  return rows;
}

}  // namespace weft::op_table
