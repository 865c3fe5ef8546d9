#include <weft/tests/catch.h>
#include <weft/tests/op_table/row.h>

using namespace weft;
using namespace weft::op_table;

namespace {

std::string error_of(auto&& f) {
  try {
    f();
  } catch (const Error& e) {
    return e.what();
  } catch (const std::exception& e) {
    return std::string("not an Error of Weft's: ") + e.what();
  }
  return "no error";
}

bool names_the_operation(const std::string& message) {
  return message.size() > 3 && message[0] == '[' && message.find(']') != std::string::npos;
}

}  // namespace

TEST_CASE("bad arguments are refused by name") {
  for (const Row& row : all_rows()) {
    for (const Bad& bad : row.bad) {
      INFO(row.name);
      CHECK_THAT(error_of([&] { bad.call(); }), Catch::Matchers::ContainsSubstring(bad.message));
    }
  }
}

TEST_CASE("undefined tensors are refused by name") {
  for (const Row& row : all_rows()) {
    const Case& c = row.cases.front();
    for (std::size_t i = 0; i < c.inputs.size(); ++i) {
      if (c.inputs[i].optional) continue;
      Tensors x = tensors_of(c.inputs, dtypes_of(row, c).back());
      x[i] = Tensor();
      INFO(row.name << ", argument " << i);
      const std::string message = error_of([&] { c.call(x); });
      INFO(message);
      CHECK(names_the_operation(message));
      CHECK_THAT(message, Catch::Matchers::ContainsSubstring("undefined"));
    }
  }
}

TEST_CASE("dtypes an op has no meaning for are refused by name") {
  for (const Row& row : all_rows()) {
    const Case& c = row.cases.front();
    for (int i = 0; i < kDTypeCount; ++i) {
      const auto t = DType(i);
      if (c.inputs.empty() || holds(row.dtypes, t)) continue;
      INFO(row.name << " of " << name(t));
      const std::string message = error_of([&] { c.call(tensors_of(c.inputs, t)); });
      INFO(message);
      CHECK(names_the_operation(message));
      CHECK_THAT(message, Catch::Matchers::ContainsSubstring(std::string(name(t))));
    }
  }
}
