#include <set>
#include <thread>

#include <weft/core/cuda_own_stream.h>
#include <weft/core/pinned.h>
#include <weft/tests/catch.h>
#include <weft/tests/cuda/simulated.h>
#include <weft/weft.h>

using namespace weft;

// The simulated devices do work on streams as late as they may: what was not waited for is not
// there.
namespace {

Options there(DType t = f32) { return Options(t).device(kDevice); }
bool real() { return std::string(cuda::get_device_properties(0).name) != "simulated"; }

}  // namespace

TEST_CASE("work goes to the thread's current stream, which a guard sets for a scope") {
  const cuda::Stream usual = cuda::current_stream();
  CHECK(usual == cuda::default_stream());
  const cuda::Stream side;
  CHECK(side.handle() != nullptr);
  CHECK(side.device() == 0);
  {
    const cuda::StreamGuard guard(side);
    CHECK(cuda::current_stream() == side);
    const cuda::StreamGuard inner(cuda::default_stream());
    CHECK(cuda::current_stream() == usual);
  }
  CHECK(cuda::current_stream() == usual);
  CHECK_THROWS_AS(cuda::Stream(0, 7), ValueError);
  CHECK_THROWS_AS(cuda::Stream(99), DeviceError);
}

TEST_CASE("a guard sets the device of its stream, and puts both back") {
  if (cuda::device_count() < 2) return;
  const cuda::Stream other(1);
  {
    const cuda::StreamGuard guard(other);
    CHECK(cuda::current_device() == 1);
    CHECK(cuda::current_stream() == other);
    CHECK(ones(3).cuda().device().index == 1);
  }
  CHECK(cuda::current_device() == 0);
  CHECK(cuda::current_stream(1) == cuda::default_stream(1));
}

TEST_CASE("a stream that waits for another sees its work, and the host waits for either") {
  const cuda::Stream side;
  const Tensor x = ones({64, 64}, there());
  Tensor y;
  side.wait_stream(cuda::current_stream());
  {
    const cuda::StreamGuard guard(side);
    y = x.add(2);
    if (!real()) CHECK_FALSE(side.query());
  }
  cuda::current_stream().wait_stream(side);
  CHECK(y.sum().item<float>() == 3 * 64 * 64);  // waits, too, for what the side overwrites
  {
    const cuda::StreamGuard guard(side);
    y.mul_(2);
  }
  side.synchronize();
  CHECK(side.query());
  CHECK(y.sum().item<float>() == 6 * 64 * 64);
}

TEST_CASE("an event is passed when the work before it is done") {
  const cuda::Stream side;
  Tensor x = ones(1000, there());
  cuda::Event start(true), end(true), plain;
  CHECK(plain.query());  // never recorded
  side.wait_stream(cuda::current_stream());
  {
    const cuda::StreamGuard guard(side);
    start.record();
    x.add_(1);
    end.record();
  }
  if (!real()) CHECK_FALSE(end.query());
  CHECK_THROWS_AS(plain.elapsed_time(end), ValueError);
  cuda::Event later = std::move(end);
  later.synchronize();
  CHECK(later.query());
  CHECK(start.elapsed_time(later) >= 0);
  CHECK(x.sum().item<float>() == 2000);
  const cuda::Stream third;
  {
    const cuda::StreamGuard guard(side);
    x.mul_(3);
    plain.record();
  }
  third.wait_event(plain);
  const cuda::StreamGuard guard(third);
  CHECK(x.sum().item<float>() == 6000);
}

TEST_CASE("memory goes round on its own stream, and record_stream keeps it for another's work") {
  const cuda::Stream side;
  const auto address_after = [&](bool recorded) {
    empty_cache(kDevice);
    Tensor x = ones({256, 1024}, there()), sum;
    void* const before = x.data();
    side.wait_stream(cuda::current_stream());
    {
      const cuda::StreamGuard guard(side);
      sum = x.sum();
    }
    if (recorded) x.record_stream(side);
    x = {};
    const Tensor next = full({256, 1024}, 7, there());
    side.synchronize();
    if (recorded) CHECK(sum.item<float>() == 256 * 1024);
    return next.data() == before;
  };
  CHECK(address_after(false));
  const bool again = address_after(true);
  if (!real()) CHECK_FALSE(again);  // a real device may be through with the sum by then
  CHECK_THROWS_AS(ones(3).record_stream(side), DeviceError);
}

