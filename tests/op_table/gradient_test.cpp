#include <algorithm>

#include <weft/tests/catch.h>
#include <weft/tests/op_table/row.h>

using namespace weft;
using namespace weft::op_table;

namespace {

bool has_gradient(const Row& row, const Case& c) {
  if (!row.differentiable || !holds(row.dtypes & c.dtypes, f64)) return false;
  for (const Input& i : c.inputs)
    if (i.differentiable && !i.dtype) return true;
  return false;
}

bool small(const Case& c) {
  Index n = 0;
  for (const Input& i : c.inputs) n += count(i.sizes);
  return n <= 120;
}

autograd::TensorFunction function_of(const Case& c) {
  return [&c](const Tensors& x) { return c.call(x); };
}

template <class F>
void each_smooth(F f) {
  for (const Row& row : all_rows()) {
    for (const Case& c : row.cases) {
      if (!c.smooth || !small(c) || !has_gradient(row, c)) continue;
      INFO(describe(row, c, f64));
      CHECK(message_of([&] { f(c, tensors_of(c.inputs, f64, true)); }) == "");
    }
  }
}

}  // namespace

TEST_CASE("gradients are those of central differences") {
  each_smooth([](const Case& c, const Tensors& x) { autograd::gradcheck(function_of(c), x); });
}

TEST_CASE("second gradients are those of central differences") {
  each_smooth([](const Case& c, const Tensors& x) { autograd::gradgradcheck(function_of(c), x); });
}

namespace {

// Of the tensors that require grad.
Tensors asking(const Tensors& all) {
  Tensors some;
  for (const Tensor& t : all)
    if (t.requires_grad()) some.push_back(t);
  return some;
}

Tensors widened(const Tensors& x, bool keep_grad) {
  Tensors wide;
  for (const Tensor& t : x) {
    wide.push_back(is_floating(t.dtype()) ? t.detach().to(f64) : t);
    if (keep_grad && t.requires_grad()) wide.back().requires_grad_();
  }
  return wide;
}

void check_narrow(const Row& row, const Case& c, DType dtype) {
  const Tensors x = tensors_of(c.inputs, dtype, true), wide = widened(x, true);
  const Tensors y = asking(c.call(x)), z = asking(c.call(wide));
  REQUIRE(y.size() == z.size());
  if (y.empty()) return;
  const Tensors g = grad_outputs_of(y);
  const Tensors got = autograd::grad(y, asking(x), g, false, false, true);
  const Tensors expected = autograd::grad(z, asking(wide), widened(g, false), false, false, true);
  for (const Tensor& t : got)
    if (t.defined()) CHECK(t.dtype() == dtype);
  // Outputs that the gradient reads are rounded already.
  CHECK(difference(got, expected, 4 * row.loose * tolerance(dtype), std::max(1.0, row.scale)) ==
        "");
}

}  // namespace

// In f64, where the checks above hold, against the narrow dtypes; kinks included.
TEST_CASE("gradients in narrow dtypes are those of f64") {
  for (const Row& row : all_rows()) {
    for (const Case& c : row.cases) {
      for (DType t : {f32, f16, bf16}) {
        if (!has_gradient(row, c) || !holds(row.dtypes & c.dtypes, t)) continue;
        INFO(describe(row, c, t));
        CHECK(message_of([&] { check_narrow(row, c, t); }) == "");
      }
    }
  }
}
