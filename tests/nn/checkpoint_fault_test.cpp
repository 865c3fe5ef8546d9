#include <weft/core/allocator.h>
#include <weft/nn/checkpoint.h>
#include <weft/nn/scheduler.h>
#include <weft/tests/catch.h>
#include <weft/tests/data/faulty_calls.h>
#include <weft/tests/data/scratch.h>
#include <weft/tests/nn/training.h>

using namespace weft;
using namespace weft::test;

namespace {

// A training run with everything that a checkpoint can hold, some steps on.
struct Run : Training {
  optim::StepLR schedule{*optimizer, 2};
  data::ImageDataset pictures{data::ImageSet{
      1, 2, 2, std::vector<std::uint8_t>(40, 7), std::vector<std::int64_t>(10, 0), {"one"}}};
  data::DataLoader loader{
      pictures, {}, {.batch_size = 2, .shuffle = true, .workers = 0, .seed = 3}};
  Index epoch = 0;
  double sum = 0;
  nn::Checkpoint checkpoint;

  explicit Run(int steps) {
    checkpoint.add("model", net).add("optimizer", *optimizer).add("scheduler", schedule);
    checkpoint.add("generator", default_generator()).add("loader", loader);
    checkpoint.add("epoch", epoch).add("sum", sum);
    for (int i = 0; i < steps; ++i) advance();
  }
  void advance() {
    optimizer->zero_grad();
    forward();
    backward();
    step();
    schedule.step();
    loader.next();
    sum += loss.item<double>();
    loss = {};
    ++epoch;
    checkpoint.metadata["epoch"] = std::to_string(epoch);
  }
  Bytes state() const {
    Bytes all = Training::state();
    add_state(all, "scheduler", schedule);
    const auto at = loader.state();
    all["loader"] = std::to_string(at.epoch) + " " + std::to_string(at.batch);
    all["epoch"] = std::to_string(epoch) + " " + checkpoint.metadata.at("epoch");
    all["sum"] = std::to_string(sum);
    return all;
  }
};

template <class E, class F>
bool throws(F&& f) {
  try {
    f();
  } catch (const E&) {
    return true;
  }
  return false;
}

constexpr std::size_t kPiece = 4096;  // bytes a read or write

}  // namespace

TEST_CASE("a checkpoint's save that fails at any call leaves a whole file and the run as it was",
          "[fault]") {
  const Scratch scratch;
  const std::string path = scratch.path("checkpoint");
  Run run(1);
  run.checkpoint.save(path);
  const std::string old = scratch.read("checkpoint");
  run.advance();
  run.checkpoint.save(scratch.path("other"));
  const std::string fresh = scratch.read("other");
  const Bytes before = run.state();
  const std::size_t in_use = memory_stats().in_use;
  int faults = 0;
  for (; faults < 1000; ++faults) {
    INFO("call " << faults + 1);
    FaultyCalls calls(faults + 1, kPiece);
    const data::ReplacedFileCalls in_place(calls);
    const bool threw = throws<IOError>([&] { run.checkpoint.save(path); });
    const std::string now = scratch.read("checkpoint");
    CHECK((now == fresh || (now == old && threw)));
    CHECK(scratch.files() == 2);
    CHECK(calls.open_files() == 0);
    CHECK(memory_stats().in_use == in_use);
    REQUIRE(changes(before, run.state()) == "");
    if (!calls.failed()) {
      CHECK((!threw && now == fresh));
      break;
    }
    scratch.write("checkpoint", old);
  }
  CHECK(faults > 40);
  for (std::uint64_t k = 1; k < 1000; ++k) {
    scratch.write("checkpoint", old);
    fail_allocation_at(k);
    const bool threw = throws<OutOfMemory>([&] { run.checkpoint.save(path); });
    fail_allocation_at(0);
    INFO("allocation " << k);
    CHECK((scratch.read("checkpoint") == (threw ? old : fresh)));
    CHECK(scratch.files() == 2);
    CHECK(memory_stats().in_use == in_use);
    REQUIRE(changes(before, run.state()) == "");
    if (!threw) break;
  }
}

TEST_CASE("a checkpoint's load that fails at any call or allocation changes nothing", "[fault]") {
  const Scratch scratch;
  const std::string path = scratch.path("checkpoint");
  Bytes saved;
  {
    Run run(3);
    run.checkpoint.save(path);
    run.optimizer->zero_grad();
    saved = run.state();
  }
  Run run(1);
  run.optimizer->zero_grad();
  const Bytes before = run.state();
  CHECK(changes(before, saved) != "");
  const std::size_t in_use = memory_stats().in_use;
  const auto unchanged = [&] {
    CHECK(memory_stats().in_use == in_use);
    REQUIRE(changes(before, run.state()) == "");
  };
  // The last call closes the file; a read that fails before it is the last fault.
  const auto attempt = [&](int k) {
    FaultyCalls calls(k, kPiece);
    const data::ReplacedFileCalls in_place(calls);
    const bool threw = throws<IOError>([&] { run.checkpoint.load(path); });
    CHECK(threw == calls.failed());
    CHECK(calls.open_files() == 0);
    return threw;
  };
  int reads = 1;
  for (; attempt(reads) && reads < 1000; ++reads) unchanged();
  CHECK(reads > 40);
  CHECK(changes(saved, run.state()) == "");

  Run again(1);
  again.optimizer->zero_grad();
  for (std::uint64_t k = 1; k < 1000; ++k) {
    INFO("allocation " << k);
    const std::size_t used = memory_stats().in_use;
    fail_allocation_at(k);
    const bool threw = throws<OutOfMemory>([&] { again.checkpoint.load(path); });
    fail_allocation_at(0);
    if (!threw) break;
    CHECK(memory_stats().in_use == used);
    REQUIRE(changes(before, again.state()) == "");
  }
  CHECK(changes(saved, again.state()) == "");
  again.advance();
  CHECK(again.epoch == 4);
}