TEST_CASE("what is freed is poisoned in the order of its own stream") {
  struct Poisoned {
    const AllocationMode before = allocation_mode();
    Poisoned() { set_allocation_mode({.passthrough = before.passthrough, .poison = true}); }
    ~Poisoned() { set_allocation_mode(before); }
  } const guard;
  const cuda::Stream side;
  Tensor x, y;
  {
    const cuda::StreamGuard there(side);
    x = full({256, 256}, 3, Options(f32).device(kDevice));
    side.synchronize();
    y = x + 1;
  }
  x = {};  // on another stream, before the sum is done
  side.synchronize();
  CHECK(y.sum().item<float>() == 4 * 256 * 256);
}

TEST_CASE("pinned memory holds the tensor, and travels without the host waiting") {
  const Tensor x = arange(24).to(f32).reshape({2, 3, 4});
  const Tensor pinned = x.pin_memory();
  CHECK(pinned.is_pinned());
  CHECK_FALSE(x.is_pinned());
  CHECK(pinned.device() == kCPU);
  CHECK(pinned.to_vector<float>() == x.to_vector<float>());
  CHECK(x.transpose(0, 2).pin_memory().strides() == x.transpose(0, 2).strides());
  CHECK(pinned.pin_memory().is_same(pinned));
  CHECK(zeros({0, 3}).pin_memory().is_pinned());
  CHECK_THROWS_AS(x.cuda().pin_memory(), DeviceError);
  const Tensor y = pinned.to(kDevice, false, true);
  CHECK(y.cpu().to_vector<float>() == x.to_vector<float>());
  Tensor back = empty({2, 3, 4}).pin_memory();
  back.copy_(y, true);
  cuda::synchronize();
  CHECK(back.to_vector<float>() == x.to_vector<float>());
}

TEST_CASE("pinned memory is not used again while a device still reads it") {
  const cuda::Stream side;
  Tensor y;
  {
    const cuda::StreamGuard guard(side);
    for (int i = 0; i < 3; ++i) {
      Tensor batch = full({128, 128}, i).pin_memory();
      const Tensor there = batch.cuda(-1, true);
      y = y.defined() ? y + there : there + 0;
      batch = {};
      const Tensor next = full({128, 128}, 99).pin_memory();  // would overwrite it
    }
    CHECK(y.sum().item<float>() == 3 * 128 * 128);
  }
  CHECK(pinned_memory_stats().in_use == 0);
}

TEST_CASE("numbers go to the device's kernels as they are, not as copies") {
  const Tensor x = arange(12).to(f32).reshape({3, 4}).to(kDevice).requires_grad_();
  const cuda::Stream side;
  side.wait_stream(cuda::current_stream());
  const cuda::StreamGuard guard(side);
  const Tensor one = tensor(std::vector<double>{1.5}).reshape({});
  const Tensor y = ((x * 2 + one).pow(2) - 1).masked_fill(x > 9, 0.5) / 3;
  x.mul(x > 2).sum().backward();
  if (!real()) CHECK_FALSE(side.query());  // nothing waited
  const Tensor h = x.detach().cpu();
  const Tensor expected = ((h * 2 + one).pow(2) - 1).masked_fill(h > 9, 0.5) / 3;
  CHECK(y.detach().cpu().to_vector<float>() == expected.to_vector<float>());
  CHECK(x.grad().cpu().sum().item<float>() == 9);
  const Tensor yes = tensor(std::vector<bool>{true}).reshape({});
  CHECK(where(yes, x.detach(), 0).cpu().to_vector<float>() == h.to_vector<float>());
  CHECK(where(yes, 7, x.detach()).sum().item<float>() == 84);
  Tensor in_place = x.detach().clone();
  in_place.add_(1).mul_(one).clamp_(2, 9);
  CHECK(in_place.cpu().to_vector<float>() == (h + 1).mul(one).clamp(2, 9).to_vector<float>());
  const Tensor learned = tensor(std::vector<double>{2.0}).to(f32).reshape({}).requires_grad_();
  (x.detach() * learned).sum().backward();
  CHECK(learned.grad().device() == kCPU);
  CHECK(learned.grad().item<float>() == 66);
}

