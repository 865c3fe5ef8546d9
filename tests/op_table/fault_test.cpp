#include <weft/tests/catch.h>
#include <weft/tests/op_table/row.h>

using namespace weft;
using namespace weft::op_table;

namespace {

// A step of training on the inputs: outputs, then gradients added to each leaf's own.
Tensors step(const Case& c, const Tensors& x, const Tensors& g, bool backward) {
  const Tensors y = c.call(x);
  Tensors outputs;
  for (const Tensor& t : y)
    if (t.requires_grad()) outputs.push_back(t);
  if (backward && !outputs.empty()) autograd::backward(outputs, g);
  return y;
}

Tensors copies_of(const Tensors& x) {
  NoGradGuard no_grad;
  Tensors y;
  for (const Tensor& t : x) y.push_back(t.defined() ? t.detach().clone() : t);
  return y;
}

Tensors grads_of(const Tensors& x) {
  Tensors g;
  for (const Tensor& t : x) g.push_back(t.grad());
  return g;
}

void give_grads(const Tensors& x, const Tensors& from) {
  for (std::size_t i = 0; i < x.size(); ++i) {
    Tensor t = x[i];
    if (t.requires_grad()) t.set_grad(from[i].defined() ? from[i].detach().clone() : Tensor());
  }
}

// Fails every allocation of the step in turn.
void check_faults(const Case& c, const Tensors& x, bool backward, bool with_grads) {
  Tensors start(x.size());
  for (std::size_t i = 0; i < x.size(); ++i)
    if (with_grads && x[i].requires_grad()) start[i] = ones_like(x[i].detach());
  Tensors asking;
  for (const Tensor& t : c.call(x))
    if (t.requires_grad()) asking.push_back(t);
  const Tensors g = grad_outputs_of(asking);
  asking.clear();
  const Tensors inputs = copies_of(x);
  give_grads(x, start);
  const Tensors outputs = copies_of(step(c, x, g, backward)), grads = copies_of(grads_of(x));
  for (std::uint64_t k = 1; k < 500; ++k) {
    INFO("allocation " << k << (with_grads ? ", with gradients there" : ""));
    give_grads(x, start);
    const std::size_t in_use = memory_stats().in_use;
    bool failed = false;
    Tensors got;
    fail_allocation_at(k);
    try {
      got = step(c, x, g, backward);
    } catch (const OutOfMemory&) {
      failed = true;
    }
    fail_allocation_at(0);
    if (!failed) {
      CHECK(bits_difference(got, outputs) == "");
      CHECK(bits_difference(grads_of(x), grads) == "");
      return;
    }
    CHECK(memory_stats().in_use == in_use);
    CHECK(bits_difference(copies_of(x), inputs) == "");
    CHECK(bits_difference(grads_of(x), start) == "");
  }
  FAIL("no end of allocations");
}

}  // namespace

TEST_CASE("an allocation that fails changes nothing and leaks nothing") {
  for (const Row& row : all_rows()) {
    for (const Case& c : row.cases) {
      const DType t = c.inputs.empty() || holds(row.dtypes & c.dtypes, f32) ? f32 : i64;
      if (!c.inputs.empty() && !holds(row.dtypes & c.dtypes, t)) continue;
      INFO(describe(row, c, t));
      const Tensors x = tensors_of(c.inputs, t, true);
      for (const bool with_grads : {false, true})
        CHECK(message_of([&] { check_faults(c, x, row.differentiable, with_grads); }) == "");
    }
  }
}

TEST_CASE("an allocation that fails leaves what was to change in place") {
  for (const Row& row : all_rows()) {
    for (const Case& c : row.cases) {
      if (!c.inplace || !holds(row.dtypes & c.dtypes, f32)) continue;
      INFO(describe(row, c, f32));
      for (std::uint64_t k = 1; k < 100; ++k) {
        Tensors x = tensors_of(c.inputs, f32, row.differentiable);
        const Tensors before = copies_of(x);
        if (row.differentiable) x[0] = x[0].clone();
        const auto version = x[0].impl()->storage->version();
        bool failed = false;
        fail_allocation_at(k);
        try {
          c.inplace(x);
        } catch (const OutOfMemory&) {
          failed = true;
        }
        fail_allocation_at(0);
        if (!failed) break;
        CHECK(bits_difference(copies_of(x), before) == "");
        CHECK(x[0].impl()->storage->version() == version);
      }
    }
  }
}
