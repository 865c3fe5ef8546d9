#include <weft/tests/op_table/row.h>

// Borders.
namespace weft::op_table {
namespace {

// Element i of a dim of n with a border, where it comes from; by the definition of each mode.
Index mirrored(Index i, Index n) { return i < 0 ? -i : i >= n ? 2 * n - 2 - i : i; }
Index nearest(Index i, Index n) { return std::max<Index>(0, std::min(i, n - 1)); }
Index around(Index i, Index n) { return i < 0 ? i + n : i >= n ? i - n : i; }

// What lies `low` before each dim on, with sizes `sizes`.
template <class F>
Array bordered(const Array& x, const Shape& sizes, const Shape& low, F from) {
  return generate(sizes, [&](Shape i) {
    for (int d = 0; d < i.size(); ++d) i[d] = from(i[d] - low[d], x.sizes[d]);
    return at(x, i);
  });
}

Row pad_row() {
  Row r;
  r.name = "pad";
  r.cases = {{"torch.nn.functional.pad(x[0], (1, 2, 0, 1), value=5)",
              {real({2, 3})},
              [](const Tensors& x) {
                return pad(x[0], {1, 2, 0, 1}, 5);
              },
              [](const Arrays& x) {
                return generate({3, 6}, [&](const Shape& i) {
                  const bool in = i[0] < 2 && i[1] >= 1 && i[1] < 4;
                  return in ? at(x[0], {i[0], i[1] - 1}) : 5.0;
                });
              },
              nullptr,
              kNumber},
             {"torch.nn.functional.pad(x[0], (-1, 1))",
              {real({2, 3})},
              [](const Tensors& x) {
                return pad(x[0], {-1, 1});
              },
              [](const Arrays& x) {
                return generate({2, 3}, [&](const Shape& i) {
                  return i[1] < 2 ? at(x[0], {i[0], i[1] + 1}) : 0.0;
                });
              }}};
  r.bad = {{[] {
              return Tensors{pad(ones(3), {1, 2, 3})};
            },
            "[pad] got ", "torch.nn.functional.pad(torch.ones(3), (1, 2, 3))"}};
  return r;
}

void add_reflect(Row& r) {
  r.cases.push_back({"torch.nn.functional.pad(x[0], (2, 1), mode='reflect')",
                     {real({2, 3})},
                     [](const Tensors& x) {
                       return pad(x[0], {2, 1}, PadMode::Reflect);
                     },
                     [](const Arrays& x) {
                       return bordered(x[0], {2, 6}, {0, 2}, mirrored);
                     }});
  r.cases.push_back({"torch.nn.functional.pad(x[0], (2, -1, 1, 2), mode='reflect')",
                     {real({2, 3, 3, 4})},
                     [](const Tensors& x) {
                       return pad(x[0], {2, -1, 1, 2}, PadMode::Reflect);
                     },
                     [](const Arrays& x) {
                       return bordered(x[0], {2, 3, 6, 5}, {0, 0, 1, 2}, mirrored);
                     }});
  r.bad.push_back({[] {
                     return Tensors{pad(ones({1, 2, 3}), {3, 0}, PadMode::Reflect)};
                   },
                   "[pad] got amounts 3 and 0 for dim 2 of size 3, expected at most one less",
                   "torch.nn.functional.pad(torch.ones(1, 2, 3), (3, 0), mode='reflect')"});
}

void add_replicate(Row& r) {
  r.cases.push_back({"torch.nn.functional.pad(x[0], (5, 1, -1, 4), mode='replicate')",
                     {real({2, 3, 2})},
                     [](const Tensors& x) {
                       return pad(x[0], {5, 1, -1, 4}, PadMode::Replicate);
                     },
                     [](const Arrays& x) {
                       return bordered(x[0], {2, 6, 8}, {0, -1, 5}, nearest);
                     }});
  r.cases.push_back({"torch.nn.functional.pad(x[0], (1, 0, 0, 1, 2, 0), mode='replicate')",
                     {real({1, 2, 2, 3, 2})},
                     [](const Tensors& x) {
                       return pad(x[0], {1, 0, 0, 1, 2, 0}, PadMode::Replicate);
                     },
                     [](const Arrays& x) {
                       return bordered(x[0], {1, 2, 4, 4, 3}, {0, 0, 2, 0, 1}, nearest);
                     }});
  r.bad.push_back({[] {
                     return Tensors{pad(ones({1, 2, 0}), {1, 0}, PadMode::Replicate)};
                   },
                   "[pad] got amounts 1 and 0 for dim 2 of size 0, expected something to repeat",
                   "torch.nn.functional.pad(torch.ones(1, 2, 0), (1, 0), mode='replicate')"});
}

void add_circular(Row& r) {
  r.cases.push_back({"torch.nn.functional.pad(x[0], (3, 2, 0, 1), mode='circular')",
                     {real({2, 3, 2, 3})},
                     [](const Tensors& x) {
                       return pad(x[0], {3, 2, 0, 1}, PadMode::Circular);
                     },
                     [](const Arrays& x) {
                       return bordered(x[0], {2, 3, 3, 8}, {0, 0, 0, 3}, around);
                     }});
  // What is cut off does not come round again.
  r.cases.push_back(
      {"torch.nn.functional.pad(x[0], (-1, 3), mode='circular')",
       {real({2, 3})},
       [](const Tensors& x) {
         return pad(x[0], {-1, 3}, PadMode::Circular);
       },
       [](const Arrays& x) {
         return generate({2, 5}, [&](const Shape& i) { return at(x[0], {i[0], 1 + i[1] % 2}); });
       }});
  r.bad.push_back({[] {
                     return Tensors{pad(ones({1, 2, 3}), {4, 0}, PadMode::Circular)};
                   },
                   "[pad] got amounts 4 and 0 for dim 2 of size 3, expected at most the size",
                   "torch.nn.functional.pad(torch.ones(1, 2, 3), (4, 0), mode='circular')"});
}

}  // namespace

std::vector<Row> pad_rows() {
  Row r = pad_row();
  add_reflect(r);
  add_replicate(r);
  add_circular(r);
  return {r};
}

}  // namespace weft::op_table
