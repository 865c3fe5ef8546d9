#include <weft/autograd/gradcheck.h>

#include <weft/tests/ops/ramp.h>
#include <weft/tests/ops/samples.h>

using namespace weft;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::MessageMatches;
using test::check_equal, test::check_values, test::ramp, test::sample;

namespace {

struct Statistics {
  Tensor mean, var;
};
Statistics fresh(Index channels, DType dtype = f64) {
  return {zeros(channels, dtype), ones(channels, dtype)};
}

// By the definition, in f64.
Tensor plain_batch_norm(const Tensor& x, const Tensor& weight, const Tensor& bias, double eps) {
  Shape dims = 0, along = Shape::filled(x.dim(), 1);
  for (Index d = 2; d < x.dim(); ++d) dims.push_back(d);
  along[1] = -1;
  const Tensor wide = x.to(f64), centred = wide - wide.mean(dims, true);
  const Tensor y = centred / (centred.square().mean(dims, true) + eps).sqrt();
  return y * weight.to(f64).reshape(along) + bias.to(f64).reshape(along);
}

template <class F>
void fails(F&& f, const char* text) {
  CHECK_THROWS_MATCHES(f(), Error, MessageMatches(ContainsSubstring(text)));
}

}  // namespace

TEST_CASE("batch_norm in training is PyTorch's, its gradients and running statistics too") {
  Tensor x = ramp({2, 3, 2, 3}).requires_grad_(), w = ramp(3, 5, 13).requires_grad_(),
         b = ramp(3, 3, 7).requires_grad_();
  Tensor mean = ramp(3, 3, 5), var = tensor({1, 2, 3}, f64);
  const Tensor y = batch_norm(x, mean, var, w, b, true, 0.3, 1e-3);
  check_values(y[0][1], {-0.30073155947193153, 0.013075285194431805, 0.32688212986079512,
                         -0.2222798483053407, 0.091526996361022642, 0.40533384102738595});
  check_values(mean, {-0.39375, 0.1875, -0.175});
  check_values(var, {0.90269886363636354, 1.6073863636363634, 2.3011363636363633});
  y.backward(ramp({2, 3, 2, 3}, 9, 17));
  check_values(x.grad()[1][2], {0.816870175761093, 0.23040849719521739, 1.9766373978558789,
                                -1.6939674123266586, -2.2804290908925342, -0.53420019023187293});
  check_values(w.grad(), {3.9874478508366447, -0.58838783374943093, -8.2845692048190109});
  check_values(b.grad(), {-6.75, 2.25, 2.75});

  Tensor z = x.detach().clone().requires_grad_();
  const Tensor eval = batch_norm(z, mean, var, w, b, false, 0.3, 1e-3);
  check_values(eval[0][2], {1.1948752554722131, 0.53580080292078636, 1.6891810948857833,
                            1.0301066423343563, 0.37103218978292962, 1.5244124817479265});
  eval.backward(ramp({2, 3, 2, 3}, 9, 17));
  check_values(z.grad()[0][1], {0.24640801518304045, -0.19712641214643237, 0.19712641214643237,
                                -0.24640801518304045, 0.14784480910982428, -0.29568961821964856});
}

TEST_CASE("batch_norm agrees with its definition in every layout, rank and dtype") {
  const auto check = [](const Tensor& x, double tolerance) {
    const Index c = x.sizes()[1];
    const Tensor w = ramp(c, 5, 13).to(x.dtype()), b = ramp(c, 3, 7).to(x.dtype());
    const Tensor y = batch_norm(x, {}, {}, w, b, true);
    CHECK(y.dtype() == x.dtype());
    check_equal(y.to(f64), plain_batch_norm(x, w, b, 1e-5), tolerance);
  };
  const auto images = sample({6, 5, 9, 7});
  check(images, 1e-12);
  check(images.contiguous(MemoryFormat::ChannelsLast), 1e-12);
  check(images.transpose(2, 3), 1e-12);
  check(images.slice(3, {}, {}, -2), 1e-12);
  check(sample({5, 13}), 1e-12);
  check(sample({5, 3, 11}), 1e-12);
  check(sample({2, 3, 4, 3, 5}), 1e-12);
  check(sample({3, 40, 20, 20}).contiguous(MemoryFormat::ChannelsLast), 1e-11);
  check(sample({2, 3, 70, 70}).to(f32), 2e-6);
  check(sample({9, 3, 70, 70}).to(f32).contiguous(MemoryFormat::ChannelsLast), 2e-6);
  for (const DType low : {f16, bf16}) {
    const double tolerance = low == f16 ? 3e-3 : 2e-2;
    check(images.to(low), tolerance);
    check(images.to(low).contiguous(MemoryFormat::ChannelsLast), tolerance);
  }
}

