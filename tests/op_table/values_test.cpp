#include <algorithm>
#include <set>

#include <weft/tests/catch.h>
#include <weft/tests/op_table/row.h>

using namespace weft;
using namespace weft::op_table;

namespace {

Arrays arrays_of(const std::vector<Input>& inputs, DType dtype) {
  Arrays x;
  for (std::size_t i = 0; i < inputs.size(); ++i)
    x.push_back(array_of(inputs[i], dtype, static_cast<int>(i)));
  return x;
}

ResultType result_of(const Row& row, std::size_t output) {
  return output == 1 && row.second ? row.second : row.result;
}

void check_values(const Row& row, const Case& c, DType dtype) {
  INFO(describe(row, c, dtype));
  const Tensors outputs = c.call(tensors_of(c.inputs, dtype));
  for (std::size_t i = 0; i < outputs.size(); ++i)
    CHECK(name(outputs[i].dtype()) == name(result_of(row, i)(dtype)));
  if (!c.reference) return;
  const Arrays expected = c.reference(arrays_of(c.inputs, dtype));
  REQUIRE(outputs.size() == expected.size());
  const double exactness = row.loose * (is_floating(dtype) ? tolerance(dtype) : tolerance(f32));
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    const double t = is_floating(outputs[i].dtype()) ? exactness : 0;
    CHECK(difference(outputs[i], expected[i], t, row.scale) == "");
  }
}

// The same numbers from every order in memory, in outputs and gradients.
void check_layouts(const Row& row, const Case& c, DType dtype) {
  const Tensors plain = tensors_of(c.inputs, dtype);
  constexpr Arrangement all[] = {Arrangement::Transposed, Arrangement::Strided,
                                 Arrangement::Reversed, Arrangement::ChannelsLast,
                                 Arrangement::Expanded};
  for (std::size_t first = 0; first < std::size(all); ++first) {
    for (const bool mixed : {false, true}) {
      if (mixed && plain.size() < 2) continue;
      Tensors x, y;
      for (std::size_t i = 0; i < plain.size(); ++i) {
        const bool grad = c.inputs[i].differentiable && is_floating(plain[i].dtype());
        x.push_back(arranged(plain[i], all[(first + (mixed ? i : 0)) % std::size(all)], grad));
        y.push_back(x.back().detach().clone(MemoryFormat::Contiguous).requires_grad_(grad));
      }
      INFO(describe(row, c, dtype) << ", arrangement " << first << (mixed ? ", mixed" : ""));
      const Results got = run(c, x, row.differentiable), expected = run(c, y, row.differentiable);
      const double t = row.loose * tolerance(is_floating(dtype) ? dtype : f32);
      CHECK(difference(got.outputs, expected.outputs, t, row.scale) == "");
      CHECK(difference(got.grads, expected.grads, t, std::max(1.0, row.scale)) == "");
    }
  }
}

template <class List>
struct Names;
template <class... Ops>
struct Names<OpList<Ops...>> {
  static std::set<std::string> all() { return {Ops::name...}; }
};

}  // namespace

TEST_CASE("values and dtypes are the reference's") {
  for (const Row& row : all_rows())
    for (const Case& c : row.cases)
      for (DType t : dtypes_of(row, c)) CHECK(message_of([&] { check_values(row, c, t); }) == "");
}

TEST_CASE("values and gradients are the same for every order in memory") {
  for (const Row& row : all_rows()) {
    for (const Case& c : row.cases) {
      if (c.inputs.empty() || c.exact_order || !c.reference) continue;
      for (DType t : {f32, i64})
        if (holds(row.dtypes & c.dtypes, t))
          CHECK(message_of([&] { check_layouts(row, c, t); }) == "");
    }
  }
}

TEST_CASE("every op of the lists has a row") {
  if (std::getenv("WEFT_OPS")) return;
  std::set<std::string> rows;
  for (const Row& row : all_rows()) {
    INFO(row.name << " has two rows");
    CHECK(rows.insert(row.name).second);
  }
  std::set<std::string> ops = Names<UnaryOps>::all();
  ops.merge(Names<BinaryOps>::all());
  for (const std::string& op : ops) {
    INFO(op << " needs a row in tests/op_table");
    CHECK(rows.count(op) == 1);
  }
}

TEST_CASE("two dtypes promote") {
  for (const Row& row : all_rows()) {
    if (!row.mixes) continue;
    const Case& c = row.cases.front();
    for (DType s : dtypes_of(row, c)) {
      for (DType t : dtypes_of(row, c)) {
        INFO(describe(row, c, s) << " with " << name(t));
        Tensors x = tensors_of(c.inputs, s);
        x.back() = x.back().to(t);
        CHECK(name(c.call(x)[0].dtype()) == name(row.result(promote(s, t))));
      }
    }
  }
}
