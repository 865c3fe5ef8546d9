#include <dlfcn.h>

#include <cstring>

#include <weft/core/cuda_plugin.h>
#include <weft/ops/kernels.h>
#include <weft/tests/catch.h>
#include <weft/tests/cuda/simulated.h>
#include <weft/weft.h>

using namespace weft;

namespace {

Options there(DType t = f32) { return Options(t).device(kDevice); }

template <class F>
std::string message_of(F f) {
  try {
    f();
    return {};
  } catch (const Error& e) {
    return e.what();
  }
}
bool says(const std::string& message, const std::string& part) {
  return message.find(part) != std::string::npos;
}

bool same_bits(const Tensor& a, const Tensor& b) {
  const Tensor x = a.cpu().contiguous(), y = b.cpu().contiguous();
  return x.dtype() == y.dtype() && x.sizes() == y.sizes() &&
         std::memcmp(x.data(), y.data(), x.nbytes()) == 0;
}

// Null with another back end.
template <class F>
F* simulated_function(const char* name) {
  cuda::device_count();  // loads the library
  void* library = dlopen(std::getenv("WEFT_CUDA_LIBRARY"), RTLD_NOW | RTLD_NOLOAD);
  return library ? reinterpret_cast<F*>(dlsym(library, name)) : nullptr;
}

}  // namespace

TEST_CASE("the device has every kernel that the CPU has") {
  using Entry = void (*)();
  constexpr std::size_t count = sizeof(Kernels) / sizeof(Entry);
  static_assert(sizeof(Kernels) % sizeof(Entry) == 0);
  Entry cpu[count], cuda[count];
  std::memcpy(cpu, &kernels(kCPU), sizeof cpu);
  std::memcpy(cuda, &kernels(kDevice), sizeof cuda);
  for (std::size_t i = 0; i < count; ++i) {
    INFO("entry " << i);
    CHECK((cpu[i] == nullptr || cuda[i] != nullptr));
  }
}

TEST_CASE("devices are counted, named and chosen") {
  REQUIRE(cuda::is_available());
  CHECK(cuda::why_unavailable().empty());
  CHECK(std::strlen(cuda::get_device_properties(0).name) > 0);
  CHECK(cuda::current_device() == 0);
  const int beyond = cuda::device_count();
  CHECK(says(message_of([&] { cuda::set_device(beyond); }), "[set_device] got cuda:"));
  CHECK(says(message_of([&] { cuda::get_device_properties(-1); }), "[get_device_properties]"));
  CHECK(says(message_of([&] { empty(3, Options(f32).device(Device(DeviceType::CUDA, beyond))); }),
             "got cuda:"));
}

TEST_CASE("the thread's device is what it chose, whatever devices its tensors are on") {
  if (cuda::device_count() < 2) return;
  const Tensor x = ones(3, there());
  cuda::set_device(1);
  CHECK((x + x).device().index == 0);
  CHECK(cuda::current_device() == 1);
  CHECK(Device("cuda").index == 1);
  CHECK(ones(3).cuda().device().index == 1);
  CHECK(Device("cuda:0").index == 0);
  cuda::set_device(0);
  CHECK(Device("cuda").index == 0);
}

TEST_CASE("operations go to their device's stream when another library has set the device") {
  const auto set_device = simulated_function<void(int)>("weft_simulated_set_device");
  if (!set_device) return;
  const Device second(DeviceType::CUDA, 1);
  Tensor x = ones(3, Options(f32).device(second)), y = ones(3, there());
  y.add_(1);  // the thread is at the first again
  const cuda::Stream side(1);
  const StreamHandle before = cuda::current_stream(1).handle();
  cuda::plugin().set_stream(1, side.handle());
  set_device(1);
  x.add_(1);
  CHECK_FALSE(side.query());  // not yet done: it is there
  cuda::plugin().set_stream(1, before);
  side.synchronize();
  CHECK(x.sum().item<float>() == 6);
  y.add_(1);
  CHECK(y.sum().item<float>() == 9);
}

