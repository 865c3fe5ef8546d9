#include <dlfcn.h>

#include <cstring>
#include <numeric>

#include <weft/tests/catch.h>
#include <weft/tests/cuda/simulated.h>
#include <weft/weft.h>

using namespace weft;

namespace {

bool same_bits(const Tensor& a, const Tensor& b) {
  const Tensor x = a.cpu().contiguous(), y = b.cpu().contiguous();
  return x.dtype() == y.dtype() && x.sizes() == y.sizes() &&
         std::memcmp(x.data(), y.data(), x.nbytes()) == 0;
}

// An index in which places 1 and 3 come so often, the others once or not at all.
Tensor runs_of(Index before, Index often, Index very_often) {
  std::vector<Index> places(static_cast<std::size_t>(before), 0);
  places.insert(places.end(), static_cast<std::size_t>(often), 1);
  places.push_back(2);
  places.insert(places.end(), static_cast<std::size_t>(very_often), 3);
  places.push_back(5);
  const Tensor index = tensor(places);
  return index.index_select(0, randperm(index.size(0)));
}

// 0 to period - 1, again and again.
Tensor saw(Index n, Index period) {
  std::vector<Index> values;
  for (Index i = 0; i < n; ++i) values.push_back(i % period);
  return tensor(values);
}

// Added to a tensor of 7 places, [7] and [7, 3], on the device and on the CPU.
std::vector<Tensor> sums(const Tensor& index, DType t, Device device) {
  const Index n = index.size(0);
  const Tensor i = index.to(device), line = (saw(n, 11) - 3).to(t).to(device),
               rows = (saw(3 * n, 13) - 5).to(t).reshape({n, 3}).to(device);
  return {ones(7, Options(t).device(device)).scatter_add(0, i, line),
          ones({7, 3}, Options(t).device(device)).index_put_({i}, rows, true),
          ones({3, 7}, Options(t).device(device)).index_add(1, i, rows.transpose(0, 1))};
}

struct AnyOrder {
  AnyOrder() { use_deterministic_algorithms(false); }
  ~AnyOrder() { use_deterministic_algorithms(true); }
};

// 2048 and thirty ones: in f16 2048, if every sum is rounded, and 2078, if only the last is.
float sum_of_halves(DType t) {
  std::vector<float> values(31, 1);
  values[0] = t == f16 ? 2048 : 256;
  const Tensor source = tensor(values).to(t).to(kDevice);
  return zeros(2, Options(t).device(kDevice))
      .scatter_add(0, zeros(31, Options(i64).device(kDevice)), source)
      .cpu()
      .to(f32)
      .to_vector<float>()[0];
}

}  // namespace

TEST_CASE("what meets at one place is added up, however often it does") {
  manual_seed(1);
  for (const Index before : {0, 1, 31, 40}) {
    for (const Index often : {1, 31, 32, 33, 63, 64, 65, 97, 1000}) {
      const Tensor index = runs_of(before, often, 2 * often + 1);
      for (const DType t : {u8, i32, i64, f32, f64}) {
        const auto expected = sums(index, t, kCPU), got = sums(index, t, kDevice);
        INFO(before << ", " << often << ", " << name(t));
        for (std::size_t k = 0; k < got.size(); ++k) CHECK(same_bits(got[k], expected[k]));
      }
    }
  }
}

TEST_CASE("a bool that is added to is whether any was set") {
  const Tensor index = runs_of(3, 70, 90), set = (saw(index.size(0), 50) == 7);
  const Tensor none = zeros(7, Options(boolean));
  CHECK(same_bits(none.to(kDevice).index_put_({index.to(kDevice)}, set.to(kDevice), true),
                  none.clone().index_put_({index}, set, true)));
}

TEST_CASE("of what is written to one place the last stays") {
  manual_seed(2);
  const Tensor index = runs_of(5, 50, 200);
  const Index n = index.size(0);
  const auto written = [&](Device device) {
    const Tensor i = index.to(device);
    return std::vector{
        zeros(7, Options(f32).device(device)).scatter(0, i, arange(n).to(f32).to(device)),
        zeros({7, 2}, Options(i16).device(device))
            .index_put_({i}, arange(2 * n).to(i16).reshape({n, 2}).to(device))};
  };
  const auto expected = written(kCPU), got = written(kDevice);
  for (std::size_t k = 0; k < got.size(); ++k) CHECK(same_bits(got[k], expected[k]));
}

