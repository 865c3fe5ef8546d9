#include <algorithm>
#include <cmath>

#include <weft/tests/op_table/row.h>

// Normalisation.
namespace weft::op_table {
namespace {

// (x - mean) / sqrt(variance + eps) within the elements of dims.
Array normalised(const Array& x, const Shape& dims) {
  const auto mean = [](const std::vector<double>& v) {
    double sum = 0;
    for (double e : v) sum += e;
    return sum / static_cast<double>(v.size());
  };
  const Array m = reduce(x, dims, true, mean);
  const Array centred = map(x, m, [](double v, double c) { return v - c; });
  const Array variance = reduce(map(centred, [](double v) { return v * v; }), dims, true, mean);
  return map(centred, variance, [](double v, double s) { return v / std::sqrt(s + 1e-5); });
}

Array scaled(const Array& x, const Array& w, const Array& b) {
  return map(x, w, b, [](double v, double s, double t) { return v * s + t; });
}

// Training moves the running statistics, given as x[1] and x[2].
Case running_case() {
  Case c = {
      "(lambda m, v: (torch.nn.functional.batch_norm(x[0], m, v, training=True, momentum=0.25), "
      "m, v))(x[1].clone(), x[2].clone())",
      {real({3, 2, 4}), constant(real(2)), constant(real(2, 0.5, 2))},
      [](const Tensors& x) {
        const Tensor mean = x[1].clone(), variance = x[2].clone();
        const Tensor y = batch_norm(x[0], mean, variance, {}, {}, true, 0.25);
        return Tensors{y, mean, variance};
      },
      [](const Arrays& x) {
        const auto moment = [&](int order, double divisor) {
          const Array mean = reduce(x[0], {0, 2}, true, [](const std::vector<double>& v) {
            double sum = 0;
            for (double e : v) sum += e;
            return sum / 12;
          });
          return reduce(map(x[0], mean,
                            [&](double e, double m) { return order == 1 ? e : (e - m) * (e - m); }),
                        {0, 2}, false, [&](const std::vector<double>& v) {
                          double sum = 0;
                          for (double e : v) sum += e;
                          return sum / divisor;
                        });
        };
        const auto moved = [](double old, double now) { return 0.75 * old + 0.25 * now; };
        return Arrays{normalised(x[0], {0, 2}), map(x[1], moment(1, 12), moved),
                      map(x[2], moment(2, 11), moved)};
      }};
  return c;
}

// relu of what the row of batch_norm computes.
Row norm_relu_row(const Row& norm) {
  Row r;
  r.name = "batch_norm_relu";
  r.dtypes = kFloat;
  r.scale = norm.scale;
  r.loose = norm.loose;
  Case c = norm.cases[0];
  c.torch = "torch.relu(" + c.torch + ")";
  c.python = "torch.nn.functional.batch_norm_relu(x[0], x[1], x[2], x[3], x[4])";
  c.call = [](const Tensors& x) { return batch_norm_relu(x[0], x[1], x[2], x[3], x[4]); };
  c.reference = [](const Arrays& x) {
    return generate(x[0].sizes, [&](const Shape& i) {
      const Shape k = i[1];
      const double y =
          (at(x[0], i) - at(x[1], k)) / std::sqrt(at(x[2], k) + 1e-5) * at(x[3], k) + at(x[4], k);
      return std::max(y, 0.0);
    });
  };
  r.cases.push_back(c);
  c = norm.cases[1];
  c.torch = "torch.relu(" + c.torch + ")";
  c.python = "torch.nn.functional.batch_norm_relu(x[0], None, None, x[1], x[2], training=True)";
  c.call = [](const Tensors& x) { return batch_norm_relu(x[0], {}, {}, x[1], x[2], true); };
  c.reference = [](const Arrays& x) {
    const Array y = scaled(normalised(x[0], {0, 2, 3}), reshaped(x[1], {1, 2, 1, 1}),
                           reshaped(x[2], {1, 2, 1, 1}));
    return map(y, [](double v) { return std::max(v, 0.0); });
  };
  r.cases.push_back(c);
  r.bad = {{[] {
              return Tensors{batch_norm_relu(ones({2, 3}), ones(2), ones(2))};
            },
            "[batch_norm",
            "torch.nn.functional.batch_norm_relu(torch.ones(2, 3), torch.ones(2), torch.ones(2))"}};
  return r;
}

}  // namespace

std::vector<Row> norm_rows() {
  std::vector<Row> rows;
  Row r;
  r.name = "batch_norm";
  r.dtypes = kFloat;
  r.scale = 4;
  r.loose = 8;
  r.cases.push_back({"torch.nn.functional.batch_norm(x[0], x[1], x[2], x[3], x[4])",
                     {real({2, 3, 2, 2}), or_none(constant(real(3))),
                      or_none(constant(real(3, 0.5, 2))), or_none(real(3)), or_none(real(3))},
                     [](const Tensors& x) { return batch_norm(x[0], x[1], x[2], x[3], x[4]); },
                     [](const Arrays& x) {
                       return generate(x[0].sizes, [&](const Shape& i) {
                         const Shape c = i[1];
                         return (at(x[0], i) - at(x[1], c)) / std::sqrt(at(x[2], c) + 1e-5) *
                                    at(x[3], c) +
                                at(x[4], c);
                       });
                     }});
  r.cases[0].big = {real({9, 40, 31, 17}), constant(real(40)), constant(real(40, 0.5, 2)),
                    or_none(real(40)), or_none(real(40))};
  r.cases.push_back({"torch.nn.functional.batch_norm(x[0], None, None, x[1], x[2], training=True)",
                     {real({3, 2, 2, 3}), or_none(real(2)), or_none(real(2))},
                     [](const Tensors& x) { return batch_norm(x[0], {}, {}, x[1], x[2], true); },
                     [](const Arrays& x) {
                       return scaled(normalised(x[0], {0, 2, 3}), reshaped(x[1], {1, 2, 1, 1}),
                                     reshaped(x[2], {1, 2, 1, 1}));
                     }});
  r.cases[1].big = {real({9, 40, 31, 17}), or_none(real(40)), or_none(real(40))};
  r.cases.push_back({"torch.nn.functional.batch_norm(x[0], None, None, training=True)",
                     {real({5, 3})},
                     [](const Tensors& x) { return batch_norm(x[0], {}, {}, {}, {}, true); },
                     [](const Arrays& x) { return normalised(x[0], Shape{0}); }});
  r.cases.push_back(running_case());
  r.bad = {{[] {
              return Tensors{batch_norm(ones({2, 3}), ones(2), ones(2))};
            },
            "[batch_norm] got ",
            "torch.nn.functional.batch_norm(torch.ones(2, 3), torch.ones(2), torch.ones(2))"},
           {[] {
              return Tensors{batch_norm(ones({2, 3}), {}, {})};
            },
            "[batch_norm] ", "torch.nn.functional.batch_norm(torch.ones(2, 3), None, None)"}};
  rows.push_back(r);
  rows.push_back(norm_relu_row(r));

  r = {};
  r.name = "layer_norm";
  r.dtypes = kFloat;
  r.scale = 4;
  r.loose = 8;
  r.cases.push_back({"torch.nn.functional.layer_norm(x[0], (2, 3), x[1], x[2])",
                     {real({3, 2, 3}), or_none(real({2, 3})), or_none(real({2, 3}))},
                     [](const Tensors& x) {
                       return layer_norm(x[0], {2, 3}, x[1], x[2]);
                     },
                     [](const Arrays& x) {
                       return scaled(normalised(x[0], {1, 2}), x[1], x[2]);
                     }});
  r.cases.push_back({"torch.nn.functional.layer_norm(x[0], (5,))",
                     {real({3, 5})},
                     [](const Tensors& x) { return layer_norm(x[0], 5); },
                     [](const Arrays& x) { return normalised(x[0], Shape{1}); }});
  r.cases[1].big = {real({607, 5})};
  r.bad = {{[] {
              return Tensors{layer_norm(ones({2, 3}), 4)};
            },
            "[layer_norm] got ", "torch.nn.functional.layer_norm(torch.ones(2, 3), (4,))"}};
  rows.push_back(r);

  r = {};
  r.name = "local_response_norm";
  r.dtypes = kFloat;
  r.loose = 4;
  r.scale = 1;
  r.cases.push_back({"torch.nn.functional.local_response_norm(x[0], 3, 0.5, 0.75, 2.0)",
                     {real({2, 5, 2, 2})},
                     [](const Tensors& x) { return local_response_norm(x[0], 3, 0.5, 0.75, 2.0); },
                     [](const Arrays& x) {
                       return generate(x[0].sizes, [&](const Shape& i) {
                         double sum = 0;
                         for (Index c = i[1] - 1; c <= i[1] + 1; ++c) {
                           if (c < 0 || c >= 5) continue;
                           Shape j = i;
                           j[1] = c;
                           sum += at(x[0], j) * at(x[0], j);
                         }
                         return at(x[0], i) / std::pow(2 + 0.5 / 3 * sum, 0.75);
                       });
                     }});
  r.cases[0].big = {real({5, 40, 31, 17})};
  r.bad = {{[] {
              return Tensors{local_response_norm(ones({1, 2, 2, 2}), 0)};
            },
            "[local_response_norm] got ",
            "torch.nn.functional.local_response_norm(torch.ones(1, 2, 2, 2), 0)"}};
  rows.push_back(r);
  return rows;
}

}  // namespace weft::op_table