TEST_CASE("tensors travel between devices with their strides and their gradient") {
  const Tensor x = arange(24).to(f32).reshape({2, 3, 4}).requires_grad_();
  const Tensor y = x.transpose(0, 2).to(kDevice);
  CHECK(y.device() == kDevice);
  CHECK(y.sizes() == Shape{4, 3, 2});
  CHECK(y.cpu().to_vector<float>() == x.transpose(0, 2).to_vector<float>());
  (y * y).sum().backward();
  CHECK(x.grad().device() == kCPU);
  CHECK(x.grad().to_vector<float>() == (x * 2).to_vector<float>());
  const Tensor part = x.detach().to(kDevice).slice(2, 0, 4, 2);
  CHECK(part.cpu().to_vector<float>() == x.slice(2, 0, 4, 2).to_vector<float>());
  CHECK(part.sum().item<float>() == x.slice(2, 0, 4, 2).sum().item<float>());
  Tensor z = zeros({2, 3, 4}, there());
  z.copy_(x.detach());
  CHECK(same_bits(z, x.detach()));
  CHECK(empty({0, 3}, there()).cpu().sizes() == Shape{0, 3});
}

TEST_CASE("what makes tensors makes them on the device") {
  CHECK(same_bits(full({3, 2}, 2.5, there()), full({3, 2}, 2.5)));
  CHECK(same_bits(arange(1, 7, 2, there(i64)), arange(1, 7, 2, i64)));
  CHECK(same_bits(linspace(0, 1, 5, there()), linspace(0, 1, 5)));
  CHECK(same_bits(eye(3, {}, there()), eye(3)));
  CHECK(same_bits(tensor({{1.0, 2.0}, {3.0, 4.0}}, there()), tensor({{1.0, 2.0}, {3.0, 4.0}})));
  CHECK(same_bits(ones_like(zeros({2, 2}, there())), ones({2, 2})));
}

TEST_CASE("random numbers have the CPU's bits for every shape and order in memory") {
  for (const DType t : {f16, bf16, f32, f64}) {
    for (const Shape& sizes : {Shape{1}, Shape{7}, Shape{5, 3}, Shape{2, 3, 4, 5}, Shape{1031}}) {
      const auto both = [&](auto&& draw) {
        Generator a(17), b(17);
        return same_bits(draw(empty(sizes, t), &a), draw(empty(sizes, there(t)), &b));
      };
      INFO(name(t) << ", " << sizes.size() << " dims");
      CHECK(both([](Tensor x, Generator* g) { return uniform_(x, -2, 3, g); }));
      CHECK(both([](Tensor x, Generator* g) { return normal_(x, 1, 2, g); }));
      CHECK(both([](Tensor x, Generator* g) {
        Tensor turned = x.transpose(0, -1);
        return normal_(turned, 0, 1, g);
      }));
      CHECK(both([](Tensor x, Generator* g) { return bernoulli_(x, 0.3, g); }));
    }
  }
}

TEST_CASE(
    "sums over the long dimensions of a few channels are the CPU's, in either order in memory") {
  const Tensor pictures = randn({4, 3, 64, 64});
  for (const auto format : {MemoryFormat::Contiguous, MemoryFormat::ChannelsLast}) {
    const auto gradients = [&](Device device) {
      const auto leaf = [&](const Tensor& t) {
        return t.detach()
            .contiguous(t.dim() == 4 ? format : MemoryFormat::Contiguous)
            .to(device)
            .requires_grad_();
      };
      const Tensor x = leaf(pictures), w = leaf(linspace(1, 2, 3)), b = leaf(ones(3)),
                   kernel = leaf(ones({2, 3, 3, 3})), bias = leaf(ones(2));
      const Tensor y = conv2d(batch_norm(x, {}, {}, w, b, true), kernel, bias);
      (y * y).mean().backward();
      return std::vector{x.grad(), w.grad(), b.grad(), bias.grad()};
    };
    const auto cpu = gradients(kCPU), there = gradients(kDevice);
    for (std::size_t i = 0; i < cpu.size(); ++i) {
      const double apart = (cpu[i] - there[i].cpu()).abs().amax().item<double>();
      CHECK(apart <= 1e-5 * std::max(1.0, cpu[i].abs().amax().item<double>()));
    }
  }
}

