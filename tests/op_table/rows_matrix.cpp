#include <cmath>

#include <weft/tests/op_table/row.h>

namespace weft::op_table {
namespace {

Array unsqueezed(Array x, int d) {
  x.sizes.insert(d, 1);
  return x;
}

// By PyTorch's rules of rank, written out: sums of products.
Array product(Array a, Array b) {
  const bool row = a.sizes.size() == 1, column = b.sizes.size() == 1;
  if (row) a = unsqueezed(a, 0);
  if (column) b = unsqueezed(b, 1);
  const int ra = a.sizes.size(), rb = b.sizes.size();
  const Index k = a.sizes.back(), n = a.sizes[ra - 2], m = b.sizes.back();
  Shape batch = broadcast(Shape(std::span(a.sizes.data(), std::size_t(ra - 2))),
                          Shape(std::span(b.sizes.data(), std::size_t(rb - 2))));
  Shape sizes = batch;
  sizes.push_back(n);
  sizes.push_back(m);
  const int r = sizes.size();
  Array y = generate(sizes, [&](const Shape& i) {
    double sum = 0;
    for (Index e = 0; e < k; ++e) {
      Shape left = i, right = i;
      left[r - 1] = e;
      right[r - 2] = e;
      sum += at(a, left) * at(b, right);
    }
    return sum;
  });
  if (column) y.sizes.erase(r - 1);
  if (row) y.sizes.erase(y.sizes.size() - (column ? 1 : 2));
  return y;
}

Array sum(const Array& a, const Array& b) {
  return map(a, b, [](double x, double y) { return x + y; });
}

Row products(const std::string& name, const std::vector<std::vector<Input>>& inputs) {
  Row r;
  r.name = name;
  r.dtypes = kNumber;
  r.scale = 4;
  for (const auto& list : inputs) {
    r.cases.push_back({"torch." + name + "(x[0], x[1])", list, {}, [](const Arrays& x) {
                         return product(x[0], x[1]);
                       }});
  }
  return r;
}

void set_call(Row& r, const Function<Tensor>& call) {
  for (Case& c : r.cases) c.call = call;
}

Row matmul_row() {
  Row r = products("matmul", {{real({3, 4}), real({4, 2})},
                              {real(4), real(4)},
                              {real(4), real({4, 3})},
                              {real({3, 4}), real(4)},
                              {real({2, 3, 4}), real({4, 2})},
                              {real({3, 4}), real({2, 4, 2})},
                              {real({2, 1, 3, 2}), real({3, 2, 2})},
                              {real({2, 2, 3}), real(3)},
                              {real(3), real({2, 3, 2})},
                              {real({0, 4}), real({4, 2})},
                              {real({3, 0}), real({0, 2})},
                              {real({1, 1}), real({1, 1})}});
  set_call(r, [](const Tensors& x) { return matmul(x[0], x[1]); });
  r.cases.front().big = {real({130, 70}), real({70, 190})};
  r.cases[6].big = {real({3, 1, 33, 50}), real({4, 50, 40})};
  r.bad = {
      {[] {
         return Tensors{matmul(ones({2, 3}), ones({4, 2}))};
       },
       "[matmul] got ", "torch.matmul(torch.ones(2, 3), torch.ones(4, 2))"},
      {[] {
         return Tensors{matmul(ones({}), ones({4, 2}))};
       },
       "[matmul] got ", "torch.matmul(torch.ones(()), torch.ones(4, 2))"},
      {[] {
         return Tensors{matmul(ones({2, 2, 3}), ones({3, 3, 2}))};
       },
       "[matmul] got ", "torch.matmul(torch.ones(2, 2, 3), torch.ones(3, 3, 2))"},
      {[] {
         return Tensors{matmul(ones({2, 3}), ones({3, 2}, f64))};
       },
       "[matmul] got ", "torch.matmul(torch.ones(2, 3), torch.ones(3, 2, dtype=torch.float64))"}};
  return r;
}

Row addmm_row() {
  Row r;
  r.name = "addmm";
  r.dtypes = kNumber;
  r.scale = 4;
  for (const Input& bias : {real(2), real({3, 2}), real({3, 1}), real({})}) {
    r.cases.push_back({"torch.addmm(x[0], x[1], x[2])",
                       {bias, real({3, 4}), real({4, 2})},
                       [](const Tensors& x) { return addmm(x[0], x[1], x[2]); },
                       [](const Arrays& x) { return sum(x[0], product(x[1], x[2])); }});
  }
  r.cases.front().big = {real(190), real({130, 70}), real({70, 190})};
  r.cases.push_back({"torch.addmm(x[0], x[1], x[2], beta=2, alpha=3)",
                     {real(2), real({3, 4}), real({4, 2})},
                     [](const Tensors& x) { return addmm(x[0], x[1], x[2], 2, 3); },
                     [](const Arrays& x) {
                       return map(x[0], product(x[1], x[2]),
                                  [](double b, double p) { return 2 * b + 3 * p; });
                     }});
  r.bad = {{[] {
              return Tensors{addmm(ones(3), ones({2, 3}), ones({3, 2}))};
            },
            "[addmm] got ", "torch.addmm(torch.ones(3), torch.ones(2, 3), torch.ones(3, 2))"},
           {[] {
              return Tensors{addmm(ones(2), ones({2, 3}), ones({2, 2}))};
            },
            "[addmm] got ", "torch.addmm(torch.ones(2), torch.ones(2, 3), torch.ones(2, 2))"}};
  return r;
}

Row linear_row() {
  Row r;
  r.name = "linear";
  r.dtypes = kNumber;
  r.scale = 4;
  for (const Shape& s : {Shape{3, 4}, Shape{4}, Shape{2, 3, 4}, Shape{0, 4}}) {
    r.cases.push_back({"torch.nn.functional.linear(x[0], x[1], x[2])",
                       {real(s), real({2, 4}), or_none(real(2))},
                       [](const Tensors& x) { return linear(x[0], x[1], x[2]); },
                       [](const Arrays& x) {
                         return sum(product(x[0], permuted(x[1], {1, 0})), x[2]);
                       }});
  }
  r.cases.front().big = {real({130, 70}), real({190, 70}), or_none(real(190))};
  r.cases.push_back({"torch.nn.functional.linear(x[0], x[1])",
                     {real({3, 4}), real({2, 4})},
                     [](const Tensors& x) { return linear(x[0], x[1]); },
                     [](const Arrays& x) {
                       return product(x[0], permuted(x[1], {1, 0}));
                     }});
  r.bad = {{[] {
              return Tensors{linear(ones({2, 3}), ones({5, 4}))};
            },
            "[linear] got ", "torch.nn.functional.linear(torch.ones(2, 3), torch.ones(5, 4))"},
           {[] {
              return Tensors{linear(ones({2, 4}), ones({5, 4}), ones(4))};
            },
            "[linear] got ",
            "torch.nn.functional.linear(torch.ones(2, 4), torch.ones(5, 4), torch.ones(4))"}};
  return r;
}

// linear and an activation as one: `rest` are the arguments behind bias, F is the activation.
template <class F>
void add_activated(Row& r, const std::string& torch, const std::string& rest,
                   const Function<Tensor>& call, F) {
  for (const Shape& s : {Shape{3, 4}, Shape{2, 3, 4}, Shape{0, 4}, Shape{2, 0}}) {
    Case c;
    c.torch = "torch." + torch + "(torch.nn.functional.linear(x[0], x[1], x[2])" + rest + ")";
    c.python = "torch.nn.functional." + r.name + "(x[0], x[1], x[2]" + rest + ")";
    c.inputs = {real(s), real({2, s.back()}), or_none(real(2))};
    c.call = call;
    c.reference = [](const Arrays& x) {
      return map(sum(product(x[0], permuted(x[1], {1, 0})), x[2]), F{});
    };
    if (s == Shape{3, 4}) c.big = {real({130, 70}), real({190, 70}), or_none(real(190))};
    r.cases.push_back(c);
  }
}

Row linear_relu_row() {
  Row r;
  r.name = "linear_relu";
  r.dtypes = kNumber;
  r.scale = r.loose = 4;
  add_activated(
      r, "relu", "", [](const Tensors& x) { return linear_relu(x[0], x[1], x[2]); },
      [](double v) { return v < 0 ? 0 : v; });
  r.bad = {{[] {
              return Tensors{linear_relu(ones({2, 3}), ones({5, 4}))};
            },
            "[linear] got ", "torch.nn.functional.linear(torch.ones(2, 3), torch.ones(5, 4))"}};
  return r;
}

Row linear_gelu_row() {
  Row r;
  r.name = "linear_gelu";
  r.dtypes = kNumber;
  r.result = floating_of;
  r.scale = r.loose = 4;
  add_activated(
      r, "nn.functional.gelu", "", [](const Tensors& x) { return linear_gelu(x[0], x[1], x[2]); },
      [](double v) { return v * std::erfc(-v / std::sqrt(2)) / 2; });
  add_activated(
      r, "nn.functional.gelu", ", approximate='tanh'",
      [](const Tensors& x) { return linear_gelu(x[0], x[1], x[2], "tanh"); },
      [](double v) {
        const double root = 0.7978845608028654;  // of 2 / pi
        return v * (1 + std::tanh(root * (v + 0.044715 * v * v * v))) / 2;
      });
  r.bad = {{[] {
              return Tensors{linear_gelu(ones({2, 3}), ones({5, 4}))};
            },
            "[linear] got ", "torch.nn.functional.linear(torch.ones(2, 3), torch.ones(5, 4))"}};
  return r;
}

// A case of einsum that is a product of matrices or a sum of one.
Case einsum_case(const std::string& arguments, const std::vector<Input>& inputs,
                 Function<Tensor> call, Function<Array> reference) {
  return {"torch.einsum(" + arguments + ")", inputs, call, reference, nullptr, kNumber};
}

Row einsum_row() {
  Row r;
  r.name = "einsum";
  r.scale = 4;
  r.cases = {
      einsum_case(
          "'ij,jk->ki', x[0], x[1]", {real({3, 4}), real({4, 2})},
          [](const Tensors& x) {
            return einsum("ij,jk->ki", {x[0], x[1]});
          },
          [](const Arrays& x) {
            return generate({2, 3}, [&](const Shape& i) {
              double sum = 0;
              for (Index j = 0; j < 4; ++j) sum += at(x[0], {i[1], j}) * at(x[1], {j, i[0]});
              return sum;
            });
          }),
      einsum_case(
          "'...ij,jk', x[0], x[1]", {real({2, 2, 3}), real({3, 2})},
          [](const Tensors& x) {
            return einsum("...ij,jk", {x[0], x[1]});
          },
          [](const Arrays& x) {
            return generate({2, 2, 2}, [&](const Shape& i) {
              double sum = 0;
              for (Index j = 0; j < 3; ++j) sum += at(x[0], {i[0], i[1], j}) * at(x[1], {j, i[2]});
              return sum;
            });
          }),
      einsum_case(
          "'bi,bj->bij', x[0], x[1]", {real({2, 3}), real({2, 2})},
          [](const Tensors& x) {
            return einsum("bi,bj->bij", {x[0], x[1]});
          },
          [](const Arrays& x) {
            return generate({2, 3, 2}, [&](const Shape& i) {
              return at(x[0], {i[0], i[1]}) * at(x[1], {i[0], i[2]});
            });
          }),
      einsum_case(
          "'iji->ij', x[0]", {real({2, 3, 2})},
          [](const Tensors& x) { return einsum("iji->ij", {x[0]}); },
          [](const Arrays& x) {
            return generate({2, 3}, [&](const Shape& i) { return at(x[0], {i[0], i[1], i[0]}); });
          }),
  };
  r.cases[0].big = {real({130, 70}), real({70, 90})};
  r.bad = {
      {[] {
         return Tensors{einsum("ij->iz", {ones({2, 2})})};
       },
       "[einsum] got 'z'", "torch.einsum('ij->iz', torch.ones(2, 2))"},
      {[] { return Tensors{einsum("ij", {ones(2)})}; }, "[einsum] got 'ij' for a tensor of 1",
       "torch.einsum('ij', torch.ones(2))"},
      {[] {
         return Tensors{einsum("i,i", {ones(2), ones(3)})};
       },
       "[einsum] got sizes 2 and 3 for 'i'", "torch.einsum('i,i', torch.ones(2), torch.ones(3))"}};
  return r;
}

}  // namespace

std::vector<Row> matrix_rows() {
  std::vector<Row> rows = {matmul_row()};
  Row r = products("mm", {{real({3, 4}), real({4, 2})}, {real({2, 0}), real({0, 3})}});
  set_call(r, [](const Tensors& x) { return mm(x[0], x[1]); });
  r.bad = {{[] {
              return Tensors{mm(ones(3), ones({3, 2}))};
            },
            "[mm] got ", "torch.mm(torch.ones(3), torch.ones(3, 2))"}};
  rows.push_back(r);
  r = products("bmm", {{real({2, 3, 4}), real({2, 4, 2})}, {real({0, 3, 4}), real({0, 4, 2})}});
  set_call(r, [](const Tensors& x) { return bmm(x[0], x[1]); });
  r.cases.front().big = {real({9, 40, 30}), real({9, 30, 50})};
  r.bad = {{[] {
              return Tensors{bmm(ones({1, 2, 3}), ones({2, 3, 2}))};
            },
            "[bmm] got ", "torch.bmm(torch.ones(1, 2, 3), torch.ones(2, 3, 2))"}};
  rows.push_back(r);
  r = products("dot", {{real(5), real(5)}, {real(0), real(0)}});
  set_call(r, [](const Tensors& x) { return dot(x[0], x[1]); });
  r.bad = {{[] { return Tensors{dot(ones(2), ones(3))}; }, "[dot] got ",
            "torch.dot(torch.ones(2), torch.ones(3))"}};
  rows.push_back(r);
  r = {};
  r.name = "outer";
  r.mixes = true;
  for (const Shape& s : {Shape{3}, Shape{0}}) {
    r.cases.push_back({"torch.outer(x[0], x[1])",
                       {real(s), real(4)},
                       [](const Tensors& x) { return outer(x[0], x[1]); },
                       [](const Arrays& x) {
                         return generate({x[0].sizes[0], x[1].sizes[0]}, [&](const Shape& i) {
                           return at(x[0], i[0]) * at(x[1], i[1]);
                         });
                       }});
  }
  r.bad = {{[] {
              return Tensors{outer(ones({2, 2}), ones(3))};
            },
            "[outer] got ", "torch.outer(torch.ones(2, 2), torch.ones(3))"}};
  rows.push_back(r);
  rows.push_back(addmm_row());
  rows.push_back(linear_row());
  rows.push_back(linear_relu_row());
  rows.push_back(linear_gelu_row());
  rows.push_back(einsum_row());
  return rows;
}

}  // namespace weft::op_table
