#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include <weft/tests/catch.h>
#include <weft/tests/cuda/simulated.h>
#include <weft/tests/op_table/row.h>

using namespace weft;
using namespace weft::op_table;

namespace {

// The op table, or the share of it that WEFT_ROWS=k/n names (k from 0): tests/gpu.sh gives each
// share a process, since a fault ends a device's context.
std::vector<Row> rows() {
  const std::vector<Row>& all = all_rows();
  const char* named = std::getenv("WEFT_ROWS");
  unsigned k = 0, n = 1;
  if (named && (std::sscanf(named, "%u/%u", &k, &n) != 2 || k >= n))
    throw ValueError(std::string("[WEFT_ROWS] got ") + named + ", expected k/n with k below n");
  std::vector<Row> chosen;
  for (std::size_t i = k; i < all.size(); i += n) chosen.push_back(all[i]);
  return chosen;
}

Tensors on_device(const Tensors& x) {
  Tensors y;
  for (const Tensor& t : x) {
    y.push_back(t.defined() ? t.detach().to(kDevice).requires_grad_(t.requires_grad()) : t);
  }
  return y;
}
Tensors on_cpu(const Tensors& x) {
  Tensors y;
  for (const Tensor& t : x) y.push_back(t.defined() ? t.detach().cpu() : t);
  return y;
}

void check(const Row& row, const Case& c, DType t, const Tensors& x) {
  const Tensors there = on_device(x);
  const Results expected = run(c, x, row.differentiable), got = run(c, there, row.differentiable);
  for (const Tensor& y : got.outputs) CHECK(y.device() == kDevice);
  const double loose = c.winograd ? 16 : row.loose;
  const double exactness = loose * tolerance(is_floating(t) ? t : f32);
  CHECK(difference(on_cpu(got.outputs), expected.outputs, exactness, row.scale) == "");
  // Where halves meet at one place, the device rounds their sum and the CPU each addition.
  const double roundings = is_half(t) ? 2 : 1;
  CHECK(difference(on_cpu(got.grads), expected.grads, roundings * exactness,
                   std::max(1.0, row.scale)) == "");
  cuda::synchronize();
}

}  // namespace

TEST_CASE("every op gives on the device what it gives on the CPU") {
  REQUIRE(cuda::is_available());
  for (const Row& row : rows()) {
    for (const Case& c : row.cases) {
      if (c.inputs.empty()) continue;
      for (DType t : dtypes_of(row, c)) {
        INFO(describe(row, c, t));
        CHECK(message_of([&] { check(row, c, t, tensors_of(c.inputs, t, true)); }) == "");
      }
    }
  }
}

TEST_CASE("operands may lie in any order in the device's memory") {
  for (const Row& row : rows()) {
    for (const Case& c : row.cases) {
      if (c.inputs.empty() || c.exact_order || !c.reference) continue;
      for (const Arrangement how : {Arrangement::Transposed, Arrangement::Strided,
                                    Arrangement::Reversed, Arrangement::ChannelsLast}) {
        const DType t = holds(row.dtypes & c.dtypes, f32) ? f32 : i64;
        if (!holds(row.dtypes & c.dtypes, t)) continue;
        INFO(describe(row, c, t) << ", arrangement " << static_cast<int>(how));
        const auto run_arranged = [&](Device device) {
          Tensors x;
          const Tensors plain = tensors_of(c.inputs, t);
          for (std::size_t i = 0; i < plain.size(); ++i) {
            const bool grad = c.inputs[i].differentiable && is_floating(plain[i].dtype());
            x.push_back(arranged(plain[i].to(device), how, grad));
          }
          return run(c, x, row.differentiable);
        };
        const Results expected = run_arranged(kCPU), got = run_arranged(kDevice);
        const double exactness = (c.winograd ? 16 : row.loose) * tolerance(f32);
        CHECK(difference(on_cpu(got.outputs), expected.outputs, exactness, row.scale) == "");
        CHECK(difference(on_cpu(got.grads), expected.grads, exactness, std::max(1.0, row.scale)) ==
              "");
      }
    }
  }
}

TEST_CASE("second derivatives are the same on the device") {
  for (const Row& row : rows()) {
    for (const Case& c : row.cases) {
      if (c.inputs.empty() || !row.differentiable || !holds(row.dtypes & c.dtypes, f64)) continue;
      INFO(describe(row, c, f64));
      const auto twice = [&](const Tensors& x) {
        Tensors wanted, seconds;
        for (const Tensor& t : x)
          if (t.defined() && t.requires_grad()) wanted.push_back(t);
        const Tensors y = c.call(x);
        Tensor first;  // of one number made of all outputs
        for (const Tensor& out : y) {
          if (!out.requires_grad()) continue;
          const Tensor part = (out * out).sum();
          first = first.defined() ? first + part : part;
        }
        if (!first.defined() || wanted.empty()) return seconds;
        const Tensors g = autograd::grad(Tensors{first}, wanted, Tensors{}, true, true, true);
        Tensor second;
        for (const Tensor& t : g) {
          if (!t.defined() || !t.requires_grad()) continue;
          const Tensor part = (t * t).sum();
          second = second.defined() ? second + part : part;
        }
        if (second.defined())
          seconds = autograd::grad(Tensors{second}, wanted, Tensors{}, false, false, true);
        return seconds;
      };
      const Tensors x = tensors_of(c.inputs, f64, true), there = on_device(x);
      Tensors expected, got;
      CHECK(message_of([&] { expected = twice(x), got = twice(there); }) == "");
      CHECK(difference(on_cpu(got), expected, 1e-9, 1.0) == "");
    }
  }
}