TEST_CASE("convolutions hand cuDNN pictures that it has plans for") {
  const auto count = simulated_function<int()>("weft_simulated_unreadable");
  const int before = count ? count() : 0;
  const Tensor w = randn({5, 3, 3, 3}), x = randn({5, 3, 7, 6});
  const auto gradients = [&](auto view, Device device) {
    const Tensor a = x.clone().to(device).requires_grad_(),
                 b = w.clone().to(device).requires_grad_();
    const Tensor y = conv2d(view(a), b);
    y.sum().backward();  // of a gradient that is one number everywhere
    return std::vector{y.detach(), a.grad(), b.grad()};
  };
  const auto same = [&](auto view) {
    const std::vector<Tensor> cpu = gradients(view, kCPU), there = gradients(view, kDevice);
    for (std::size_t i = 0; i < cpu.size(); ++i)
      CHECK((cpu[i] - there[i].cpu()).abs().amax().item<double>() < 1e-3);
  };
  same([](const Tensor& t) { return t; });
  same([](const Tensor& t) { return t.contiguous(MemoryFormat::ChannelsLast); });
  same([](const Tensor& t) { return t.slice(0, 1, 5); });  // off its border
  same([](const Tensor& t) { return t.slice(3, 0, 6, 2); });
  same([](const Tensor& t) { return t.select(0, 1).unsqueeze(0).expand({4, 3, 7, 6}); });
  if (count) CHECK(count() == before);
}

TEST_CASE("dropout has the CPU's bits") {
  const Tensor x = randn({33, 5});
  manual_seed(3);
  const Tensor a = dropout(x, 0.4);
  manual_seed(3);
  const Tensor b = dropout(x.to(kDevice), 0.4);
  CHECK(same_bits(a, b));
}

TEST_CASE("tensors of two devices do not mix") {
  const Tensor x = ones({2, 2}), y = ones({2, 2}, there());
  CHECK(says(message_of([&] { x + y; }), "expected one device"));
  CHECK(says(message_of([&] { x.matmul(y); }), "expected one device"));
  CHECK(says(message_of([&] { cat({x, y}); }), "expected one device"));
  CHECK(says(message_of([&] { where(y > 0, x, x); }), "expected one device"));
  CHECK(says(message_of([&] { cross_entropy(x, zeros(2, there(i64))); }), "expected one device"));
  CHECK(says(message_of([&] {
               conv2d(ones({1, 1, 3, 3}), ones({1, 1, 2, 2}, there()));
             }),
             "expected one device"));
  CHECK(says(message_of([&] { embedding(x, zeros(2, there(i64))); }), "expected one device"));
}

TEST_CASE("an index out of range is reported by the next call that waits, with its operation") {
  const Tensor x = arange(4).to(f32).to(kDevice), bad = tensor({1.0, 9.0}).to(i64).to(kDevice);
  const Tensor y = x.index_select(0, bad);
  const std::string said = message_of([] { cuda::synchronize(); });
  CHECK(says(said, "[index_select] got index 9, expected 0 to 3"));
  CHECK(message_of([] { cuda::synchronize(); }).empty());
  CHECK(y.cpu().to_vector<float>()[0] == 1);  // and the device goes on
}

TEST_CASE("a simulated device refuses a kernel memory of the host") {
  if (std::string(cuda::get_device_properties().name) != "simulated") return;
  const Tensor here = zeros({2, 3}), x = zeros({2, 3}, there());
  const auto refuses = [](auto f) {
    CHECK(says(message_of(f), "got memory of the host in a kernel"));
  };
  const Kernels& k = kernels(kDevice);
  refuses([&] { k.random.bernoulli(x.view(), here.view(), {}); });
  refuses([&] { k.softmax.forward(x.view(), here.view(), 1, false); });
  refuses([&] { k.copy(make_loop(x.sizes(), {x.view(), here.view()})); });
  Tensor one = here.reshape({-1});
  const OptimizerItem item = {x.data(), one.data(), {}, 6, DType::F32, {}, nullptr};
  refuses([&] { k.optimizer_step(OptimizerId::SGD, std::span(&item, 1)); });
}