TEST_CASE("batch_norm is accurate where the mean is far from zero") {
  const Tensor x = (sample({16, 4, 40, 40}) * 0.01 + 1000).to(f32);
  const Tensor one = ones(4), zero = zeros(4), expected = plain_batch_norm(x, one, zero, 1e-5);
  check_equal(batch_norm(x, {}, {}, one, zero, true), expected, 1e-2);
  check_equal(batch_norm(x.contiguous(MemoryFormat::ChannelsLast), {}, {}, one, zero, true),
              expected, 1e-2);
}

TEST_CASE("f16 and bf16 images take f32 parameters and statistics in batch_norm") {
  Tensor x = sample({4, 3, 5, 5}).to(bf16).contiguous(MemoryFormat::ChannelsLast).requires_grad_();
  Tensor w = ramp(3, 5, 13, f32).requires_grad_(), b = ramp(3, 3, 7, f32).requires_grad_();
  auto s = fresh(3, f32);
  const Tensor y = batch_norm(x, s.mean, s.var, w, b, true);
  CHECK(y.dtype() == bf16);
  CHECK(y.strides() == x.strides());
  check_equal(y.to(f64), plain_batch_norm(x, w, b, 1e-5).detach(), 2e-2);
  y.backward(ones_like(y));
  CHECK(x.grad().dtype() == bf16);
  CHECK(w.grad().dtype() == f32);
  check_values(b.grad(), {100, 100, 100});
}

TEST_CASE("gradients of normalisation are those of central differences, twice") {
  const auto check = [](auto&& f, const std::vector<Tensor>& in) {
    const auto all = [&](const std::vector<Tensor>& v) { return std::vector<Tensor>{f(v)}; };
    CHECK(autograd::gradcheck(all, in));
    CHECK(autograd::gradgradcheck(all, in));
  };
  const std::vector<Tensor> in = {sample({3, 2, 2, 2}, true), sample(2, true, 3),
                                  sample(2, true, 4)};
  const auto train = [](const std::vector<Tensor>& v) {
    return batch_norm(v[0], {}, {}, v[1], v[2], true);
  };
  check(train, in);
  check(
      [&](const std::vector<Tensor>& v) {
        return train({v[0].contiguous(MemoryFormat::ChannelsLast), v[1], v[2]});
      },
      in);
  check(
      [](const std::vector<Tensor>& v) { return batch_norm_relu(v[0], {}, {}, v[1], v[2], true); },
      in);
  check(
      [&](const std::vector<Tensor>& v) {
        return batch_norm(v[0], ones(2, f64), full(2, 2.0, f64), v[1], v[2]);
      },
      in);
  check(
      [](const std::vector<Tensor>& v) {
        return batch_norm_relu(v[0], ones(2, f64), full(2, 2.0, f64), v[1]);
      },
      in);
  check(
      [](const std::vector<Tensor>& v) {
        return layer_norm(v[0], {3, 2}, v[1], v[2]);
      },
      {sample({2, 3, 2}, true), sample({3, 2}, true, 3), sample({3, 2}, true, 4)});
  check([](const std::vector<Tensor>& v) { return local_response_norm(v[0], 3, 0.5, 0.75, 2); },
        {sample({2, 5, 3}, true)});
}