TEST_CASE("the gradient of an embedding's frequent row is exact to its last bits, every time") {
  manual_seed(3);
  constexpr Index kTokens = 6000;
  const Tensor often = bernoulli(full(kTokens, 0.8)).to(i64);  // token 1 for most
  const Tensor tokens = often + (1 - often) * randint(0, 9, kTokens), g = randn({kTokens, 5}) + 1;
  const auto gradient = [&](DType t, Device device) {
    const Tensor weight = zeros({9, 5}, Options(t).device(device)).requires_grad_();
    embedding(weight, tokens.to(device)).backward(g.to(t).to(device));
    return weight.grad();
  };
  for (const DType t : {f16, bf16, f32, f64}) {
    const Tensor got = gradient(t, kDevice), again = gradient(t, kDevice);
    CHECK(same_bits(got, again));
    const Tensor exact = zeros({9, 5}, f64).index_add(0, tokens, g.to(t).to(f64));
    const double rounding = t == f16 ? 0x1p-11 : t == bf16 ? 0x1p-8 : t == f32 ? 2e-7 : 1e-15;
    const Tensor off = (got.cpu().to(f64) - exact).abs() / exact.abs().clamp(1, 1e9);
    INFO(name(t));
    CHECK(off.amax().item<double>() <= 1.01 * rounding);
  }
}

TEST_CASE("an index out of range leaves every place alone, long runs or not") {
  const Tensor index = full(100, 9, Options(i64)), out = zeros(7, Options(f32).device(kDevice));
  const auto bad = [&](auto f) {
    CHECK_THROWS_AS((f(), cuda::synchronize()), IndexError);
    CHECK(out.abs().sum().item<float>() == 0);
  };
  for (const bool any : {false, true}) {
    if (any) use_deterministic_algorithms(false);
    Tensor y = out;
    bad([&] { y.scatter_add_(0, index.to(kDevice), ones(100, Options(f32).device(kDevice))); });
    bad([&] { y.index_put_({index.to(kDevice)}, ones(100, Options(f32).device(kDevice)), true); });
  }
  use_deterministic_algorithms(true);
}

TEST_CASE("sums are in a fixed order unless a program said that any will do") {
  use_deterministic_algorithms(true);
  CHECK(sum_of_halves(f16) == 2078);
  CHECK(sum_of_halves(bf16) == 286);
  const AnyOrder guard;
  // Each atomic sum is rounded: what comes before the large one counts, what comes after does not.
  const bool in_turn = std::string(cuda::get_device_properties().name) == "simulated";
  for (const DType t : {f16, bf16}) {
    const float sum = sum_of_halves(t), large = t == f16 ? 2048 : 256;
    CHECK(sum >= large);
    CHECK(sum <= (in_turn ? large : large + 30));
  }
  manual_seed(4);
  const Tensor index = runs_of(5, 33, 200);
  for (const DType t : {u8, i32, i64, f32, f64, f16}) {
    const auto expected = sums(index, t, kCPU), got = sums(index, t, kDevice);
    INFO(name(t));
    for (std::size_t k = 0; k < got.size(); ++k) CHECK(same_bits(got[k], expected[k]));
  }
}

TEST_CASE("finding what a mask chooses waits for the device once") {
  const std::string name = cuda::get_device_properties().name;  // loads the library
  if (name != "simulated") return;                              // which counts
  using Waits = int();
  void* library = dlopen(std::getenv("WEFT_CUDA_LIBRARY"), RTLD_NOW | RTLD_NOLOAD);
  const auto waits = reinterpret_cast<Waits*>(dlsym(library, "weft_simulated_waits"));
  REQUIRE(waits);
  const Tensor x = arange(3000).to(f32).reshape({3, 1000}).to(kDevice), mask = x > 1500;
  const auto waited = [&](auto f) {
    const int before = waits();
    f();
    return waits() - before;
  };
  CHECK(waited([&] { x.nonzero(); }) == 1);
  CHECK(waited([&] { x.index({mask}); }) == 1);
  CHECK(waited([&] { x.masked_select(mask); }) == 1);
  CHECK(waited([&] { x.index({mask.select(1, 0)}); }) == 1);
  CHECK(waited([&] { x.clone().index_put_({mask}, zeros({}, x.options())); }) == 1);
  CHECK(x.index({mask}).size(0) == 1499);
}