// Run by ctest with WEFT_CUDA_SYNC=1.
TEST_CASE("sync: an index out of range is reported by the call itself", "[.sync]") {
  const cuda::Stream side;
  const cuda::StreamGuard guard(side);
  const Tensor x = arange(4).to(f32).to(kDevice), bad = tensor({1.0, 9.0}).to(i64).to(kDevice);
  const std::string said = message_of([&] { x.index_select(0, bad); });
  CHECK(says(said, "[index_select] got index 9, expected 0 to 3"));
  CHECK(message_of([] { cuda::synchronize(); }).empty());
  (x + 1).mul_(2);
  CHECK(side.query());
  Tensor y;
  cuda::Graph graph;
  graph.capture([&] { y = x * 2; });  // which cannot wait
  graph.replay();
  CHECK(y.sum().item<float>() == 12);
}

TEST_CASE("memory of the device is counted, limited and given back") {
  empty_cache(kDevice);
  const std::size_t before = memory_stats(kDevice).in_use;
  {
    const Tensor x = empty({1024, 1024}, there());
    CHECK(memory_stats(kDevice).in_use >= before + (std::size_t{4} << 20));
    set_memory_limit(std::size_t{24} << 20, kDevice);
    CHECK_THROWS_AS(empty({4096, 4096}, there()), OutOfMemory);
    set_memory_limit(0, kDevice);
  }
  CHECK(memory_stats(kDevice).in_use == before);
  empty_cache(kDevice);
}

TEST_CASE("a network trains on the device as on the CPU") {
  const auto losses = [](Device device) {
    manual_seed(5);
    nn::Sequential net(nn::Conv2d(3, 8, 3), nn::BatchNorm2d(8), nn::ReLU(), nn::MaxPool2d(2),
                       nn::Flatten(), nn::Linear(8 * 3 * 3, 10));
    const Tensor x = randn({16, 3, 8, 8}).to(device), t = randint(0, 10, 16).to(device);
    net.to(device);
    optim::SGD sgd(net.parameters(), {.lr = 0.05, .momentum = 0.9});
    std::vector<double> all;
    for (int step = 0; step < 8; ++step) {
      sgd.zero_grad();
      const Tensor loss = cross_entropy(net(x), t);
      loss.backward();
      sgd.step();
      all.push_back(loss.item().to_double());
    }
    return all;
  };
  const auto cpu = losses(kCPU), cuda = losses(kDevice);
  CHECK(cpu.back() < 0.7 * cpu.front());
  for (std::size_t i = 0; i < cpu.size(); ++i)
    CHECK(std::abs(cpu[i] - cuda[i]) < 1e-4 * std::abs(cpu[i]));
}

// Run by ctest with WEFT_CUDA_LIBRARY naming a file that is not there, and the real back end.
TEST_CASE("missing: without a device there is an error that says why, and the CPU goes on",
          "[.missing]") {
  if (cuda::is_available()) return;
  CHECK(cuda::device_count() == 0);
  CHECK_FALSE(cuda::why_unavailable().empty());
  const std::string expected = "[cuda] no device (" + cuda::why_unavailable() + ")";
  CHECK(message_of([] { ones({2, 2}, there()); }) == expected);
  CHECK(message_of([] { ones({2, 2}).to(kDevice); }) == expected);
  CHECK(message_of([] { cuda::synchronize(); }) == expected);
  CHECK(message_of([] { cuda::set_device(0); }) == expected);
  CHECK(message_of([] { memory_stats(kDevice); }) == expected);
  CHECK((ones({2, 2}) + 1).sum().item<float>() == 8);
}