TEST_CASE("batch_norm_relu is relu of batch_norm in every layout") {
  for (const auto format : {MemoryFormat::Contiguous, MemoryFormat::ChannelsLast}) {
    for (const bool training : {true, false}) {
      Tensor x = sample({5, 4, 3, 6}).contiguous(format).requires_grad_(), w = sample(4, true),
             b = sample(4, true, 5);
      Tensor x2 = x.detach().clone().requires_grad_(), w2 = w.detach().clone().requires_grad_(),
             b2 = b.detach().clone().requires_grad_();
      auto s = fresh(4), s2 = fresh(4);
      const Tensor y = batch_norm_relu(x, s.mean, s.var, w, b, training);
      const Tensor y2 = batch_norm(x2, s2.mean, s2.var, w2, b2, training).relu();
      check_equal(y, y2);
      const Tensor g = sample({5, 4, 3, 6});
      y.backward(g);
      y2.backward(g);
      check_equal(x.grad(), x2.grad());
      check_equal(w.grad(), w2.grad());
      check_equal(b.grad(), b2.grad());
      check_equal(s.var, s2.var);
    }
  }
}

TEST_CASE("batch_norm gives the same bits for any number of threads") {
  const int before = get_num_threads();
  for (const auto format : {MemoryFormat::Contiguous, MemoryFormat::ChannelsLast}) {
    std::vector<std::vector<float>> seen;
    for (const int threads : {1, 2, 4}) {
      set_num_threads(threads);
      Tensor x = sample({8, 24, 20, 20}).to(f32).contiguous(format).requires_grad_(),
             w = ramp(24, 5, 13, f32).requires_grad_();
      batch_norm(x, {}, {}, w, {}, true).backward(sample({8, 24, 20, 20}, false, 9).to(f32));
      std::vector<float> all = x.grad().to_vector<float>(), gw = w.grad().to_vector<float>();
      all.insert(all.end(), gw.begin(), gw.end());
      seen.push_back(all);
    }
    CHECK(seen[0] == seen[1]);
    CHECK(seen[0] == seen[2]);
  }
  set_num_threads(before);
}

TEST_CASE("a batch_norm that fails leaves the running statistics alone") {
  auto s = fresh(3);
  const Tensor x = sample({4, 3, 5, 5});
  int failures = 0;
  for (std::uint64_t k = 1; k < 50; ++k) {
    fail_allocation_at(k);
    try {
      batch_norm(x, s.mean, s.var, {}, {}, true);
      fail_allocation_at(0);
      break;
    } catch (const OutOfMemory&) {
      ++failures;
      check_values(s.mean, {0, 0, 0}, 0);
      check_values(s.var, {1, 1, 1}, 0);
      CHECK(s.mean.version() == 0);
    }
  }
  CHECK(failures >= 4);
  CHECK(s.mean.to_vector<double>() != std::vector<double>{0, 0, 0});
}

TEST_CASE("layer_norm is PyTorch's, with its gradients") {
  Tensor x = ramp({2, 2, 5}).requires_grad_(), w = ramp({2, 5}, 5, 13).requires_grad_(),
         b = ramp({2, 5}, 3, 7).requires_grad_();
  const Tensor y = layer_norm(x, {2, 5}, w, b, 1e-3);
  check_values(y[1], {-0.41839165668326278, 0.37108552704492026, 1.4763801805985672,
                      0.28688969870328884, 0.91845814751873989, 0.11584406615965495,
                      0.67635358426437642, 0.26851134018712158, -0.11843155118454901, 0.75});
  y.backward(ramp({2, 2, 5}, 9, 17));
  check_values(x.grad()[0],
               {1.964558805848073, -0.12924728985842582, -3.0963957870368595, 0.033235017392166721,
                -0.73855594204814778, 0.15509674783011085, 1.165071998580953, 0.39328103914063861,
                0.07570198405993489, 0.17725342609155548});
  check_values(w.grad()[1], {0.11709696978880968, -1.4761886891687355, -2.7463110341229648,
                             1.265198848819846, 3.1425968859889393});
  check_values(b.grad()[0], {-2.75, 1.75, -2.25, 2.25, -1.75});
  check_equal(
      layer_norm(x.detach().to(f32), {2, 5}, w.detach().to(f32), b.detach().to(f32), 1e-3).to(f64),
      y.detach(), 1e-6);
  check_equal(
      layer_norm(x.detach().to(bf16), {2, 5}, w.detach().to(f32), b.detach().to(f32), 1e-3).to(f64),
      y.detach(), 3e-2);
  check_equal(layer_norm(x.detach().transpose(0, 1), 5), layer_norm(x.detach(), 5).transpose(0, 1));
  CHECK(layer_norm(zeros({0, 5}), 5).sizes() == Shape{0, 5});
}

