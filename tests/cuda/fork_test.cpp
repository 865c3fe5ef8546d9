#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <optional>
#include <sstream>
#include <thread>

#include <weft/core/caching_allocator.h>
#include <weft/core/cuda_own_stream.h>
#include <weft/tests/catch.h>
#include <weft/tests/cuda/simulated.h>
#include <weft/weft.h>

using namespace weft;

// A simulated device ends a process that it was forked into and that calls it.
namespace {

constexpr unsigned kPatience = 30;  // seconds until a child that hangs is killed

Options there(DType t = f32) { return Options(t).device(kDevice); }

// What f says in a child of this process, and how that ended if not by itself.
template <class F>
std::string said_by_child(F f) {
  int ends[2];
  REQUIRE(pipe(ends) == 0);
  const pid_t child = fork();
  if (child == 0) {
    alarm(kPatience);
    std::string text;
    try {
      text = f();
    } catch (const std::exception& e) {
      text = std::string("threw ") + e.what();
    }
    _exit(write(ends[1], text.data(), text.size()) < 0);
  }
  close(ends[1]);
  std::string text;
  char some[512];
  for (ssize_t n; (n = read(ends[0], some, sizeof some)) > 0;)
    text.append(some, static_cast<std::size_t>(n));
  close(ends[0]);
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  if (!WIFEXITED(status)) text += " (signal " + std::to_string(WTERMSIG(status)) + ")";
  return text;
}

struct Numbers final : data::Dataset {
  Index size() const override { return 8; }
  Index get(Index i, data::Picture& picture) const override {
    picture.channels = picture.height = picture.width = 1;
    picture.values.assign(1, static_cast<float>(i));
    return i;
  }
};
std::unique_ptr<data::DataLoader> loader(int workers) {
  return std::make_unique<data::DataLoader>(
      Numbers(), data::Transforms{},
      data::DataLoaderOptions{.batch_size = 4, .workers = workers, .device = kDevice});
}

// A bit of all that belongs to a device.
struct Belongings {
  Tensor x = ones({64, 64}, there()).requires_grad_(), y = (x * 2).exp(),
         number = ones({}, there()), pinned = ones(3).pin_memory(), sent = pinned.cuda(-1, true),
         captured;
  std::optional<cuda::Stream> side{std::in_place};
  std::optional<cuda::OwnStream> own{std::in_place};
  std::optional<cuda::Event> event{std::in_place};
  std::optional<cuda::Graph> graph{std::in_place};
  std::unique_ptr<data::DataLoader> simple = loader(0), busy = loader(2);
  nn::Linear layer{2, 2};

  Belongings() {
    layer.to(kDevice);
    event->record(*side);
    graph->capture([&] { captured = dropout(ones({8, 8}, there()), 0.5); });
    graph->replay();
    simple->next(), busy->next();
    cuda::synchronize();
  }
};

// Whether f throws what a forked child is told.
template <class F>
void refuses(std::ostringstream& out, const char* what, F f) {
  try {
    f();
    out << what << " went through\n";
  } catch (const DeviceError& e) {
    const std::string said = e.what();
    if (said.find("forked") == said.npos || said.find("spawn") == said.npos)
      out << what << " says " << said << "\n";
  } catch (const std::exception& e) {
    out << what << " says " << e.what() << "\n";
  }
}

std::string all_refused(Belongings& b) {
  std::ostringstream out;
  const auto no = [&](const char* what, auto f) { refuses(out, what, f); };
  no("ones", [] { ones({2, 2}, there()); });
  no("exp", [&] { b.x.detach().exp(); });
  no("add", [&] { b.x.detach().add(1); });
  no("in place", [&] { b.number.mul_(2); });
  no("item", [&] { b.number.item(); });
  no("cpu", [&] { b.x.cpu(); });
  no("cuda", [] { ones(3).cuda(); });
  no("backward", [&] { b.y.sum().backward(); });
  no("nonzero", [&] { b.x.detach().nonzero(); });
  no("pin_memory", [] { ones(3).pin_memory(); });
  no("record_stream", [&] { b.x.record_stream(*b.side); });
  no("Linear", [&] { b.layer(b.x.detach().narrow(1, 0, 2)); });
  no("next", [&] { b.simple->next(); });
  no("DataLoader", [] { loader(0)->next(); });
  no("synchronize", [] { cuda::synchronize(); });
  no("set_device", [] { cuda::set_device(0); });
  no("get_device_properties", [] { cuda::get_device_properties(); });
  no("Stream", [] { cuda::Stream(); });
  no("OwnStream", [] { cuda::OwnStream(); });
  no("current_stream", [] { cuda::current_stream(); });
  no("StreamGuard", [&] { cuda::StreamGuard(*b.side); });
  no("Stream.query", [&] { b.side->query(); });
  no("Stream.synchronize", [&] { b.side->synchronize(); });
  no("Event.record", [&] { cuda::Event().record(*b.side); });
  no("Event.query", [&] { b.event->query(); });
  no("Event.synchronize", [&] { b.event->synchronize(); });
  no("replay", [&] { b.graph->replay(); });
  no("capture", [&] { cuda::Graph().capture([] {}); });
  no("memory_stats", [] { memory_stats(kDevice); });
  no("empty_cache", [] { empty_cache(kDevice); });
  no("set_memory_limit", [] { set_memory_limit(0, kDevice); });
  if (cuda::is_available() || cuda::device_count() != 0) out << "there are devices\n";
  if (cuda::why_unavailable().find("forked") == std::string::npos) out << "no reason\n";
  return out.str();
}

}  // namespace

TEST_CASE("in a forked child whatever needs a device throws, at once") {
  Belongings b;
  CHECK(said_by_child([&] { return all_refused(b); }) == "");
  CHECK(b.x.sum().item<float>() == 64 * 64);  // this process goes on
  CHECK(cuda::is_available());
}

TEST_CASE("a forked child destroys what belongs to devices without them") {
  auto b = std::make_unique<Belongings>();
  auto guard = std::make_unique<cuda::StreamGuard>(*b->side);
  CHECK(said_by_child([&] {
          guard = {};
          b = {};
          return std::string("through");
        }) == "through");
  guard = {};
  CHECK(b->y.sum().item<float>() > 0);
}

TEST_CASE("a forked child uses the CPU, whoever held a device's locks") {
  Belongings b;
  std::atomic<bool> stop{false};
  std::thread other([&] {
    while (!stop) (ones({32, 32}, there()) + 1).cpu().pin_memory();
  });
  for (int i = 0; i < 8; ++i) {
    if (i % 2) caching_allocator(kDevice).lock();
    const std::string said = said_by_child([&] {
      const std::string wrong = all_refused(b);
      set_allocation_mode(allocation_mode());
      b.x = b.y = b.captured = {};
      const Tensor x = linspace(0, 1, 1 << 16).reshape({256, 256}).requires_grad_();
      (x.matmul(x) + dropout(x, 0.5)).sum().backward();
      return wrong + (x.grad().defined() ? "computed" : "");
    });
    if (i % 2) caching_allocator(kDevice).unlock();
    CHECK(said == "computed");
  }
  stop = true;
  other.join();
}

TEST_CASE("a child that was forked while a graph is captured leaves that alone") {
  const Tensor x = ones(3, there());
  Tensor y;
  std::string said;
  auto graph = std::make_unique<cuda::Graph>();
  graph->capture([&] {
    y = x * 3;
    said = said_by_child([&] {
      graph.reset();
      return std::string("through");
    });
  });
  CHECK(said == "through");
  graph->replay();
  CHECK(y.sum().item<float>() == 9);
}
