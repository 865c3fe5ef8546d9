#include <algorithm>
#include <limits>

#include <weft/tests/op_table/row.h>

// Convolution, pooling, dropout.
namespace weft::op_table {
namespace {

struct Geometry {
  Index stride = 1, padding = 0, dilation = 1, groups = 1;
};

Index size_of_output(Index n, Index k, const Geometry& g) {
  return (n + 2 * g.padding - g.dilation * (k - 1) - 1) / g.stride + 1;
}

// As conv2d's documentation has it, sum by sum; bias may be empty.
Array convolved(const Array& x, const Array& w, const Array* bias, const Geometry& g) {
  const Index channels = w.sizes[1], per_group = w.sizes[0] / g.groups;
  const Shape sizes = {x.sizes[0], w.sizes[0], size_of_output(x.sizes[2], w.sizes[2], g),
                       size_of_output(x.sizes[3], w.sizes[3], g)};
  return generate(sizes, [&](const Shape& o) {
    double sum = bias ? at(*bias, Shape{o[1]}) : 0;
    for (Index e = 0; e < channels * w.sizes[2] * w.sizes[3]; ++e) {
      const Shape k = index_of({channels, w.sizes[2], w.sizes[3]}, e);
      const Index i = o[2] * g.stride - g.padding + k[1] * g.dilation,
                  j = o[3] * g.stride - g.padding + k[2] * g.dilation;
      if (i < 0 || j < 0 || i >= x.sizes[2] || j >= x.sizes[3]) continue;
      sum +=
          at(w, {o[1], k[0], k[1], k[2]}) * at(x, {o[0], o[1] / per_group * channels + k[0], i, j});
    }
    return sum;
  });
}

template <class Call, class G>
Case conv_case(const std::string& arguments, const Shape& x, const Shape& w, Call, G) {
  return {"torch.nn.functional.conv2d(x[0], x[1], x[2]" + arguments + ")",
          {real(x), real(w), or_none(real(w[0]))},
          Call{},
          [](const Arrays& a) { return convolved(a[0], a[1], &a[2], G{}()); }};
}

Row conv_row() {
  Row r;
  r.name = "conv2d";
  r.dtypes = kFloat;
  r.scale = 8;
  r.loose = 4;
  r.cases.push_back(conv_case(
      "", {2, 2, 4, 5}, {3, 2, 3, 2}, [](const Tensors& x) { return conv2d(x[0], x[1], x[2]); },
      [] { return Geometry{}; }));
  r.cases.push_back(conv_case(
      ", stride=2, padding=1", {1, 2, 5, 4}, {2, 2, 3, 3},
      [](const Tensors& x) { return conv2d(x[0], x[1], x[2], 2, 1); },
      [] {
        return Geometry{2, 1, 1, 1};
      }));
  r.cases.push_back(conv_case(
      ", padding=2, dilation=2", {1, 2, 4, 4}, {2, 2, 3, 3},
      [](const Tensors& x) { return conv2d(x[0], x[1], x[2], 1, 2, 2); },
      [] {
        return Geometry{1, 2, 2, 1};
      }));
  r.cases.push_back(conv_case(
      ", padding='same', groups=2", {1, 4, 3, 4}, {4, 2, 3, 3},
      [](const Tensors& x) { return conv2d(x[0], x[1], x[2], 1, "same", 1, 2); },
      [] {
        return Geometry{1, 1, 1, 2};
      }));
  r.cases.push_back(conv_case(
      ", padding=1, groups=3", {2, 3, 3, 3}, {3, 1, 3, 3},
      [](const Tensors& x) { return conv2d(x[0], x[1], x[2], 1, 1, 1, 3); },
      [] {
        return Geometry{1, 1, 1, 3};
      }));
  r.cases.push_back({"torch.nn.functional.conv2d(x[0], x[1])",
                     {real({2, 3, 2, 2}), real({4, 3, 1, 1})},
                     [](const Tensors& x) { return conv2d(x[0], x[1]); },
                     [](const Arrays& x) { return convolved(x[0], x[1], nullptr, {}); }});
  r.cases.push_back(conv_case(
      "", {0, 2, 4, 5}, {3, 2, 3, 2}, [](const Tensors& x) { return conv2d(x[0], x[1], x[2]); },
      [] { return Geometry{}; }));
  r.cases[1].big = {real({9, 16, 21, 19}), real({24, 16, 3, 3}), or_none(real(24))};
  r.cases[4].big = {real({5, 39, 17, 16}), real({39, 13, 3, 3}), or_none(real(39))};
  r.cases.push_back(conv_case(
      ", padding=1", {1, 32, 8, 8}, {32, 32, 3, 3},
      [](const Tensors& x) { return conv2d(x[0], x[1], x[2], 1, 1); },
      [] {
        return Geometry{1, 1, 1, 1};
      }));
  r.cases.back().big = {real({5, 48, 20, 20}), real({64, 48, 3, 3}), or_none(real(64))};
  r.cases.back().winograd = true;
  r.bad = {
      {[] {
         return Tensors{conv2d(ones({2, 3}), ones({1, 3, 1, 1}))};
       },
       "[conv2d] got ", "torch.nn.functional.conv2d(torch.ones(2, 3), torch.ones(1, 3, 1, 1))"},
      {[] {
         return Tensors{conv2d(ones({1, 3, 4, 4}), ones({1, 2, 1, 1}))};
       },
       "[conv2d] got ",
       "torch.nn.functional.conv2d(torch.ones(1, 3, 4, 4), torch.ones(1, 2, 1, 1))"},
      {[] {
         return Tensors{conv2d(ones({1, 1, 2, 2}), ones({1, 1, 3, 3}))};
       },
       "[conv2d] ", "torch.nn.functional.conv2d(torch.ones(1, 1, 2, 2), torch.ones(1, 1, 3, 3))"},
      {[] {
         return Tensors{conv2d(ones({1, 3, 4, 4}), ones({4, 1, 1, 1}), {}, 1, 0, 1, 3)};
       },
       "[conv2d] got ",
       "torch.nn.functional.conv2d(torch.ones(1, 3, 4, 4), torch.ones(4, 1, 1, 1), None, 1, 0, 1, "
       "3)"},
      {[] {
         return Tensors{conv2d(ones({1, 1, 4, 4}), ones({1, 1, 1, 1}), {}, 0)};
       },
       "[conv2d] got ",
       "torch.nn.functional.conv2d(torch.ones(1, 1, 4, 4), torch.ones(1, 1, 1, 1), None, 0)"}};
  return r;
}

Row conv_relu_row() {
  Row r;
  r.name = "conv2d_relu";
  r.dtypes = kFloat;
  r.scale = 8;
  r.loose = 4;
  r.cases.push_back({"torch.relu(torch.nn.functional.conv2d(x[0], x[1], x[2], padding=1))",
                     {real({2, 2, 4, 5}), real({3, 2, 3, 3}), or_none(real(3))},
                     [](const Tensors& x) { return conv2d_relu(x[0], x[1], x[2], 1, 1); },
                     [](const Arrays& x) {
                       return map(convolved(x[0], x[1], &x[2], {1, 1, 1, 1}),
                                  [](double v) { return std::max(v, 0.0); });
                     }});
  r.cases[0].python = "torch.nn.functional.conv2d_relu(x[0], x[1], x[2], padding=1)";
  return r;
}

// The elements of x under window o of an output, in row-major order, with their places in the
// plane.
struct Seen {
  std::vector<double> values, places;
};
Seen window(const Array& x, const Shape& o, Index kernel, const Geometry& g) {
  Seen seen;
  for (Index e = 0; e < kernel * kernel; ++e) {
    const Index i = o[2] * g.stride - g.padding + e / kernel * g.dilation,
                j = o[3] * g.stride - g.padding + e % kernel * g.dilation;
    if (i < 0 || j < 0 || i >= x.sizes[2] || j >= x.sizes[3]) continue;
    seen.values.push_back(at(x, {o[0], o[1], i, j}));
    seen.places.push_back(static_cast<double>(i * x.sizes[3] + j));
  }
  return seen;
}

std::size_t place_of_max(const std::vector<double>& v) {
  return static_cast<std::size_t>(std::max_element(v.begin(), v.end()) - v.begin());
}

Arrays max_pooled(const Array& x, const Shape& sizes, Index kernel, const Geometry& g) {
  return {generate(sizes,
                   [&](const Shape& o) {
                     const Seen s = window(x, o, kernel, g);
                     return s.values[place_of_max(s.values)];
                   }),
          generate(sizes, [&](const Shape& o) {
            const Seen s = window(x, o, kernel, g);
            return s.places[place_of_max(s.values)];
          })};
}

Row max_pool_row() {
  Row r;
  r.name = "max_pool2d";
  r.dtypes = kFloat;
  r.cases.push_back({"torch.nn.functional.max_pool2d(x[0], 2)",
                     {real({2, 3, 4, 5})},
                     [](const Tensors& x) { return max_pool2d(x[0], 2); },
                     [](const Arrays& x) {
                       return max_pooled(x[0], {2, 3, 2, 2}, 2, {2})[0];
                     }});
  r.cases[0].big = {real({7, 24, 40, 41})};
  r.cases.push_back({"torch.nn.functional.max_pool2d(x[0], 3, 2, 1)",
                     {real({1, 2, 6, 5})},
                     [](const Tensors& x) { return max_pool2d(x[0], 3, 2, 1); },
                     [](const Arrays& x) {
                       return max_pooled(x[0], {1, 2, 3, 3}, 3, {2, 1})[0];
                     }});
  r.cases[1].big = {real({7, 24, 40, 41})};
  r.cases.push_back({"torch.nn.functional.max_pool2d(x[0], 2, 2, 0, 2, True)",
                     {real({1, 2, 6, 6})},
                     [](const Tensors& x) { return max_pool2d(x[0], 2, 2, 0, 2, true); },
                     [](const Arrays& x) {
                       return max_pooled(x[0], {1, 2, 3, 3}, 2, {2, 0, 2})[0];
                     }});
  r.cases.push_back({"torch.nn.functional.max_pool2d(x[0], 2)",
                     {given({1, 1, 2, 4}, {1, 1, std::nan(""), 2, 1, 0, 3, -1})},
                     [](const Tensors& x) { return max_pool2d(x[0], 2); },
                     [](const Arrays&) {
                       return Array{{1, 1, 1, 2}, {1, std::nan("")}};
                     },
                     nullptr,
                     kFloat,
                     false});
  r.bad = {{[] {
              return Tensors{max_pool2d(ones({3, 3}), 2)};
            },
            "[max_pool2d] got ", "torch.nn.functional.max_pool2d(torch.ones(3, 3), 2)"},
           {[] {
              return Tensors{max_pool2d(ones({1, 1, 4, 4}), 2, 2, 2)};
            },
            "[max_pool2d] got ", "torch.nn.functional.max_pool2d(torch.ones(1, 1, 4, 4), 2, 2, 2)"},
           {[] {
              return Tensors{max_pool2d(ones({1, 1, 2, 2}), 3)};
            },
            "[max_pool2d] ", "torch.nn.functional.max_pool2d(torch.ones(1, 1, 2, 2), 3)"},
           {[] {
              return Tensors{max_pool2d(ones({1, 1, 4, 4}), 0)};
            },
            "[max_pool2d] got ", "torch.nn.functional.max_pool2d(torch.ones(1, 1, 4, 4), 0)"}};
  return r;
}

Row max_pool_indices_row() {
  Row r;
  r.name = "max_pool2d_with_indices";
  r.dtypes = kFloat;
  r.second = gives_i64;
  r.cases.push_back({"torch.nn.functional.max_pool2d(x[0], 3, 2, 1, return_indices=True)",
                     {real({1, 2, 6, 5})},
                     [](const Tensors& x) { return max_pool2d_with_indices(x[0], 3, 2, 1); },
                     [](const Arrays& x) {
                       return max_pooled(x[0], {1, 2, 3, 3}, 3, {2, 1});
                     }});
  return r;
}

Row avg_pool_row() {
  Row r;
  r.name = "avg_pool2d";
  r.dtypes = kFloat;
  r.scale = 1;
  r.cases.push_back({"torch.nn.functional.avg_pool2d(x[0], 2)",
                     {real({2, 3, 4, 5})},
                     [](const Tensors& x) { return avg_pool2d(x[0], 2); },
                     [](const Arrays& x) {
                       return generate({2, 3, 2, 2}, [&](const Shape& o) {
                         double sum = 0;
                         for (double v : window(x[0], o, 2, {2}).values) sum += v;
                         return sum / 4;
                       });
                     }});
  r.cases[0].big = {real({7, 24, 40, 41})};
  r.cases.push_back({"torch.nn.functional.avg_pool2d(x[0], 3, 2, 1, count_include_pad=False)",
                     {real({1, 2, 6, 5})},
                     [](const Tensors& x) { return avg_pool2d(x[0], 3, 2, 1, false, false); },
                     [](const Arrays& x) {
                       return generate({1, 2, 3, 3}, [&](const Shape& o) {
                         const Seen s = window(x[0], o, 3, {2, 1});
                         double sum = 0;
                         for (double v : s.values) sum += v;
                         return sum / static_cast<double>(s.values.size());
                       });
                     }});
  r.bad = {{[] {
              return Tensors{avg_pool2d(ones({3, 3}), 2)};
            },
            "[avg_pool2d] got ", "torch.nn.functional.avg_pool2d(torch.ones(3, 3), 2)"}};
  return r;
}

Row adaptive_row() {
  Row r;
  r.name = "adaptive_avg_pool2d";
  r.dtypes = kFloat;
  r.scale = 1;
  r.cases.push_back({"torch.nn.functional.adaptive_avg_pool2d(x[0], (2, 3))",
                     {real({1, 2, 5, 4})},
                     [](const Tensors& x) {
                       return adaptive_avg_pool2d(x[0], {2, 3});
                     },
                     [](const Arrays& x) {
                       return generate({1, 2, 2, 3}, [&](const Shape& o) {
                         double sum = 0;
                         Index n = 0;
                         for (Index i = o[2] * 5 / 2; i < ((o[2] + 1) * 5 + 1) / 2; ++i)
                           for (Index j = o[3] * 4 / 3; j < ((o[3] + 1) * 4 + 2) / 3; ++j, ++n)
                             sum += at(x[0], {o[0], o[1], i, j});
                         return sum / static_cast<double>(n);
                       });
                     }});
  r.cases[0].big = {real({7, 24, 40, 41})};
  r.bad = {{[] {
              return Tensors{adaptive_avg_pool2d(ones({3, 3}), 2)};
            },
            "[adaptive_avg_pool2d] got ",
            "torch.nn.functional.adaptive_avg_pool2d(torch.ones(3, 3), 2)"}};
  return r;
}

Row dropout_row() {
  Row r;
  r.name = "dropout";
  r.dtypes = kFloat;
  r.cases.push_back({"", {real({3, 5})}, [](const Tensors& x) {
                       manual_seed(3);
                       return dropout(x[0], 0.4);
                     }});
  r.cases[0].python = "(torch.manual_seed(3), torch.nn.functional.dropout(x[0], 0.4))[1]";
  r.cases[0].big = {real({503, 407})};
  r.cases.push_back({"torch.nn.functional.dropout(x[0], 0.4, training=False)",
                     {real({3, 5})},
                     [](const Tensors& x) { return dropout(x[0], 0.4, false); },
                     [](const Arrays& x) { return x[0]; }});
  r.bad = {{[] { return Tensors{dropout(ones(2), 1.5)}; }, "[dropout] got p 1.5",
            "torch.nn.functional.dropout(torch.ones(2), 1.5)"}};
  return r;
}

Row dropout_in_place_row() {
  Row r;
  r.name = "dropout_";
  r.dtypes = kFloat;
  r.cases.push_back({"", {real({3, 5})}, [](const Tensors& x) {
                       manual_seed(3);
                       Tensor y = x[0].clone();
                       return dropout_(y, 0.4);
                     }});
  r.cases[0].python =
      "(torch.manual_seed(3), torch.nn.functional.dropout(x[0].clone(), 0.4, inplace=True))[1]";
  r.cases.push_back({"torch.nn.functional.dropout(x[0], 1.0)",
                     {real({3, 5})},
                     [](const Tensors& x) {
                       Tensor y = x[0].clone();
                       return dropout_(y, 1);
                     },
                     [](const Arrays& x) { return map(x[0], [](double) { return 0.0; }); },
                     [](Tensors& x) { dropout_(x[0], 1); }});
  r.bad = {{[] {
              Tensor x = ones(2);
              return Tensors{dropout_(x, -1)};
            },
            "[dropout_] got p -1", "torch.nn.functional.dropout(torch.ones(2), -1, inplace=True)"}};
  return r;
}

}  // namespace

std::vector<Row> network_rows() {
  return {conv_row(),     conv_relu_row(), max_pool_row(), max_pool_indices_row(),
          avg_pool_row(), adaptive_row(),  dropout_row(),  dropout_in_place_row()};
}

}  // namespace weft::op_table