TEST_CASE("layer_norm sums the weights' gradients over many rows and takes long rows") {
  Tensor x = sample({150, 30}).to(f32).requires_grad_(), w = ones(30).requires_grad_(),
         b = zeros(30).requires_grad_();
  layer_norm(x, 30, w, b).backward(ones({150, 30}));
  check_equal(b.grad(), full(30, 150.0f));
  const Tensor longer = sample({2, 9000});
  const Tensor centred = longer - longer.mean(1, true);
  check_equal(layer_norm(longer, 9000), centred / (centred.square().mean(1, true) + 1e-5).sqrt(),
              1e-11);
}

TEST_CASE("local_response_norm is PyTorch's, with its gradients") {
  Tensor x = ramp({1, 6, 2, 2}).requires_grad_();
  Tensor y = local_response_norm(x, 3, 0.5, 0.75, 2);
  check_values(
      y[0].narrow(0, 4, 2),
      {-0.41110651391507824, 0.55007096561883206, 0, -0.55007096561883206, 0.4169655907024778,
       -0.13948699519253979, -0.67806079952933651, 0.2760079131167622});
  y.backward(ramp({1, 6, 2, 2}, 9, 17));
  check_values(
      x.grad()[0].narrow(0, 0, 2),
      {-0.91982783414158376, 0.15467070967015489, -0.97742468136567484, 0.22435375763228738,
       -0.81668482012777133, 0.43460925955025187, -0.67465272190613124, 0.49985253652140782});
  x.set_grad({});
  y = local_response_norm(x, 4, 1, 0.6, 1);
  check_values(y[0].narrow(0, 0, 2),
               {-1.0187614238771991, 0.44749022563761442, -0.42472753496344934, 1.0256141249747723,
                0.1846989701536482, -0.62815985408219177, 0.84344472988566177, 0});
  y.backward(ramp({1, 6, 2, 2}, 9, 17));
  check_values(x.grad()[0].narrow(0, 4, 2),
               {0.022180862588791407, -1.2105934935233125, 0.17588519672354483, -1.0959317906691721,
                0.3661831087362854, -1.3283972849258474, 0.39084159028512999, -1.1051228635093731});
}

TEST_CASE("normalisation says what it got and what it expected") {
  const Tensor x = zeros({2, 3, 4, 4}), three = zeros(3), four = zeros(4);
  fails([&] { return batch_norm(x, four, three); }, "got running_mean of shape [4]");
  fails([&] { return batch_norm(x, three, three, four); }, "got weight of shape [4]");
  fails([&] { return batch_norm(x, {}, {}); }, "got no running statistics");
  fails([&] { return batch_norm(x, three, {}); }, "expected both or none");
  fails([&] { return batch_norm(three, three, three); }, "expected 2 to 5 dimensions");
  fails([&] { return batch_norm(x.to(i64), three, three); }, "got input of int64");
  fails([&] { return batch_norm(x, three.to(f64), three); }, "got running_mean of float64");
  fails([&] { return batch_norm(zeros({1, 3}), {}, {}, {}, {}, true); }, "more than one value");
  fails([&] { return layer_norm(x, 3); }, "expected one that ends with it");
  fails([&] { return layer_norm(x, {4, 4}, four); }, "got weight of shape [4]");
  fails([&] { return local_response_norm(zeros({2, 3}), 3); }, "expected 3 dimensions or more");
  fails([&] { return local_response_norm(x, 0); }, "got size 0");
}

TEST_CASE("batch_norm's running statistics count as changed in place") {
  const Tensor x = sample({4, 3});
  const Tensor mean = zeros({3}, x.dtype()), variance = ones({3}, x.dtype());
  const auto before = mean.version(), before_variance = variance.version();
  batch_norm(x, mean, variance, {}, {}, true);
  CHECK(mean.version() > before);
  CHECK(variance.version() > before_variance);
}