namespace {

struct Ramps final : data::Dataset {
  Index size() const override { return 40; }
  Index get(Index i, data::Picture& picture) const override {
    picture.channels = 1;
    picture.height = picture.width = 4;
    picture.values.assign(16, static_cast<float>(i));
    return i;
  }
};

}  // namespace

TEST_CASE("a loader sends batches to the device ahead of their use") {
  for (const int workers : {0, 2}) {
    data::DataLoader loader(
        Ramps(), {}, {.batch_size = 8, .shuffle = true, .workers = workers, .device = kDevice});
    data::DataLoader plain(Ramps(), {}, {.batch_size = 8, .shuffle = true, .workers = 0});
    for (int epoch = 0; epoch < 2; ++epoch) {
      std::vector<Tensor> images, labels;
      for (const data::Batch& batch : loader) {
        CHECK(batch.images.device() == kDevice);
        CHECK(batch.images.is_contiguous(MemoryFormat::ChannelsLast));
        images.push_back(batch.images + 0);
        labels.push_back(batch.labels);
      }
      std::size_t i = 0;
      for (const data::Batch& batch : plain) {
        CHECK(batch.images.to_vector<float>() == images[i].to_vector<float>());
        CHECK(batch.labels.to_vector<Index>() == labels[i++].to_vector<Index>());
      }
      CHECK(i == 5);
    }
  }
  data::DataLoader pinned(Ramps(), {}, {.batch_size = 8, .pin_memory = true});
  CHECK(pinned.next()->images.is_pinned());
}

TEST_CASE("what captures and loaders queue on is nobody else's") {
  std::set<StreamHandle> ring;
  const auto go_round = [&] {
    for (int i = 0; i < 40; ++i) ring.insert(cuda::Stream().handle());
  };
  go_round();
  CHECK(ring.size() <= 32);
  auto one = std::make_unique<cuda::OwnStream>();
  const auto two = std::make_unique<cuda::OwnStream>();
  const StreamHandle first = one->get().handle(), second = two->get().handle();
  CHECK(first != second);
  one = {};
  CHECK(cuda::OwnStream().get().handle() == first);  // again
  cuda::Graph graph;
  StreamHandle captured = nullptr;
  graph.capture([&] { captured = cuda::current_stream().handle(); });
  CHECK(captured != second);
  go_round();
  CHECK(ring.size() <= 32);
  for (const StreamHandle handle : {first, second, captured}) CHECK(ring.count(handle) == 0);
}

TEST_CASE("a loader sends its batches while another thread captures") {
  for (int streams = 0; streams < 5; ++streams) {
    data::DataLoader loader(Ramps(), {}, {.batch_size = 8, .device = kDevice});
    for (int i = 0; i < streams; ++i) cuda::Stream();
    const Tensor x = ones(4, Options(f32).device(kDevice));
    Tensor y, images;
    cuda::Graph graph;
    graph.capture([&] {
      std::thread([&] {
        images = loader.next()->images.mean({1, 2, 3});
        cuda::current_stream().synchronize();
      }).join();
      y = x + 1;
    });
    CHECK(images.cpu().to_vector<float>() == arange(8).to(f32).to_vector<float>());
    graph.replay();
    CHECK(y.sum().item<float>() == 8);
  }
}
