#include <unistd.h>

#include <filesystem>
#include <fstream>

#include <weft/data/safetensors.h>
#include <weft/nn/checkpoint.h>
#include <weft/nn/linear.h>
#include <weft/nn/scheduler.h>
#include <weft/ops/make.h>
#include <weft/tests/catch.h>

using namespace weft;
using Catch::Matchers::ContainsSubstring;
namespace fs = std::filesystem;

namespace {

struct Folder {
  fs::path path = fs::temp_directory_path() / ("weft_checkpoint_" + std::to_string(::getpid()));
  Folder() { fs::create_directories(path); }
  ~Folder() { fs::remove_all(path); }
  std::string operator/(const char* name) const { return (path / name).string(); }
};

data::ImageDataset pictures() {
  data::ImageSet set{
      1, 2, 2, std::vector<std::uint8_t>(40, 7), std::vector<std::int64_t>(10, 0), {"one"}};
  return data::ImageDataset(set);
}

// All that a run consists of.
struct Run {
  nn::Linear model{3, 2};
  optim::SGD sgd{model.parameters(), {.lr = 0.1, .momentum = 0.9}};
  optim::StepLR schedule{sgd, 2};
  Generator generator{5};
  data::DataLoader loader{pictures(), {}, {.batch_size = 2, .shuffle = true, .seed = 3}};
  Index epoch = 0;
  double loss = 0;
  nn::Checkpoint checkpoint;
  Run() {
    checkpoint.add("model", model).add("optimizer", sgd).add("scheduler", schedule);
    checkpoint.add("generator", generator).add("loader", loader);
    checkpoint.add("epoch", epoch).add("loss", loss);
  }
};

template <class F>
std::string message(F&& f) {
  try {
    f();
  } catch (const Error& e) {
    return e.what();
  }
  return "no error";
}

std::string bytes(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

TEST_CASE("a checkpoint brings back everything, and saves the same bytes") {
  const Folder folder;
  Run a, b;
  a.generator.next(100);
  a.loader.next();
  a.loader.next();
  a.schedule.step();
  a.schedule.step();
  a.epoch = 3;
  a.loss = 0.1 + 0.2;
  a.checkpoint.metadata["preset"] = "fast";
  a.checkpoint.save(folder / "a");
  b.checkpoint.load(folder / "a");
  CHECK(b.model.weight.to_vector<float>() == a.model.weight.to_vector<float>());
  CHECK(b.schedule.last_step() == 2);
  CHECK(b.sgd.groups()[0].options.lr == a.sgd.groups()[0].options.lr);
  CHECK(b.generator.state().seed == 5);
  CHECK(b.generator.state().offset == 25);
  CHECK(b.loader.state() == a.loader.state());
  CHECK(b.epoch == 3);
  CHECK(b.loss == 0.1 + 0.2);
  CHECK(b.checkpoint.metadata.at("preset") == "fast");
  b.checkpoint.save(folder / "b");
  CHECK(bytes(folder / "a") == bytes(folder / "b"));
}

TEST_CASE("a checkpoint between an epoch's last batch and its end goes on with that end") {
  const Folder folder;
  Run a, b;
  while (a.loader.state().batch < a.loader.size()) a.loader.next();
  a.checkpoint.save(folder / "a");
  b.checkpoint.load(folder / "a");
  CHECK(b.loader.state() == a.loader.state());
  CHECK(!b.loader.next());
  CHECK(b.loader.state().epoch == 1);
  a.loader.set_state({3, 0, a.loader.size()});
  CHECK(!a.loader.next());
  CHECK(a.loader.next()->images.sizes()[0] == 2);
}

TEST_CASE("a checkpoint that does not fit changes nothing and says why") {
  const Folder folder;
  Run a;
  nn::Linear other(4, 2);
  nn::Checkpoint c;
  Index epoch = 9;
  c.add("epoch", epoch).add("model", other).add("stranger", epoch);
  c.save(folder / "c");
  const auto before = a.model.weight.to_vector<float>();
  const std::string what = message([&] { a.checkpoint.load(folder / "c"); });
  CHECK_THAT(what, ContainsSubstring("model/weight has shape [2, 4], expected [2, 3]"));
  CHECK_THAT(what, ContainsSubstring("stranger/state is unknown here"));
  CHECK_THAT(what, ContainsSubstring("scheduler/last_step is missing"));
  CHECK_THAT(what, ContainsSubstring("loader/state is missing"));
  CHECK(a.epoch == 0);
  CHECK(a.model.weight.to_vector<float>() == before);
  CHECK_THROWS_AS(a.checkpoint.load(folder / "nowhere"), IOError);
  CHECK_THROWS_AS(a.checkpoint.add("epoch", epoch), ValueError);
}

TEST_CASE("a position that no loader can have changes nothing") {
  const Folder folder;
  Run a;
  a.checkpoint.save(folder / "a");
  TensorMap tensors = load_safetensors(folder / "a");
  tensors.at("loader/state").data<std::int64_t>()[1] = Index{1} << 40;
  save_safetensors(folder / "far", tensors);
  a.epoch = 7;
  CHECK_THAT(message([&] { a.checkpoint.load(folder / "far"); }),
             ContainsSubstring("epoch 1099511627776 does not exist"));
  CHECK(a.epoch == 7);
}

TEST_CASE("weights alone go through a file") {
  const Folder folder;
  nn::Linear a(3, 2), b(0, 2), c(5, 2);
  nn::save_weights(folder / "w", a, {{"kind", "test"}});
  CHECK(nn::load_weights(folder / "w", b).at("kind") == "test");
  CHECK(b.weight.to_vector<float>() == a.weight.to_vector<float>());
  CHECK_THAT(message([&] { nn::load_weights(folder / "w", c); }),
             ContainsSubstring("weight has shape [2, 3], expected [2, 5]"));
}
