#include <functional>

#include <fmt/ranges.h>
#include <weft/tests/catch.h>
#include <weft/tests/cuda/simulated.h>
#include <weft/tests/op_table/row.h>
#include <weft/weft.h>

// Reductions and normalisations of shapes that take each way through a row: packs, what is left
// over, rows off their border, rows in several shares, columns.
using namespace weft;

namespace {

struct Work {
  const char* name;
  std::function<Tensor(const Tensor& x)> f;  // a table
};

Tensor like_columns(const Tensor& x, double from) {
  return linspace(from, 1, x.sizes()[1], x.dtype()).to(x.device());
}

const Work kTables[] = {
    {"sum", [](const Tensor& x) { return x.sum(); }},
    {"sum of rows", [](const Tensor& x) { return x.sum({1}); }},
    {"sum of columns", [](const Tensor& x) { return x.sum({0}); }},
    {"variance of rows", [](const Tensor& x) { return x.var({1}, 0); }},
    {"variance of columns", [](const Tensor& x) { return x.var({0}, 0); }},
    {"norm", [](const Tensor& x) { return x.norm(); }},
    {"amax", [](const Tensor& x) { return x.amax({1}); }},
    {"argmax of rows", [](const Tensor& x) { return x.argmax(1).to(x.dtype()); }},
    {"argmin of all", [](const Tensor& x) { return x.argmin().to(x.dtype()); }},
    {"logsumexp", [](const Tensor& x) { return x.logsumexp({1}); }},
    {"softmax of rows", [](const Tensor& x) { return x.softmax(1); }},
    {"softmax of columns", [](const Tensor& x) { return x.softmax(0); }},
    {"log_softmax", [](const Tensor& x) { return x.log_softmax(1); }},
    {"layer_norm",
     [](const Tensor& x) {
       return layer_norm(x, x.sizes()[1], like_columns(x, -1), like_columns(x, 2));
     }},
    {"layer_norm, plain", [](const Tensor& x) { return layer_norm(x, x.sizes()[1]); }},
    {"layer_norm, terms of another type",
     [](const Tensor& x) {
       if (!is_half(x.dtype())) return x * 1;
       const Tensor w = like_columns(x.to(f32), -1);
       return layer_norm(x, x.sizes()[1], w, w * 2);
     }},
    {"batch_norm of columns",
     [](const Tensor& x) {
       return batch_norm(x, {}, {}, like_columns(x, -1), like_columns(x, 2), true);
     }},
};
const Work kPictures[] = {
    {"batch_norm",
     [](const Tensor& x) {
       return batch_norm(x, {}, {}, like_columns(x, -1), like_columns(x, 2), true);
     }},
    {"batch_norm, plain", [](const Tensor& x) { return batch_norm(x, {}, {}, {}, {}, true); }},
    {"batch_norm and relu",
     [](const Tensor& x) {
       return batch_norm_relu(x, {}, {}, like_columns(x, -1), like_columns(x, 2), true);
     }},
    {"softmax of channels", [](const Tensor& x) { return x.softmax(1); }},
    {"sum of channels", [](const Tensor& x) { return x.sum({1}); }},
    {"sum of all but channels",
     [](const Tensor& x) {
       return x.sum({0, 2, 3});
     }},
};

double tolerance(DType t) { return t == f64 ? 1e-11 : t == f32 ? 2e-5 : t == f16 ? 4e-3 : 3e-2; }

// What f makes of x, and the gradient of x.
op_table::Tensors results(const Work& work, const Tensor& x) {
  const Tensor leaf = x.detach().requires_grad_(), y = work.f(leaf);
  if (!y.requires_grad()) return {y.cpu(), {}};
  const Tensor weights = linspace(-1, 1, y.numel(), y.dtype()).view(y.sizes());
  y.backward(weights.to(y.device()));
  return {y.detach().cpu(), leaf.grad().cpu()};
}

void check(const Work& work, const Tensor& here, const Tensor& there) {
  INFO(fmt::format("{} of {}, {}", work.name, fmt::join(here.sizes(), "x"), name(here.dtype())));
  CHECK(op_table::difference(results(work, there), results(work, here), tolerance(here.dtype()),
                             1.0) == "");
}

Tensor sample(const Shape& sizes, DType t) {
  Generator g(7);
  return randn(sizes, {}, &g).to(t);
}

}  // namespace

TEST_CASE("rows of any length and border give on the device what they give on the CPU") {
  for (const DType t : {f32, f16, bf16, f64}) {
    for (const Index length : {1, 7, 8, 9, 64, 1000, 1024, 9001}) {
      for (const Work& work : kTables) {
        const Tensor x = sample({5, length}, t);
        check(work, x, x.to(kDevice));
        const Tensor wide = sample({5, length + 1}, t);  // rows off their border
        check(work, wide.narrow(1, 1, length), wide.to(kDevice).narrow(1, 1, length));
        const Tensor turned = sample({length, 5}, t);
        check(work, turned.t(), turned.to(kDevice).t());
      }
    }
  }
}

TEST_CASE("long reductions in shares give on the device what they give on the CPU") {
  for (const Index length : {40'000, 40'001, 300'008}) {
    for (const Work& work : kTables) {
      const Tensor x = sample({2, length}, f32);
      check(work, x, x.to(kDevice));
      check(work, x.view({length, 2}), x.to(kDevice).view({length, 2}));
    }
  }
}

TEST_CASE("channels in either order give on the device what they give on the CPU") {
  for (const DType t : {f32, bf16}) {
    for (const Shape& sizes : {Shape{3, 8, 4, 4},
                               {3, 7, 4, 4},
                               {2, 16, 5, 3},
                               {9, 1, 8, 8},
                               {2, 3, 96, 64},
                               {40, 24, 16, 8},
                               {4, 8, 1, 1}}) {
      for (const Work& work : kPictures) {
        const Tensor x = sample(sizes, t), last = x.contiguous(MemoryFormat::ChannelsLast);
        check(work, x, x.to(kDevice));
        check(work, last, last.to(kDevice));
      }
    }
  }
}
