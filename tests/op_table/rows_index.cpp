#include <weft/tests/op_table/row.h>

// Indexing, gathering and joining.
namespace weft::op_table {
namespace {

Row row(const std::string& name, std::vector<Case> cases) {
  Row r;
  r.name = name;
  r.cases = std::move(cases);
  return r;
}

Index whole(double v) { return static_cast<Index>(v); }
Index wrapped(double v, Index n) { return whole(v) < 0 ? whole(v) + n : whole(v); }

double& element(Array& x, const Shape& index) {
  Index i = 0;
  for (int d = 0; d < x.sizes.size(); ++d) i = i * x.sizes[d] + index[d];
  return x.values[static_cast<std::size_t>(i)];
}

Row index_row() {
  Row r = row(
      "index",
      {{"x[0][x[1]]",
        {real({4, 3}), indices({2, 2}, {3, 0, -1, 3})},
        [](const Tensors& x) { return x[0].index({x[1]}); },
        [](const Arrays& x) {
          return generate({2, 2, 3}, [&](const Shape& i) {
            return at(x[0], {wrapped(at(x[1], {i[0], i[1]}), 4), i[2]});
          });
        }},
       {"x[0][x[1], :, x[2]]",
        {real({3, 2, 4}), indices({2, 1}, {2, 0}), indices(3, {1, 1, -1})},
        [](const Tensors& x) {
          return x[0].index({x[1], Slice(), x[2]});
        },
        [](const Arrays& x) {
          return generate({2, 3, 2}, [&](const Shape& i) {
            return at(x[0], {whole(at(x[1], {i[0], 0})), i[2], wrapped(at(x[2], Shape{i[1]}), 4)});
          });
        }},
       {"x[0][..., 1:3, None]",
        {real({2, 4})},
        [](const Tensors& x) {
          return x[0].index({Ellipsis, Slice(1, 3), None});
        },
        [](const Arrays& x) {
          return generate({2, 2, 1}, [&](const Shape& i) { return at(x[0], {i[0], i[1] + 1}); });
        }},
       {"x[0][x[1]]",
        {real({2, 3}), {{2, 3}, 0, 1, {1, 0, 1, 0, 0, 1}, boolean, false, false}},
        [](const Tensors& x) { return x[0].index({x[1]}); },
        [](const Arrays& x) {
          Array y{0, {}};
          for (std::size_t i = 0; i < 6; ++i)
            if (x[1].values[i] != 0) y.values.push_back(x[0].values[i]);
          y.sizes = static_cast<Index>(y.values.size());
          return y;
        }}});
  r.bad = {{[] {
              return Tensors{ones(3).index({tensor({0, 3})})};
            },
            "[index] got ", "torch.ones(3)[torch.tensor([0, 3])]"},
           {[] {
              return Tensors{ones(3).index({0, 0})};
            },
            "[index] got ", "torch.ones(3)[0, 0]"}};
  return r;
}

Row index_put_row() {
  Row r = row("index_put_",
              {{"x[0].clone().index_put_((x[1],), x[2])",
                {real({4, 2}), indices(2, {2, 0}), real({2, 2})},
                [](const Tensors& x) { return x[0].clone().index_put_({x[1]}, x[2]); },
                [](const Arrays& x) {
                  Array y = x[0];
                  for (Index i = 0; i < 4; ++i)
                    element(y, {whole(at(x[1], Shape{i / 2})), i % 2}) = at(x[2], {i / 2, i % 2});
                  return y;
                }},
               {"x[0].clone().index_put_((x[1],), x[2], accumulate=True)",
                {real({4, 2}), indices(3, {2, 0, 2}), real({3, 2})},
                [](const Tensors& x) { return x[0].clone().index_put_({x[1]}, x[2], true); },
                [](const Arrays& x) {
                  Array y = x[0];
                  for (Index i = 0; i < 6; ++i)
                    element(y, {whole(at(x[1], Shape{i / 2})), i % 2}) += at(x[2], {i / 2, i % 2});
                  return y;
                },
                nullptr,
                kNumber}});
  r.scale = 1;
  r.bad = {{[] {
              return Tensors{ones(3).index_put_({tensor({0, 5})}, ones(2))};
            },
            "[index_put_] got ",
            "torch.ones(3).index_put_((torch.tensor([0, 5]),), torch.ones(2))"}};
  return r;
}

Row index_select_row() {
  Row r = row("index_select", {{"torch.index_select(x[0], 1, x[1])",
                                {real({3, 4}), indices(3, {3, 0, 3})},
                                [](const Tensors& x) { return x[0].index_select(1, x[1]); },
                                [](const Arrays& x) {
                                  return generate({3, 3}, [&](const Shape& i) {
                                    return at(x[0], {i[0], whole(at(x[1], Shape{i[1]}))});
                                  });
                                }}});
  r.cases[0].big = {real({503, 407}), integers(900, 0, 407)};
  r.bad = {{[] {
              return Tensors{ones({2, 3}).index_select(1, tensor({0, 3}))};
            },
            "[index_select] got ", "torch.ones(2, 3).index_select(1, torch.tensor([0, 3]))"},
           {[] {
              return Tensors{ones({2, 3}).index_select(1, ones(2))};
            },
            "[index_select] got ", "torch.ones(2, 3).index_select(1, torch.ones(2))"}};
  return r;
}

// What index_add and its like do to a copy of x[0]: f(element, source's, or nothing).
template <class F>
Array at_rows(const Arrays& x, F f) {
  Array y = x[0];
  const Index wide = y.sizes[1], n = x[1].sizes[0];
  for (Index i = 0; i < n * wide; ++i) {
    const Index row = wrapped(at(x[1], Shape{i / wide}), y.sizes[0]);
    f(element(y, {row, i % wide}), Shape{i / wide, i % wide});
  }
  return y;
}

Row index_add_row() {
  Row r = row("index_add",
              {{"torch.index_add(x[0], 0, x[1], x[2])",
                {real({4, 2}), indices(3, {2, 0, 2}), real({3, 2})},
                [](const Tensors& x) { return x[0].index_add(0, x[1], x[2]); },
                [](const Arrays& x) {
                  return at_rows(x, [&](double& v, const Shape& i) { v += at(x[2], i); });
                },
                [](Tensors& x) { x[0].index_add_(0, x[1], x[2]); }},
               {"torch.index_add(x[0], 0, x[1], x[2], alpha=3)",
                {real({4, 2}), indices(3, {2, 0, 2}), real({3, 2})},
                [](const Tensors& x) { return x[0].index_add(0, x[1], x[2], 3); },
                [](const Arrays& x) {
                  return at_rows(x, [&](double& v, const Shape& i) { v += 3 * at(x[2], i); });
                },
                [](Tensors& x) { x[0].index_add_(0, x[1], x[2], 3); },
                kNumber & ~(only(f16) | only(bf16))}});  // they round alpha * source
  r.scale = 1;
  r.cases[0].big = {real({503, 407}), integers(900, 0, 503), real({900, 407})};
  r.bad = {
      {[] {
         return Tensors{ones({2, 3}).index_add(0, tensor({2}), ones({1, 3}))};
       },
       "[index_add] got ", "torch.ones(2, 3).index_add(0, torch.tensor([2]), torch.ones(1, 3))"},
      {[] {
         return Tensors{ones({2, 3}).index_add_(0, tensor({0}), ones({2, 3}))};
       },
       "[index_add_] got a source of shape [2, 3], expected [1, 3]",
       "torch.ones(2, 3).index_add_(0, torch.tensor([0]), torch.ones(2, 3))"}};
  return r;
}

Row index_copy_row() {
  Row r =
      row("index_copy", {{"torch.index_copy(x[0], 0, x[1], x[2])",
                          {real({4, 2}), indices(3, {2, 0, 3}), real({3, 2})},
                          [](const Tensors& x) { return x[0].index_copy(0, x[1], x[2]); },
                          [](const Arrays& x) {
                            return at_rows(x, [&](double& v, const Shape& i) { v = at(x[2], i); });
                          },
                          [](Tensors& x) { x[0].index_copy_(0, x[1], x[2]); }}});
  r.cases[0].big = {real({503, 407}), integers(900, 0, 503), real({900, 407})};
  r.bad = {
      {[] {
         return Tensors{ones({2, 3}).index_copy(0, tensor({2}), ones({1, 3}))};
       },
       "[index_copy] got ", "torch.ones(2, 3).index_copy(0, torch.tensor([2]), torch.ones(1, 3))"},
      {[] {
         return Tensors{ones({2, 3}).index_copy(0, tensor({1}), ones({1, 3}, f64))};
       },
       "[index_copy] got a source of float64 for a tensor of float32",
       "torch.ones(2, 3).index_copy(0, torch.tensor([1]), torch.ones(1, 3).double())"}};
  return r;
}

Row index_fill_row() {
  Row r = row("index_fill",
              {{"torch.index_fill(x[0], 0, x[1], 3)",
                {real({4, 2}), indices(3, {2, -4, 2})},
                [](const Tensors& x) { return x[0].index_fill(0, x[1], 3); },
                [](const Arrays& x) { return at_rows(x, [](double& v, const Shape&) { v = 3; }); },
                [](Tensors& x) { x[0].index_fill_(0, x[1], 3); }}});
  r.cases[0].big = {real({503, 407}), integers(200, 0, 503)};
  r.bad = {{[] {
              return Tensors{ones({2, 3}).index_fill(1, tensor({-4}), 0)};
            },
            "[index_fill] got index -4 in dim 1 of size 3",
            "torch.ones(2, 3).index_fill(1, torch.tensor([-4]), 0)"}};
  return r;
}

Row gather_row() {
  Row r = row("gather", {{"torch.gather(x[0], 1, x[1])",
                          {real({3, 4}), integers({3, 2}, 0, 4)},
                          [](const Tensors& x) { return x[0].gather(1, x[1]); },
                          [](const Arrays& x) {
                            return generate({3, 2}, [&](const Shape& i) {
                              return at(x[0], {i[0], whole(at(x[1], i))});
                            });
                          }}});
  r.cases[0].big = {real({503, 407}), integers({503, 300}, 0, 407)};
  r.bad = {{[] {
              return Tensors{ones({2, 3}).gather(1, tensor({{0}, {3}}))};
            },
            "[gather] got ", "torch.ones(2, 3).gather(1, torch.tensor([[0], [3]]))"}};
  return r;
}

Row scatter_row(bool add) {
  Row r =
      row(add ? "scatter_add" : "scatter",
          {{add ? "torch.scatter_add(x[0], 1, x[1], x[2])" : "torch.scatter(x[0], 1, x[1], x[2])",
            {real({3, 4}), indices({2, 3}, {0, 3, 1, 2, 0, 3}), real({2, 3})}}});
  Case& c = r.cases[0];
  r.scale = 1;
  if (add) {
    c.inputs[1].given = {0, 3, 0, 2, 2, 2};
    c.call = [](const Tensors& x) { return x[0].scatter_add(1, x[1], x[2]); };
    c.reference = [](const Arrays& x) {
      Array y = x[0];
      for (Index i = 0; i < 6; ++i) {
        const Shape at_i = index_of({2, 3}, i);
        element(y, {at_i[0], whole(at(x[1], at_i))}) += at(x[2], at_i);
      }
      return y;
    };
    c.inplace = [](Tensors& x) { x[0].scatter_add_(1, x[1], x[2]); };
    c.big = {real({503, 407}), integers({400, 600}, 0, 407), real({400, 600})};
    r.bad = {{[] {
                return Tensors{ones({2, 3}).scatter_add(1, tensor({{0, 3}}), ones({1, 2}))};
              },
              "[scatter_add] got ",
              "torch.ones(2, 3).scatter_add(1, torch.tensor([[0, 3]]), torch.ones(1, 2))"}};
  } else {
    c.call = [](const Tensors& x) { return x[0].scatter(1, x[1], x[2]); };
    c.reference = [](const Arrays& x) {
      Array y = x[0];
      for (Index i = 0; i < 6; ++i) {
        const Shape at_i = index_of({2, 3}, i);
        element(y, {at_i[0], whole(at(x[1], at_i))}) = at(x[2], at_i);
      }
      return y;
    };
    c.inplace = [](Tensors& x) { x[0].scatter_(1, x[1], x[2]); };
    r.cases.push_back({"torch.scatter(x[0], 1, x[1], 3)",
                       {c.inputs[0], c.inputs[1]},
                       [](const Tensors& x) { return x[0].scatter(1, x[1], 3); },
                       [](const Arrays& x) {
                         Array y = x[0];
                         for (Index i = 0; i < 6; ++i) {
                           const Shape at_i = index_of({2, 3}, i);
                           element(y, {at_i[0], whole(at(x[1], at_i))}) = 3;
                         }
                         return y;
                       },
                       [](Tensors& x) { x[0].scatter_(1, x[1], 3); }});
    r.bad = {{[] {
                return Tensors{ones({2, 3}).scatter(1, tensor({{0, 3}}), ones({1, 2}))};
              },
              "[scatter] got ",
              "torch.ones(2, 3).scatter(1, torch.tensor([[0, 3]]), torch.ones(1, 2))"}};
  }
  return r;
}

std::vector<Row> masks() {
  std::vector<Row> rows;
  rows.push_back(row("nonzero", {{"torch.nonzero(x[0])",
                                  {given({2, 3}, {0, 1, 0, 2, 0, 1})},
                                  [](const Tensors& x) { return x[0].nonzero(); },
                                  [](const Arrays&) {
                                    return Array{{3, 2}, {0, 1, 1, 0, 1, 2}};
                                  }}}));
  rows.back().result = gives_i64;
  rows.back().differentiable = false;
  rows.push_back(row("masked_select", {{"torch.masked_select(x[0], x[1])",
                                        {real({3, 4}), mask(4)},
                                        [](const Tensors& x) { return x[0].masked_select(x[1]); },
                                        [](const Arrays& x) {
                                          Array y{0, {}};
                                          for (Index i = 0; i < 12; ++i) {
                                            const Shape s = index_of({3, 4}, i);
                                            if (at(x[1], s) != 0) y.values.push_back(at(x[0], s));
                                          }
                                          y.sizes = static_cast<Index>(y.values.size());
                                          return y;
                                        }}}));
  rows.back().bad = {{[] { return Tensors{ones(3).masked_select(ones(3))}; },
                      "[masked_select] got ", "torch.ones(3).masked_select(torch.ones(3))"}};
  rows.push_back(
      row("masked_fill",
          {{"torch.masked_fill(x[0], x[1], 3)",
            {real({3, 4}), mask({3, 1})},
            [](const Tensors& x) { return x[0].masked_fill(x[1], 3); },
            [](const Arrays& x) {
              return map(x[0], x[1], [](double v, double m) { return m != 0 ? 3.0 : v; });
            },
            [](Tensors& x) { x[0].masked_fill_(x[1], 3); },
            kNumber},
           {"torch.masked_fill(x[0], x[1], 3)",
            {real({3, 4}), mask({3, 1})},
            [](const Tensors& x) { return x[0].masked_fill(x[1], 3); },
            [](const Arrays& x) {
              return map(x[0], x[1], [](double v, double m) { return m != 0 ? 1.0 : v; });
            },
            [](Tensors& x) { x[0].masked_fill_(x[1], 3); },
            kBool}}));
  rows.back().cases[0].big = {real({503, 407}), mask({503, 1})};
  rows.back().bad = {{[] { return Tensors{ones(3).masked_fill(ones(3), 0)}; }, "[masked_fill] got ",
                      "torch.ones(3).masked_fill(torch.ones(3), 0)"}};
  rows.push_back(row("embedding", {{"torch.nn.functional.embedding(x[1], x[0])",
                                    {real({5, 3}), indices({2, 2}, {4, 0, 4, 1})},
                                    [](const Tensors& x) { return embedding(x[0], x[1]); },
                                    [](const Arrays& x) {
                                      return generate({2, 2, 3}, [&](const Shape& i) {
                                        return at(x[0], {whole(at(x[1], {i[0], i[1]})), i[2]});
                                      });
                                    }}}));
  rows.back().cases[0].big = {real({503, 407}), integers(900, 0, 503)};
  rows.back().bad = {{[] {
                        return Tensors{embedding(ones({3, 2}), tensor({3}))};
                      },
                      "[embedding] got ",
                      "torch.nn.functional.embedding(torch.tensor([3]), torch.ones(3, 2))"}};
  return rows;
}

std::vector<Row> joins() {
  std::vector<Row> rows;
  rows.push_back(row("cat", {{"torch.cat((x[0], x[1]), 1)",
                              {real({2, 3}), real({2, 2})},
                              [](const Tensors& x) {
                                return cat({x[0], x[1]}, 1);
                              },
                              [](const Arrays& x) {
                                return generate({2, 5}, [&](const Shape& i) {
                                  return i[1] < 3 ? at(x[0], i) : at(x[1], {i[0], i[1] - 3});
                                });
                              }}}));
  rows.back().mixes = true;
  rows.back().cases[0].big = {real({503, 407}), real({503, 300})};
  rows.back().bad = {{[] {
                        return Tensors{cat({ones({2, 3}), ones({3, 3})}, 1)};
                      },
                      "[cat] got ", "torch.cat([torch.ones(2, 3), torch.ones(3, 3)], 1)"}};
  rows.push_back(row("stack", {{"torch.stack((x[0], x[1]), -1)",
                                {real({2, 3}), real({2, 3})},
                                [](const Tensors& x) {
                                  return stack({x[0], x[1]}, -1);
                                },
                                [](const Arrays& x) {
                                  return generate({2, 3, 2}, [&](const Shape& i) {
                                    return at(x[static_cast<std::size_t>(i[2])], {i[0], i[1]});
                                  });
                                }}}));
  rows.back().bad = {{[] {
                        return Tensors{stack({ones(2), ones(3)})};
                      },
                      "[stack] got ", "torch.stack([torch.ones(2), torch.ones(3)])"}};
  rows.push_back(row(
      "flip",
      {{"torch.flip(x[0], (0, 1))",
        {real({2, 3})},
        [](const Tensors& x) {
          return x[0].flip({0, 1});
        },
        [](const Arrays& x) {
          return generate({2, 3}, [&](const Shape& i) { return at(x[0], {1 - i[0], 2 - i[1]}); });
        }}}));
  rows.back().bad = {
      {[] { return Tensors{ones(3).flip({1})}; }, "[flip] got ", "torch.ones(3).flip((1,))"}};
  return rows;
}

}  // namespace

std::vector<Row> index_rows() {
  std::vector<Row> rows = {index_row(),     index_put_row(),    index_select_row(),
                           index_add_row(), index_copy_row(),   index_fill_row(),
                           gather_row(),    scatter_row(false), scatter_row(true)};
  for (auto* more : {masks, joins})
    for (Row& r : more()) rows.push_back(std::move(r));
  return rows;
}

}  // namespace weft::op_table
