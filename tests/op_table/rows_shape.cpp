#include <bit>
#include <cmath>

#include <weft/tests/op_table/row.h>

// Views and copies.
namespace weft::op_table {
namespace {

// A row of one case; more are pushed behind.
Row row(const std::string& name, Case first) {
  Row r;
  r.name = name;
  r.cases.push_back(std::move(first));
  return r;
}

// The part of x that starts at `start` and goes by `step` in dim.
Array part(const Array& x, int dim, Index start, Index step, Index n) {
  Shape sizes = x.sizes;
  sizes[dim] = n;
  return generate(sizes, [&](Shape i) {
    i[dim] = start + i[dim] * step;
    return at(x, i);
  });
}

Array same(const Arrays& x) { return x[0]; }

std::vector<Row> reshaping() {
  std::vector<Row> rows;
  Row r = row("reshape", {"torch.reshape(x[0], (2, -1))",
                          {real({3, 4})},
                          [](const Tensors& x) {
                            return x[0].reshape({2, -1});
                          },
                          [](const Arrays& x) {
                            return reshaped(x[0], {2, 6});
                          }});
  r.cases.push_back({"torch.reshape(x[0], ())",
                     {real({1, 1})},
                     [](const Tensors& x) { return x[0].reshape({}); },
                     [](const Arrays& x) { return reshaped(x[0], {}); }});
  r.cases.push_back({"torch.reshape(x[0], (0, 5))",
                     {real({3, 0})},
                     [](const Tensors& x) {
                       return x[0].reshape({0, 5});
                     },
                     [](const Arrays& x) {
                       return reshaped(x[0], {0, 5});
                     }});
  r.cases.push_back({"torch.reshape(x[0], (6, 8))",
                     {real({2, 3, 2, 4})},
                     [](const Tensors& x) {
                       return x[0].reshape({6, 8});
                     },
                     [](const Arrays& x) {
                       return reshaped(x[0], {6, 8});
                     }});
  r.bad = {{[] {
              return Tensors{ones({2, 3}).reshape({4, 2})};
            },
            "[reshape] got ", "torch.ones(2, 3).reshape(4, 2)"},
           {[] {
              return Tensors{ones({2, 3}).reshape({-1, -1})};
            },
            "[reshape] got ", "torch.ones(2, 3).reshape(-1, -1)"}};
  rows.push_back(r);

  r = row("view", {"x[0].view(4, 3)",
                   {real({3, 4})},
                   [](const Tensors& x) {
                     return x[0].view({4, 3});
                   },
                   [](const Arrays& x) {
                     return reshaped(x[0], {4, 3});
                   }});
  r.cases.front().exact_order = true;
  r.bad = {{[] {
              return Tensors{ones({2, 3}).t().view(6)};
            },
            "[view] got shape", "torch.ones(2, 3).t().view(6)"}};
  rows.push_back(r);

  r = row("view_of_bits", {"x[0].view(torch.int32)",
                           {constant({{2, 3}, -2, 2, {}, f32})},
                           [](const Tensors& x) { return x[0].view(i32); },
                           [](const Arrays& x) {
                             return map(x[0], [](double v) {
                               return std::bit_cast<std::int32_t>(static_cast<float>(v));
                             });
                           }});
  r.result = [](DType) { return i32; };
  r.differentiable = false;
  r.bad = {{[] {
              return Tensors{ones({2, 4}).t().view(f64)};
            },
            "[view] got stride 4", "torch.ones(2, 4).t().view(torch.float64)"},
           {[] {
              return Tensors{ones({2, 3}).view(f64)};
            },
            "[view] got size 3 of dim 1", "torch.ones(2, 3).view(torch.float64)"},
           {[] { return Tensors{ones({}).view(f64)}; }, "[view] got no dimensions",
            "torch.ones(()).view(torch.float64)"},
           {[] {
              return Tensors{ones({2, 3}).narrow(1, 0, 2).view(f64)};
            },
            "[view] got stride 3 of dim 0", "torch.ones(2, 3)[:, :2].view(torch.float64)"},
           {[] { return Tensors{ones(5).narrow(0, 1, 2).view(f64)}; }, "[view] got offset 1",
            "torch.ones(5)[1:3].view(torch.float64)"}};
  rows.push_back(r);

  r = row("flatten", {"torch.flatten(x[0])",
                      {real({2, 3, 2})},
                      [](const Tensors& x) { return x[0].flatten(); },
                      [](const Arrays& x) { return reshaped(x[0], 12); }});
  r.cases.push_back({"torch.flatten(x[0], 1, 2)",
                     {real({2, 3, 2, 2})},
                     [](const Tensors& x) { return x[0].flatten(1, 2); },
                     [](const Arrays& x) {
                       return reshaped(x[0], {2, 6, 2});
                     }});
  r.cases.push_back({"torch.flatten(x[0])",
                     {real({})},
                     [](const Tensors& x) { return x[0].flatten(); },
                     [](const Arrays& x) { return reshaped(x[0], 1); }});
  r.bad = {{[] {
              return Tensors{ones({2, 3}).flatten(1, 0)};
            },
            "[flatten] got ", "torch.ones(2, 3).flatten(1, 0)"},
           {[] {
              return Tensors{ones({2, 3}).flatten(2)};
            },
            "[flatten] got ", "torch.ones(2, 3).flatten(2)"}};
  rows.push_back(r);

  r = row("unflatten", {"torch.unflatten(x[0], 1, (2, -1))",
                        {real({2, 6, 2})},
                        [](const Tensors& x) {
                          return x[0].unflatten(1, {2, -1});
                        },
                        [](const Arrays& x) {
                          return reshaped(x[0], {2, 2, 3, 2});
                        }});
  r.bad = {{[] {
              return Tensors{ones({2, 6}).unflatten(1, {4, 2})};
            },
            "[unflatten] got ", "torch.ones(2, 6).unflatten(1, (4, 2))"}};
  rows.push_back(r);

  r = row("squeeze", {"torch.squeeze(x[0])",
                      {real({1, 3, 1, 2})},
                      [](const Tensors& x) { return x[0].squeeze(); },
                      [](const Arrays& x) {
                        return reshaped(x[0], {3, 2});
                      }});
  r.cases.push_back({"torch.squeeze(x[0], (0, 1))",
                     {real({1, 3, 1})},
                     [](const Tensors& x) {
                       return x[0].squeeze({0, 1});
                     },
                     [](const Arrays& x) {
                       return reshaped(x[0], {3, 1});
                     }});
  r.bad = {{[] {
              return Tensors{ones({2, 3}).squeeze(2)};
            },
            "[squeeze] got ", "torch.ones(2, 3).squeeze(2)"}};
  rows.push_back(r);

  r = row("unsqueeze", {"torch.unsqueeze(x[0], 1)",
                        {real({3, 2})},
                        [](const Tensors& x) { return x[0].unsqueeze(1); },
                        [](const Arrays& x) {
                          return reshaped(x[0], {3, 1, 2});
                        }});
  r.cases.push_back({"torch.unsqueeze(x[0], -1)",
                     {real({})},
                     [](const Tensors& x) { return x[0].unsqueeze(-1); },
                     [](const Arrays& x) { return reshaped(x[0], 1); }});
  r.bad = {{[] {
              return Tensors{ones({2, 3}).unsqueeze(4)};
            },
            "[unsqueeze] got ", "torch.ones(2, 3).unsqueeze(4)"}};
  rows.push_back(r);
  return rows;
}

std::vector<Row> reordering() {
  std::vector<Row> rows;
  Row r = row("transpose", {"torch.transpose(x[0], 0, -1)",
                            {real({2, 3, 4})},
                            [](const Tensors& x) { return x[0].transpose(0, -1); },
                            [](const Arrays& x) {
                              return permuted(x[0], {2, 1, 0});
                            }});
  r.cases.push_back({"x[0].t()",
                     {real({2, 3})},
                     [](const Tensors& x) { return x[0].t(); },
                     [](const Arrays& x) {
                       return permuted(x[0], {1, 0});
                     }});
  r.bad = {{[] {
              return Tensors{ones({2, 3}).transpose(0, 2)};
            },
            "[transpose] got ", "torch.ones(2, 3).transpose(0, 2)"},
           {[] {
              return Tensors{ones({2, 3, 1}).t()};
            },
            "[t] got 3 dimensions", "torch.ones(2, 3, 1).t()"}};
  rows.push_back(r);

  r = row("t", {"torch.t(x[0])",
                {real({3, 4})},
                [](const Tensors& x) { return x[0].t(); },
                [](const Arrays& x) {
                  return permuted(x[0], {1, 0});
                }});
  r.bad = {{[] { return Tensors{ones({2, 3, 4}).t()}; }, "[t] got ", "torch.ones(2, 3, 4).t()"}};
  rows.push_back(r);

  r = row("permute", {"torch.permute(x[0], (1, 2, 0))",
                      {real({2, 3, 4})},
                      [](const Tensors& x) {
                        return x[0].permute({1, 2, 0});
                      },
                      [](const Arrays& x) {
                        return permuted(x[0], {1, 2, 0});
                      }});
  r.cases.push_back({"torch.permute(x[0], ())",
                     {real({})},
                     [](const Tensors& x) { return x[0].permute({}); },
                     [](const Arrays& x) { return same(x); }});
  r.bad = {{[] {
              return Tensors{ones({2, 3}).permute({0, 0})};
            },
            "[permute] got ", "torch.ones(2, 3).permute(0, 0)"},
           {[] {
              return Tensors{ones({2, 3}).permute({0})};
            },
            "[permute] got ", "torch.ones(2, 3).permute(0)"}};
  rows.push_back(r);

  r = row("movedim", {"torch.movedim(x[0], 0, 2)",
                      {real({2, 3, 4})},
                      [](const Tensors& x) { return x[0].movedim(0, 2); },
                      [](const Arrays& x) {
                        return permuted(x[0], {1, 2, 0});
                      }});
  r.bad = {{[] {
              return Tensors{ones({2, 3}).movedim(0, 2)};
            },
            "[movedim] got ", "torch.ones(2, 3).movedim(0, 2)"}};
  rows.push_back(r);

  r = row("expand", {"x[0].expand(2, 3, -1)",
                     {real({3, 1})},
                     [](const Tensors& x) {
                       return x[0].expand({2, 3, -1});
                     },
                     [](const Arrays& x) {
                       return generate({2, 3, 1}, [&](const Shape& i) { return at(x[0], i); });
                     }});
  r.cases.push_back({"x[0].expand(4, 3)",
                     {real({1, 3})},
                     [](const Tensors& x) {
                       return x[0].expand({4, 3});
                     },
                     [](const Arrays& x) {
                       return generate({4, 3}, [&](const Shape& i) { return at(x[0], i); });
                     }});
  r.bad = {{[] {
              return Tensors{ones({2, 3}).expand({2, 4})};
            },
            "[expand] got ", "torch.ones(2, 3).expand(2, 4)"},
           {[] {
              return Tensors{ones(1).expand({Index{1} << 62, 4})};
            },
            "[expand] got ", "torch.ones(1).expand(2**62, 4)"}};
  rows.push_back(r);
  return rows;
}

std::vector<Row> parts() {
  std::vector<Row> rows;
  Row r = row("select", {"torch.select(x[0], 1, -1)",
                         {real({2, 3, 2})},
                         [](const Tensors& x) { return x[0].select(1, -1); },
                         [](const Arrays& x) {
                           return reshaped(part(x[0], 1, 2, 1, 1), {2, 2});
                         }});
  r.cases.push_back({"x[0][1]",
                     {real(3)},
                     [](const Tensors& x) { return x[0][1]; },
                     [](const Arrays& x) { return reshaped(part(x[0], 0, 1, 1, 1), {}); }});
  r.bad = {{[] {
              return Tensors{ones({2, 3}).select(1, 3)};
            },
            "[select] got ", "torch.ones(2, 3).select(1, 3)"},
           {[] { return Tensors{ones({}).select(0, 0)}; }, "[select] got ",
            "torch.ones(()).select(0, 0)"}};
  rows.push_back(r);

  r = row("narrow", {"torch.narrow(x[0], 1, 1, 2)",
                     {real({2, 4})},
                     [](const Tensors& x) { return x[0].narrow(1, 1, 2); },
                     [](const Arrays& x) { return part(x[0], 1, 1, 1, 2); }});
  r.cases.push_back({"torch.narrow(x[0], 0, 2, 0)",
                     {real({2, 3})},
                     [](const Tensors& x) { return x[0].narrow(0, 2, 0); },
                     [](const Arrays& x) { return part(x[0], 0, 2, 1, 0); }});
  r.bad = {{[] {
              return Tensors{ones({2, 3}).narrow(1, 2, 2)};
            },
            "[narrow] got start 2", "torch.ones(2, 3).narrow(1, 2, 2)"}};
  rows.push_back(r);

  r = row("slice", {"x[0][:, 1:5:2]",
                    {real({2, 6})},
                    [](const Tensors& x) { return x[0].slice(1, 1, 5, 2); },
                    [](const Arrays& x) { return part(x[0], 1, 1, 2, 2); }});
  r.cases.push_back({"torch.flip(x[0], (0,))[::2]",  // a step of -2 from the last: n is odd
                     {real({5, 2})},
                     [](const Tensors& x) { return x[0].slice(0, {}, {}, -2); },
                     [](const Arrays& x) { return part(x[0], 0, 4, -2, 3); }});
  r.cases.back().python = "x[0][::-2]";
  r.cases.push_back({"x[0][-2:]",
                     {real({4})},
                     [](const Tensors& x) { return x[0].slice(0, -2); },
                     [](const Arrays& x) { return part(x[0], 0, 2, 1, 2); }});
  r.cases.push_back({"x[0][3:1]",
                     {real({4})},
                     [](const Tensors& x) { return x[0].slice(0, 3, 1); },
                     [](const Arrays& x) { return part(x[0], 0, 0, 1, 0); }});
  r.bad = {{[] {
              return Tensors{ones({2, 3}).slice(0, 0, 2, 0)};
            },
            "[slice] got ", "torch.ones(2, 3)[0:2:0]"}};
  rows.push_back(r);

  r = row("split",
          {"torch.split(x[0], 2)",
           {real({5, 2})},
           [](const Tensors& x) { return x[0].split(2); },
           [](const Arrays& x) {
             return Arrays{part(x[0], 0, 0, 1, 2), part(x[0], 0, 2, 1, 2), part(x[0], 0, 4, 1, 1)};
           }});
  r.cases.push_back({"torch.split(x[0], (1, 3), 1)",
                     {real({2, 4})},
                     [](const Tensors& x) {
                       return x[0].split(Shape{1, 3}, 1);
                     },
                     [](const Arrays& x) {
                       return Arrays{part(x[0], 1, 0, 1, 1), part(x[0], 1, 1, 1, 3)};
                     }});
  r.bad = {{[] { return ones(3).split(0); }, "[split] got ", "torch.ones(3).split(0)"},
           {[] {
              return ones(3).split(Shape{1, 1});
            },
            "[split] got sizes [1, 1]", "torch.ones(3).split((1, 1))"}};
  rows.push_back(r);

  r = row("chunk",
          {"torch.chunk(x[0], 3, 1)",
           {real({2, 5})},
           [](const Tensors& x) { return x[0].chunk(3, 1); },
           [](const Arrays& x) {
             return Arrays{part(x[0], 1, 0, 1, 2), part(x[0], 1, 2, 1, 2), part(x[0], 1, 4, 1, 1)};
           }});
  r.bad = {{[] { return ones(3).chunk(0); }, "[chunk] got 0 chunks", "torch.ones(3).chunk(0)"}};
  rows.push_back(r);

  r = row(
      "unbind",
      {"torch.unbind(x[0], 1)",
       {real({3, 2})},
       [](const Tensors& x) { return x[0].unbind(1); },
       [](const Arrays& x) {
         return Arrays{reshaped(part(x[0], 1, 0, 1, 1), 3), reshaped(part(x[0], 1, 1, 1, 1), 3)};
       }});
  r.bad = {{[] { return ones(3).unbind(1); }, "[unbind] got ", "torch.ones(3).unbind(1)"}};
  rows.push_back(r);

  r = row("as_strided", {"torch.as_strided(x[0], (2, 3), (1, 2), 1)",
                         {real(8)},
                         [](const Tensors& x) {
                           return x[0].as_strided({2, 3}, {1, 2}, 1);
                         },
                         [](const Arrays& x) {
                           return generate({2, 3}, [&](const Shape& i) {
                             return at(x[0], Shape{1 + i[0] + 2 * i[1]});
                           });
                         }});
  r.cases.push_back(
      {"torch.as_strided(x[0], (2, 3), (1, 1), 0)",  // elements that are read twice
       {real(4)},
       [](const Tensors& x) {
         return x[0].as_strided({2, 3}, {1, 1}, 0);
       },
       [](const Arrays& x) {
         return generate({2, 3}, [&](const Shape& i) { return at(x[0], Shape{i[0] + i[1]}); });
       }});
  for (Case& c : r.cases) c.exact_order = true;
  r.bad = {{[] {
              return Tensors{ones(4).as_strided({2, 3}, {2, 1}, 0)};
            },
            "[as_strided] got ", "torch.ones(4).as_strided((2, 3), (2, 1), 0)"},
           {[] { return Tensors{ones(4).as_strided({5}, {Index{1} << 62}, 0)}; },
            "[as_strided] got ", "torch.ones(4).as_strided((5,), (2**62,), 0)"},
           {[] { return Tensors{ones(4).as_strided({2}, {1}, INT64_MAX)}; }, "[as_strided] got ",
            "torch.ones(4).as_strided((2,), (1,), 2**63 - 1)"}};
  rows.push_back(r);
  return rows;
}

std::vector<Row> copies() {
  std::vector<Row> rows;
  Row r = row("clone", {"x[0].clone()",
                        {real({2, 3})},
                        [](const Tensors& x) { return x[0].clone(); },
                        [](const Arrays& x) { return same(x); }});
  r.cases.front().big = {real({350, 700})};
  r.cases.push_back({"x[0].clone()",
                     {real({})},
                     [](const Tensors& x) { return x[0].clone(); },
                     [](const Arrays& x) { return same(x); }});
  rows.push_back(r);
  r = row("contiguous", {"x[0].contiguous()",
                         {real({2, 3})},
                         [](const Tensors& x) { return x[0].contiguous(); },
                         [](const Arrays& x) { return same(x); }});
  r.cases.push_back({"x[0].contiguous(memory_format=torch.channels_last)",
                     {real({2, 3, 2, 2})},
                     [](const Tensors& x) { return x[0].contiguous(MemoryFormat::ChannelsLast); },
                     [](const Arrays& x) { return same(x); }});
  r.bad = {{[] {
              return Tensors{ones({2, 3}).contiguous(MemoryFormat::ChannelsLast)};
            },
            "[contiguous] got 2 dimensions",
            "torch.ones(2, 3).contiguous(memory_format=torch.channels_last)"}};
  rows.push_back(r);
  r = row("to", {"x[0].to(torch.float64)",
                 {real({2, 3})},
                 [](const Tensors& x) { return x[0].to(f64); },
                 [](const Arrays& x) { return same(x); }});
  r.result = [](DType) { return f64; };
  rows.push_back(r);
  r = row("to_int",
          {"x[0].to(torch.int32)",
           {real({2, 5}, -9, 9)},
           [](const Tensors& x) { return x[0].to(i32); },
           [](const Arrays& x) { return map(x[0], [](double v) { return std::trunc(v); }); }});
  r.result = [](DType) { return i32; };
  r.differentiable = false;
  rows.push_back(r);
  r = row("to_bool", {"x[0].to(torch.bool)",
                      {given(5, {0, 1, -1, 0, 2})},
                      [](const Tensors& x) { return x[0].to(boolean); },
                      [](const Arrays& x) { return map(x[0], [](double v) { return v != 0; }); }});
  r.result = gives_bool;
  r.differentiable = false;
  r.cases.front().dtypes = kAll & ~only(u8);
  rows.push_back(r);
  r = row("detach", {"x[0].detach()",
                     {real({2, 3})},
                     [](const Tensors& x) { return x[0].detach(); },
                     [](const Arrays& x) { return same(x); }});
  r.differentiable = false;
  rows.push_back(r);
  r = row("copy_", {"x[0].clone().copy_(x[1])",
                    {real({2, 3}), real(3)},
                    [](const Tensors& x) {
                      Tensor y = x[0].clone();
                      return y.copy_(x[1]);
                    },
                    [](const Arrays& x) {
                      return generate({2, 3}, [&](const Shape& i) { return at(x[1], i); });
                    }});
  r.bad = {{[] { return Tensors{ones(2).copy_(ones(3))}; }, "[copy_] got ",
            "torch.ones(2).copy_(torch.ones(3))"}};
  rows.push_back(r);
  return rows;
}

}  // namespace

std::vector<Row> shape_rows() {
  std::vector<Row> rows = reshaping();
  for (auto* more : {reordering, parts, copies})
    for (Row& r : more()) rows.push_back(std::move(r));
  return rows;
}

}  // namespace weft::op_table
