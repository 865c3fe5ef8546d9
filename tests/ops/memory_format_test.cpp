#include <functional>
#include <utility>
#include <vector>

#include <weft/weft.h>

#include <weft/tests/catch.h>

using namespace weft;

TEST_CASE("what an operation makes of channels-last pictures lies channels-last") {
  const Tensor x = rand({2, 3, 4, 5}).contiguous(MemoryFormat::ChannelsLast);
  const std::vector<std::pair<const char*, std::function<Tensor()>>> made = {
      {"relu", [&] { return relu(x); }},
      {"add", [&] { return x + x.slice(0, 0, 1); }},
      {"comparison", [&] { return x > 0.5; }},
      {"where", [&] { return where(x > 0.5, x, 0); }},
      {"masked_fill", [&] { return x.masked_fill(x > 0.5, 0); }},
      {"flip",
       [&] {
         return x.flip({1, 3});
       }},
      {"softmax", [&] { return softmax(x, 1); }},
      {"sum of a dim", [&] { return x.sum(2, true); }},
      {"pad",
       [&] {
         return pad(x, {1, 1, 0, 2});
       }},
      {"cat",
       [&] {
         return cat({x, x}, 1);
       }},
      {"clone", [&] { return x.clone(); }},
      {"to", [&] { return x.to(f64); }},
      {"zeros_like", [&] { return zeros_like(x); }},
      {"dropout", [&] { return dropout(x, 0.5); }},
      {"max_pool2d", [&] { return max_pool2d(x, 2); }},
      {"conv2d",
       [&] {
         return conv2d(x, rand({6, 3, 3, 3}));
       }},
  };
  for (const auto& [name, make] : made) {
    INFO(name);
    CHECK(make().is_contiguous(MemoryFormat::ChannelsLast));
  }
}

TEST_CASE("a leaf's gradient lies as the leaf does") {
  const auto last = [](const Shape& sizes) {
    return rand(sizes).contiguous(MemoryFormat::ChannelsLast).requires_grad_();
  };
  const Tensor x = last({2, 4, 6, 5}), w = last({8, 4, 3, 3}),
               m = rand({4, 6}).t().requires_grad_();
  (conv2d(x, w).sum() + x.sum() + x.reshape({2, -1}).square().sum()).backward();
  (m.matmul(rand({4, 3})).sum() + m.sum()).backward();
  CHECK(x.grad().strides() == x.strides());
  CHECK(w.grad().strides() == w.strides());
  CHECK(m.grad().strides() == m.strides());

  Tensor plain = rand({2, 4, 6, 5}).requires_grad_(), gaps = rand({4, 6}).slice(1, 0, 6, 2);
  autograd::set_data(plain, x.detach());
  plain.sum().backward();
  CHECK(plain.grad().strides() == x.strides());
  gaps.requires_grad_().sum().backward();
  CHECK(gaps.grad().is_contiguous());
}
