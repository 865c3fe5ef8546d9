#include <algorithm>

#include <weft/tests/catch.h>
#include <weft/tests/op_table/row.h>

using namespace weft;
using namespace weft::op_table;

namespace {

// x[0] becomes what the call gives, memory and version say so, and gradients flow as from the call.
void check_inplace(const Row& row, const Case& c, DType dtype, Arrangement how) {
  const Tensors x = tensors_of(c.inputs, dtype, true);
  Tensors y = tensors_of(c.inputs, dtype, true);
  const Tensor leaf = y[0];
  const bool recorded = leaf.requires_grad() && row.differentiable;
  y[0] = recorded ? leaf.clone() : arranged(leaf, how, false);
  const Tensor target = y[0];
  const void* data = target.data();
  const auto version = target.impl()->storage->version();
  const Results expected = run(c, x, row.differentiable);
  c.inplace(y);
  CHECK(y[0].is_same(target));
  CHECK(target.data() == data);
  CHECK(target.dtype() == x[0].dtype());
  CHECK(target.impl()->storage->version() > version);
  CHECK(difference(target, array_of(expected.outputs[0].detach().to(dtype)),
                   row.loose * tolerance(dtype), row.scale) == "");
  if (!recorded || expected.grads.empty()) return;
  Tensors wanted = {leaf};
  for (std::size_t i = 1; i < y.size(); ++i)
    if (y[i].requires_grad()) wanted.push_back(y[i]);
  const Tensors got =
      autograd::grad(std::span(&target, 1), wanted, grad_outputs_of({target}), false, false, true);
  CHECK(difference(got, expected.grads, row.loose * tolerance(dtype), std::max(1.0, row.scale)) ==
        "");
}

int category(DType t) { return t == boolean ? 0 : is_floating(t) ? 2 : 1; }

}  // namespace

TEST_CASE("in-place forms do what the others do, and count a version") {
  for (const Row& row : all_rows()) {
    for (const Case& c : row.cases) {
      if (!c.inplace) continue;
      for (DType t : dtypes_of(row, c)) {
        const DType result = row.result(t);
        const bool fits = category(result) <= category(t);
        for (Arrangement how : {Arrangement::Contiguous, Arrangement::Strided,
                                Arrangement::Reversed, Arrangement::Transposed}) {
          INFO(describe(row, c, t) << ", arrangement " << static_cast<int>(how));
          if (fits) {
            check_inplace(row, c, t, how);
          } else {
            Tensors x = tensors_of(c.inputs, t);
            const Tensors before = tensors_of(c.inputs, t);
            CHECK_THROWS_AS(c.inplace(x), DTypeError);
            CHECK(bits_difference(x, before) == "");
          }
        }
      }
    }
  }
}

TEST_CASE("in-place forms of a leaf that requires grad are refused") {
  for (const Row& row : all_rows()) {
    for (const Case& c : row.cases) {
      if (!c.inplace || !row.differentiable || !holds(row.dtypes & c.dtypes, f32)) continue;
      INFO(describe(row, c, f32));
      Tensors x = tensors_of(c.inputs, f32, true);
      CHECK_THROWS_AS(c.inplace(x), AutogradError);
      CHECK(bits_difference({x[0].detach()}, {tensors_of(c.inputs, f32)[0]}) == "");
      break;
    }
  }
}
