#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include <weft/tests/op_table/row.h>

// Softmax and losses.
namespace weft::op_table {
namespace {

using List = std::vector<double>;

constexpr double kInf = std::numeric_limits<double>::infinity(),
                 kNan = std::numeric_limits<double>::quiet_NaN();

List log_softmax_of(List x) {
  const double top = *std::max_element(x.begin(), x.end());
  double sum = 0;
  for (double v : x) sum += std::exp(v - top);
  for (double& v : x) v = v - top - std::log(sum);
  return x;
}
List softmax_of(List x) {
  x = log_softmax_of(x);
  for (double& v : x) v = std::exp(v);
  return x;
}

// Rows that are all -infinity or hold NaN have no softmax.
Input row_corners() {
  return given({4, 3}, {-kInf, 0, 1, kNan, 0, 1, -kInf, -kInf, -kInf, 300, -300, 299.5});
}

DType as_f64(DType) { return f64; }

template <class Call, class F>
Row softmax_row(const std::string& name, Call, F) {
  Row r;
  r.name = name;
  r.dtypes = kFloat;
  if (name == "log_softmax") r.scale = 1;  // the error is of x's size
  const std::string head = "torch." + name + "(x[0], ";
  const Function<Tensor> last = [](const Tensors& x) { return Call{}(x[0], -1); };
  const Function<Array> of_last = [](const Arrays& x) { return along(x[0], -1, F{}); };
  r.cases = {{head + "-1)", {real({3, 5}, -4, 4)}, last, of_last},
             {head + "1)",
              {real({2, 3, 2, 2})},
              [](const Tensors& x) { return Call{}(x[0], 1); },
              [](const Arrays& x) { return along(x[0], 1, F{}); }},
             {head + "0)",
              {real({4, 3})},
              [](const Tensors& x) { return Call{}(x[0], 0); },
              [](const Arrays& x) { return along(x[0], 0, F{}); }},
             {head + "-1)", {real({2, 1})}, last, of_last},
             {head + "-1)", {real({0, 3})}, last, [](const Arrays& x) { return x[0]; }},
             {head + "-1)",
              {real({})},
              last,
              [](const Arrays&) {
                return Array{{}, F{}(List{0.5})};
              }},
             {head + "-1)", {row_corners()}, last, of_last, nullptr, kFloat, false}};
  r.cases[0].big = {real({301, 707}, -4, 4)};
  r.cases[1].big = {real({11, 97, 5, 41}, -4, 4)};
  r.bad = {{[] {
              return Tensors{Call{}(ones({2, 3}), 2)};
            },
            "[" + name + "] got ", "torch." + name + "(torch.ones(2, 3), 2)"}};
  return r;
}

// With a dtype as argument, to which any other is converted first.
template <class Call, class F>
Row converted_row(const std::string& name, Call, F) {
  Row r;
  r.name = name + "_to_f64";
  r.result = as_f64;
  r.cases = {{"torch." + name + "(x[0], 0, dtype=torch.float64)",
              {real({4, 3})},
              [](const Tensors& x) { return Call{}(x[0], 0); },
              [](const Arrays& x) { return along(x[0], 0, F{}); }}};
  return r;
}

// ---- Losses of classes
struct Setting {
  Reduction reduction = Reduction::Mean;
  double ignored = -100, smoothing = 0;
};

Array reduced(const Array& losses, Reduction how, double divisor) {
  if (how == Reduction::None) return losses;
  const double sum = std::accumulate(losses.values.begin(), losses.values.end(), 0.0);
  return {{}, {how == Reduction::Sum ? sum : sum / divisor}};
}

// The index of class c where a target stands.
Shape with_class(const Shape& target, Index c) {
  Shape i;
  if (target.empty()) return Shape{c};
  i.push_back(target[0]), i.push_back(c);
  for (int d = 1; d < target.size(); ++d) i.push_back(target[d]);
  return i;
}

int class_dim(const Array& x) { return x.sizes.size() == 1 ? 0 : 1; }

double weight_of(const Array* weight, Index c) { return weight ? at(*weight, Shape{c}) : 1; }

// -log p[target], as nll_loss and cross_entropy are documented; x: log-probabilities.
Array class_loss(const Array& x, const Array& target, const Array* weight, const Setting& s) {
  const Index classes = x.sizes[class_dim(x)];
  double divisor = 0;
  const Array losses = generate(target.sizes, [&](const Shape& i) {
    const double t = at(target, i);
    if (t == s.ignored) return 0.0;
    const auto own = static_cast<Index>(t);
    divisor += weight_of(weight, own);
    double all = 0;
    for (Index c = 0; c < classes; ++c) all -= weight_of(weight, c) * at(x, with_class(i, c));
    return -(1 - s.smoothing) * weight_of(weight, own) * at(x, with_class(i, own)) +
           (s.smoothing == 0 ? 0 : s.smoothing / static_cast<double>(classes) * all);
  });
  return reduced(losses, s.reduction, divisor);
}

// The same of targets that are probabilities.
Array soft_loss(const Array& x, const Array& target, const Array* weight, const Setting& s) {
  const int dim = class_dim(x);
  const auto classes = static_cast<double>(x.sizes[dim]);
  const Array single = generate(x.sizes, [&](const Shape& i) {
    const double q = at(target, i) * (1 - s.smoothing) + s.smoothing / classes;
    return -q * weight_of(weight, i[dim]) * at(x, i);
  });
  const Array losses = reduce(
      single, dim, false, [](const List& l) { return std::accumulate(l.begin(), l.end(), 0.0); });
  return reduced(losses, s.reduction, static_cast<double>(count(losses.sizes)));
}

Array logs(const Array& x) { return along(x, class_dim(x), log_softmax_of); }

std::string cross_entropy_of(const std::string& arguments) {
  return "torch.nn.functional.cross_entropy(x[0], x[1]" + arguments + ")";
}

std::vector<Case> index_cases() {
  std::vector<Case> cases = {
      {cross_entropy_of(""),
       {real({4, 5}), indices(4, {3, 0, 4, 3})},
       [](const Tensors& x) { return cross_entropy(x[0], x[1]); },
       [](const Arrays& x) { return class_loss(logs(x[0]), x[1], nullptr, {}); }},
      {cross_entropy_of(", weight=x[2], ignore_index=1, label_smoothing=0.1"),
       {real({3, 4, 2}), indices({3, 2}, {3, 1, 0, 2, 1, 2}), constant(real(4, 0.5, 2))},
       [](const Tensors& x) {
         return cross_entropy(x[0], x[1],
                              {.weight = x[2], .ignore_index = 1, .label_smoothing = 0.1});
       },
       [](const Arrays& x) {
         return class_loss(logs(x[0]), x[1], &x[2], {Reduction::Mean, 1, 0.1});
       }},
      {cross_entropy_of(", weight=x[2], reduction='none'"),
       {real({3, 4, 2}), indices({3, 2}, {3, 1, 0, 2, 1, 2}), constant(real(4, 0.5, 2))},
       [](const Tensors& x) {
         return cross_entropy(x[0], x[1], {.weight = x[2], .reduction = Reduction::None});
       },
       [](const Arrays& x) { return class_loss(logs(x[0]), x[1], &x[2], {Reduction::None}); }},
      {cross_entropy_of(", ignore_index=-1, reduction='sum'"),
       {real({2, 3, 2, 1}), indices({2, 2, 1}, {2, -1, 0, 1})},
       [](const Tensors& x) {
         return cross_entropy(x[0], x[1], {.ignore_index = -1, .reduction = Reduction::Sum});
       },
       [](const Arrays& x) {
         return class_loss(logs(x[0]), x[1], nullptr, {Reduction::Sum, -1});
       }},
      {cross_entropy_of(", label_smoothing=0.2"),
       {real(5), indices({}, {3})},
       [](const Tensors& x) { return cross_entropy(x[0], x[1], {.label_smoothing = 0.2}); },
       [](const Arrays& x) {
         return class_loss(logs(x[0]), x[1], nullptr, {Reduction::Mean, -100, 0.2});
       }}};
  cases[0].big = {real({607, 131}), integers(607, 0, 131)};
  cases[1].big = {real({11, 31, 301}), integers({11, 301}, 0, 31), constant(real(31, 0.5, 2))};
  const auto call = cases[0].call;
  const auto reference = cases[0].reference;
  cases.push_back({cross_entropy_of(""),
                   {real({2, 3}), indices(2, {-100, -100})},
                   call,
                   [](const Arrays&) {
                     return Array{{}, {kNan}};
                   },
                   nullptr,
                   kFloat,
                   false});
  cases.push_back({cross_entropy_of(""),
                   {given({3, 3}, {-kInf, 0, 1, 100, -100, 0, 3, 2, -kInf}), indices(3, {1, 1, 0})},
                   call,
                   reference,
                   nullptr,
                   kFloat,
                   false});
  return cases;
}

std::vector<Case> probability_cases() {
  return {
      {cross_entropy_of(", weight=x[2], label_smoothing=0.1"),
       {real({3, 4}), real({3, 4}, 0, 1), constant(real(4, 0.5, 2))},
       [](const Tensors& x) {
         return cross_entropy(x[0], x[1], {.weight = x[2], .label_smoothing = 0.1});
       },
       [](const Arrays& x) {
         return soft_loss(logs(x[0]), x[1], &x[2], {Reduction::Mean, -100, 0.1});
       }},
      {cross_entropy_of(", reduction='none'"),
       {real({3, 4, 2}), real({3, 4, 2}, 0, 1)},
       [](const Tensors& x) { return cross_entropy(x[0], x[1], {.reduction = Reduction::None}); },
       [](const Arrays& x) { return soft_loss(logs(x[0]), x[1], nullptr, {Reduction::None}); }},
      {cross_entropy_of(", reduction='sum'"),
       {real(4), real(4, 0, 1)},
       [](const Tensors& x) { return cross_entropy(x[0], x[1], {.reduction = Reduction::Sum}); },
       [](const Arrays& x) { return soft_loss(logs(x[0]), x[1], nullptr, {Reduction::Sum}); }}};
}

Row cross_entropy_row() {
  Row r;
  r.name = "cross_entropy";
  r.dtypes = kFloat;
  r.scale = 1;
  r.cases = index_cases();
  for (Case& c : probability_cases()) r.cases.push_back(std::move(c));
  r.bad = {{[] {
              return Tensors{cross_entropy(ones({2, 3}), tensor({0, 3}))};
            },
            "[cross_entropy] got target 3",
            "torch.nn.functional.cross_entropy(torch.ones(2, 3), torch.tensor([0, 3]))"},
           {[] {
              return Tensors{cross_entropy(ones({2, 3}), tensor({0}))};
            },
            "[cross_entropy] got input of shape [2, 3] and target of shape [1]",
            "torch.nn.functional.cross_entropy(torch.ones(2, 3), torch.tensor([0]))"},
           {[] {
              return Tensors{cross_entropy(ones({2, 3}), ones({2, 4}))};
            },
            "[cross_entropy] got input of shape [2, 3] and target of shape [2, 4]",
            "torch.nn.functional.cross_entropy(torch.ones(2, 3), torch.ones(2, 4))"},
           {[] {
              return Tensors{cross_entropy(ones({2, 3}), tensor({0, 1}), {.weight = ones(2)})};
            },
            "[cross_entropy] got weight of shape [2]",
            "torch.nn.functional.cross_entropy(torch.ones(2, 3), torch.tensor([0, 1]), "
            "weight=torch.ones(2))"},
           {[] {
              return Tensors{cross_entropy(ones({2, 3}), tensor({0, 1}), {.label_smoothing = 1.5})};
            },
            "[cross_entropy] got label_smoothing 1.5",
            "torch.nn.functional.cross_entropy(torch.ones(2, 3), torch.tensor([0, 1]), "
            "label_smoothing=1.5)"}};
  return r;
}

Row nll_row() {
  Row r;
  r.name = "nll_loss";
  r.dtypes = kFloat;
  r.scale = 1;
  const std::string head = "torch.nn.functional.nll_loss(x[0], x[1]";
  r.cases = {
      {head + ")",
       {real({4, 5}), indices(4, {3, 0, 4, 3})},
       [](const Tensors& x) { return nll_loss(x[0], x[1]); },
       [](const Arrays& x) { return class_loss(x[0], x[1], nullptr, {}); }},
      {head + ", weight=x[2], ignore_index=1)",
       {real({3, 4, 2}), indices({3, 2}, {3, 1, 0, 2, 1, 2}), constant(real(4, 0.5, 2))},
       [](const Tensors& x) { return nll_loss(x[0], x[1], {.weight = x[2], .ignore_index = 1}); },
       [](const Arrays& x) {
         return class_loss(x[0], x[1], &x[2], {Reduction::Mean, 1});
       }},
      {head + ", reduction='none')",
       {real({3, 4, 2}), indices({3, 2}, {3, 1, 0, 2, 1, 2})},
       [](const Tensors& x) { return nll_loss(x[0], x[1], {.reduction = Reduction::None}); },
       [](const Arrays& x) { return class_loss(x[0], x[1], nullptr, {Reduction::None}); }},
      {head + ", reduction='sum')",
       {real(4), indices({}, {2})},
       [](const Tensors& x) { return nll_loss(x[0], x[1], {.reduction = Reduction::Sum}); },
       [](const Arrays& x) { return class_loss(x[0], x[1], nullptr, {Reduction::Sum}); }}};
  r.cases[0].big = {real({607, 131}), integers(607, 0, 131)};
  r.bad = {{[] {
              return Tensors{nll_loss(ones({2, 3}), tensor({0, 3}))};
            },
            "[nll_loss] got target 3",
            "torch.nn.functional.nll_loss(torch.ones(2, 3), torch.tensor([0, 3]))"}};
  return r;
}

// ---- Losses of numbers
template <class Call, class F>
Row difference_row(const std::string& name, Call, F) {
  Row r;
  r.name = name;
  r.dtypes = kFloat;
  r.scale = 1;
  r.loose = 3;  // the difference is rounded, then squared
  const std::string head = "torch.nn.functional." + name + "(x[0], x[1]";
  r.cases = {{head + ")",
              {real({3, 4}), real({3, 4})},
              [](const Tensors& x) { return Call{}(x[0], x[1], Reduction::Mean); },
              [](const Arrays& x) { return reduced(map(x[0], x[1], F{}), Reduction::Mean, 12); }},
             {head + ", reduction='none')",
              {real({2, 3, 2}), real({2, 3, 2})},
              [](const Tensors& x) { return Call{}(x[0], x[1], Reduction::None); },
              [](const Arrays& x) { return map(x[0], x[1], F{}); }},
             {head + ", reduction='sum')",
              {real(5), real(5)},
              [](const Tensors& x) { return Call{}(x[0], x[1], Reduction::Sum); },
              [](const Arrays& x) { return reduced(map(x[0], x[1], F{}), Reduction::Sum, 1); }},
             {head + ", reduction='none')",
              {given(5, {1, 2, kNan, kInf, 0}), given(5, {1, 3, 1, 1, -0.0})},
              [](const Tensors& x) { return Call{}(x[0], x[1], Reduction::None); },
              [](const Arrays& x) { return map(x[0], x[1], F{}); },
              nullptr,
              kFloat,
              false}};
  r.cases[0].big = {real({301, 707}), real({301, 707})};
  r.bad = {{[] {
              return Tensors{Call{}(ones({2, 3}), ones({2, 4}), Reduction::Mean)};
            },
            "got ", "torch.nn.functional." + name + "(torch.ones(2, 3), torch.ones(2, 4))"}};
  return r;
}

double logit_loss(double x, double y, double positive) {
  return (1 - y) * x +
         ((positive - 1) * y + 1) * (std::log1p(std::exp(-std::abs(x))) + std::max(-x, 0.0));
}

Row logits_row() {
  Row r;
  r.name = "binary_cross_entropy_with_logits";
  r.dtypes = kFloat;
  r.scale = 1;
  r.loose = 2;
  const std::string head = "torch.nn.functional.binary_cross_entropy_with_logits(x[0], x[1]";
  r.cases = {
      {head + ")",
       {real({3, 4}), real({3, 4}, 0, 1)},
       [](const Tensors& x) { return binary_cross_entropy_with_logits(x[0], x[1]); },
       [](const Arrays& x) {
         return reduced(map(x[0], x[1], [](double v, double y) { return logit_loss(v, y, 1); }),
                        Reduction::Mean, 12);
       }},
      {head + ", weight=x[2], pos_weight=x[3], reduction='none')",
       {real({3, 4}), real({3, 4}, 0, 1), constant(real({3, 1}, 0.5, 2)),
        constant(real(4, 0.5, 3))},
       [](const Tensors& x) {
         return binary_cross_entropy_with_logits(
             x[0], x[1], {.weight = x[2], .pos_weight = x[3], .reduction = Reduction::None});
       },
       [](const Arrays& x) {
         return map(map(x[0], x[1], x[3], logit_loss), x[2],
                    [](double l, double w) { return l * w; });
       }},
      {head + ", reduction='sum')",
       {given(6, {100, -100, 0, 30, -30, 50}), given(6, {0, 1, 1, 1, 0, 0.5})},
       [](const Tensors& x) {
         return binary_cross_entropy_with_logits(x[0], x[1], {.reduction = Reduction::Sum});
       },
       [](const Arrays& x) {
         return reduced(map(x[0], x[1], [](double v, double y) { return logit_loss(v, y, 1); }),
                        Reduction::Sum, 1);
       },
       nullptr,
       kFloat,
       false}};
  r.cases[0].big = {real({301, 707}), real({301, 707}, 0, 1)};
  r.bad = {
      {[] {
         return Tensors{binary_cross_entropy_with_logits(ones({2, 3}), ones(3))};
       },
       "[binary_cross_entropy_with_logits] got input of shape [2, 3]",
       "torch.nn.functional.binary_cross_entropy_with_logits(torch.ones(2, 3), torch.ones(3))"}};
  return r;
}

DType as_i64(DType) { return i64; }

Array encoded(const Array& x, Index classes) {
  Shape sizes = x.sizes;
  sizes.push_back(classes);
  return generate(sizes, [&](Shape i) {
    const auto c = static_cast<double>(i[i.size() - 1]);
    i.erase(i.size() - 1);
    return at(x, i) == c;
  });
}

Row one_hot_row() {
  Row r;
  r.name = "one_hot";
  r.result = as_i64;
  r.differentiable = false;
  r.cases = {{"torch.nn.functional.one_hot(x[0])",
              {indices({2, 3}, {0, 3, 1, 1, 0, 2})},
              [](const Tensors& x) { return one_hot(x[0]); },
              [](const Arrays& x) { return encoded(x[0], 4); }},
             {"torch.nn.functional.one_hot(x[0], 5)",
              {indices({}, {2})},
              [](const Tensors& x) { return one_hot(x[0], 5); },
              [](const Arrays& x) { return encoded(x[0], 5); }}};
  r.bad = {{[] { return Tensors{one_hot(ones(2))}; }, "[one_hot] got float32",
            "torch.nn.functional.one_hot(torch.ones(2))"},
           {[] {
              return Tensors{one_hot(tensor({0, 3}), 3)};
            },
            "[one_hot] got class 3", "torch.nn.functional.one_hot(torch.tensor([0, 3]), 3)"},
           {[] { return Tensors{one_hot(tensor({-1}))}; }, "[one_hot] got class -1",
            "torch.nn.functional.one_hot(torch.tensor([-1]))"}};
  return r;
}

}  // namespace

std::vector<Row> loss_rows() {
  const auto soft = [](const Tensor& x, Index dim) { return softmax(x, dim); };
  const auto log_soft = [](const Tensor& x, Index dim) { return log_softmax(x, dim); };
  const auto to_soft = [](const Tensor& x, Index dim) { return softmax(x, dim, f64); };
  const auto to_log = [](const Tensor& x, Index dim) { return log_softmax(x, dim, f64); };
  const auto values = [](const List& x) { return softmax_of(x); };
  const auto log_values = [](const List& x) { return log_softmax_of(x); };
  return {
      softmax_row("softmax", soft, values),
      softmax_row("log_softmax", log_soft, log_values),
      converted_row("softmax", to_soft, values),
      converted_row("log_softmax", to_log, log_values),
      cross_entropy_row(),
      nll_row(),
      difference_row(
          "mse_loss",
          [](const Tensor& x, const Tensor& y, Reduction r) { return mse_loss(x, y, r); },
          [](double x, double y) { return (x - y) * (x - y); }),
      difference_row(
          "l1_loss", [](const Tensor& x, const Tensor& y, Reduction r) { return l1_loss(x, y, r); },
          [](double x, double y) { return std::abs(x - y); }),
      logits_row(),
      one_hot_row()};
}

}  // namespace weft::op_table
