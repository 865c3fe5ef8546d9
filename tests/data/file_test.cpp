#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <thread>

#include <weft/core/error.h>
#include <weft/data/npy.h>
#include <weft/data/safetensors.h>
#include <weft/ops/make.h>
#include <weft/tests/catch.h>
#include <weft/tests/data/faulty_calls.h>
#include <weft/tests/data/scratch.h>

namespace weft {
namespace {

using test::FaultyCalls;
using test::Scratch;

TensorMap model(float value) {
  return {{"a", full({700}, value)}, {"b", full({10, 30}, value + 1)}, {"c", ones({0})}};
}

float content(const std::string& path) {  // which model the file holds, whole
  const TensorMap tensors = load_safetensors(path);
  const float value = tensors.at("a").data<float>()[0];
  for (float v : tensors.at("a").to_vector<float>()) CHECK(v == value);
  for (float v : tensors.at("b").to_vector<float>()) CHECK(v == value + 1);
  return value;
}

TEST_CASE("a save that fails at any call leaves the old file or the new, whole, and nothing else",
          "[file]") {
  const Scratch scratch;
  const std::string path = scratch.path("model.safetensors");
  int faults = 0;
  for (int k = 1;; ++k) {
    save_safetensors(path, model(1));
    FaultyCalls calls(k);
    bool threw = false;
    {
      const data::ReplacedFileCalls replaced(calls);
      try {
        save_safetensors(path, model(2));
      } catch (const IOError& e) {
        threw = true;
        CHECK(std::string(e.what()).find(scratch.path("")) != std::string::npos);
      }
    }
    CAPTURE(k);
    CHECK(calls.open_files() == 0);
    CHECK(scratch.files() == 1);
    const float now = content(path);
    CHECK((threw ? now == 1 || now == 2 : now == 2));
    if (!calls.failed()) break;
    ++faults;
  }
  CHECK(faults >= 12);  // open, lock, empty, 6 writes and more, sync, rename, folder
}

TEST_CASE("a save that fails before the rename keeps the old file", "[file]") {
  const Scratch scratch;
  const std::string path = scratch.path("model.safetensors");
  save_safetensors(path, model(1));
  FaultyCalls calls(6);
  const data::ReplacedFileCalls replaced(calls);
  CHECK_THROWS_MATCHES(
      save_safetensors(path, model(2)), IOError,
      Catch::Matchers::MessageMatches(Catch::Matchers::ContainsSubstring("No space left")));
  CHECK(content(path) == 1);
}

TEST_CASE("a load that fails at any call throws and closes its file", "[file]") {
  const Scratch scratch;
  const std::string path = scratch.path("model.safetensors"), npy = scratch.path("x.npy");
  save_safetensors(path, model(1));
  save_npy(npy, ones({2000}));
  for (const bool tensors : {true, false}) {
    for (int k = 1;; ++k) {
      FaultyCalls calls(k);
      const data::ReplacedFileCalls replaced(calls);
      const auto load = [&] { tensors ? void(load_safetensors(path)) : void(load_npy(npy)); };
      if (k > 200) FAIL("the load never ends");
      try {
        load();
        CHECK_FALSE(calls.failed());
        CHECK(calls.open_files() == 0);
        CHECK(k > 5);
        break;
      } catch (const IOError&) {
        CHECK(calls.failed());
        CHECK(calls.open_files() == 0);
      }
    }
  }
}

TEST_CASE("an exception from the writer removes the temporary", "[file]") {
  const Scratch scratch;
  struct Mine {};
  CHECK_THROWS_AS(data::save_file(scratch.path("x"),
                                  [](data::OutputFile& file) {
                                    file.write("half");
                                    throw Mine();
                                  }),
                  Mine);
  CHECK(scratch.files() == 0);
}

TEST_CASE("a temporary that was left behind does not hinder the next save", "[file]") {
  const Scratch scratch;
  scratch.write("x.tmp", "something long from a run that was killed");
  data::save_file(scratch.path("x"), [](data::OutputFile& file) { file.write("new"); });
  CHECK(scratch.read("x") == "new");
  CHECK(scratch.files() == 1);
}

TEST_CASE("saves of one path at once are each whole", "[file]") {
  const Scratch scratch;
  std::vector<std::thread> threads;
  std::atomic<int> failures = 0;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 25; ++i) {
        try {
          data::save_file(scratch.path("x"), [&](data::OutputFile& file) {
            for (int part = 0; part < 10; ++part)
              file.write(std::string(1000, static_cast<char>('a' + t)));
          });
        } catch (const Error&) {
          ++failures;
        }
      }
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(failures == 0);
  const std::string text = scratch.read("x");
  CHECK(text == std::string(10000, text[0]));
  CHECK(scratch.files() == 1);
}

// A pipe that another thread writes to, with a pause in between.
class Piped {
 public:
  explicit Piped(std::size_t bytes) {
    REQUIRE(pipe(ends_) == 0);
    writer_ = std::thread([this, text = std::string(bytes, 'x')] {
      bool open = write(ends_[1], text.data(), 1) == 1;
      std::this_thread::sleep_for(std::chrono::milliseconds(70));
      for (std::size_t at = 1; open && at < text.size(); ++at)
        open = write(ends_[1], text.data() + at, 1) == 1;
      close(ends_[1]);
    });
  }
  ~Piped() {
    close(ends_[0]);
    if (writer_.joinable()) writer_.join();
  }
  std::string path() const { return "/dev/fd/" + std::to_string(ends_[0]); }
  void join() { writer_.join(); }

 private:
  int ends_[2];
  std::thread writer_;
};

TEST_CASE("a pipe is read to its end, within the limit", "[file]") {
  const auto before = std::signal(SIGPIPE, SIG_IGN);  // for the writer of what nobody reads on
  CHECK(data::read_file(Piped(100'000).path(), 100'000).size() == 100'000);
  CHECK_THROWS_AS(data::read_file(Piped(100'000).path(), 99'999), ParseError);
  CHECK_THROWS_AS(data::read_file(Piped(100'000).path(), 10), ParseError);
  Piped early(1000);  // its writer is gone before it is opened
  early.join();
  CHECK(data::read_file(early.path(), 1000).size() == 1000);
  CHECK(data::read_file(early.path(), 1000).empty());
  FaultyCalls faulty(3);  // open, size, read
  {
    const Piped piped(1000);
    const data::ReplacedFileCalls replaced(faulty);
    CHECK_THROWS_AS(data::read_file(piped.path(), 5000), IOError);
  }
  CHECK(faulty.open_files() == 0);
  std::signal(SIGPIPE, before);
}

TEST_CASE("a save keeps permissions, and a link to the file", "[file]") {
  const Scratch scratch;
  scratch.write("x", "old");
  REQUIRE(chmod(scratch.path("x").c_str(), 0600) == 0);
  REQUIRE(symlink("x", scratch.path("link").c_str()) == 0);
  data::save_file(scratch.path("link"), [](data::OutputFile& file) { file.write("new"); });
  CHECK(scratch.read("x") == "new");
  struct stat there;
  REQUIRE(lstat(scratch.path("link").c_str(), &there) == 0);
  CHECK(S_ISLNK(there.st_mode));
  REQUIRE(stat(scratch.path("x").c_str(), &there) == 0);
  CHECK((there.st_mode & 0777) == 0600);
}

TEST_CASE("paths that cannot be written or read are named", "[file]") {
  const Scratch scratch;
  const auto nothing = [](data::OutputFile&) {};
  CHECK_THROWS_MATCHES(
      data::save_file(scratch.path("no/folder"), nothing), IOError,
      Catch::Matchers::MessageMatches(Catch::Matchers::ContainsSubstring("no/folder")));
  REQUIRE(mkfifo(scratch.path("pipe").c_str(), 0600) == 0);
  CHECK_THROWS_AS(data::save_file(scratch.path("pipe"), nothing), IOError);
  struct stat pipe;
  CHECK((stat(scratch.path("pipe").c_str(), &pipe) == 0 && S_ISFIFO(pipe.st_mode)));
  CHECK_THROWS_AS(data::InputFile(scratch.path("")), IOError);
  CHECK_THROWS_AS(data::InputFile("/dev/null"), IOError);
  scratch.write("five", "12345");
  CHECK_THROWS_AS(data::read_file(scratch.path("five"), 4), ParseError);
  CHECK(data::read_file(scratch.path("five"), 5).size() == 5);
  CHECK_THROWS_AS(data::InputFile(scratch.path("pipe")), IOError);
  data::InputFile file(scratch.path("five"));
  char six[6];
  CHECK_THROWS_AS(file.read(six, 6), ParseError);
}

}  // namespace
}  // namespace weft
