#include <weft/examples/cifar10_alexnet/options.h>

#include <fmt/format.h>

#include <charconv>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <CLI/CLI.hpp>

namespace cifar {

namespace {

// A number of type T that `is` takes, and nothing else: no sign where T has none, no other end.
template <class T>
CLI::Validator number(const char* expected, bool (*is)(T)) {
  const auto complaint = [=](std::string& text) {
    T value{};
    const char* const end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, value);
    const bool good = error == std::errc() && stop == end && is(value);
    return good ? std::string() : fmt::format("got {}, expected {}", text, expected);
  };
  return {complaint, "", "number"};
}
CLI::Validator positive() {
  return number<std::int64_t>("a whole number above 0", [](std::int64_t n) { return n > 0; });
}
// A script's empty variable: no path, nor the same as to leave the option out.
CLI::Validator path() {
  const auto complaint = [](std::string& text) {
    return text.empty() ? std::string("got nothing, expected a path") : std::string();
  };
  return {complaint, "", "path"};
}

void add_device(CLI::App& app, Options& o) {
  app.add_option("--device", o.device, "cpu, cuda or cuda:N (default: cpu)")->type_name("DEVICE");
  app.add_option("--threads", o.threads, "threads to compute with (default: all cores)")
      ->check(CLI::Range(1, 1024));
}

void add_data(CLI::App& app, Options& o) {
  app.add_option("--data", o.data,
                 "CIFAR-10, binary version: a folder or the .tar.gz (else the pictures that ship "
                 "with the example)")
      ->envname("WEFT_DATA")
      ->check(path())
      ->type_name("PATH");
  app.add_option("--limit-test", o.recipe.limit_test, "use the first N test pictures")
      ->check(positive())
      ->type_name("N");
}

void add_train(CLI::App& app, Options& o) {
  Recipe& r = o.recipe;
  app.add_option("--preset", r.preset, "fast or classic (default: fast)")
      ->check(CLI::IsMember({"fast", "classic"}));
  app.add_option("--epochs", r.epochs, "times through the data")->check(CLI::Range(1, 100000));
  app.add_option("--batch-size", r.batch_size, "pictures in a step")->check(CLI::Range(1, 50000));
  app.add_option("--lr", r.lr, "learning rate (fast: the highest)")
      ->check(number<double>("a number above 0", [](double lr) {
        return lr > 0 && lr <= std::numeric_limits<double>::max();
      }));
  app.add_option("--seed", r.seed, "of the weights, the order and the changes to pictures")
      ->check(number<std::uint64_t>("a whole number from 0 to 2^64 - 1",
                                    [](std::uint64_t) { return true; }));
  app.add_option("--precision", r.precision, "f32 or bf16 (default: f32)")
      ->check(CLI::IsMember({"f32", "bf16"}));
  app.add_flag("--deterministic", r.deterministic, "the same bits for any number of threads");
  app.add_option("--limit-train", r.limit_train, "use the first N training pictures")
      ->check(positive())
      ->type_name("N");
  auto* out = app.add_option("--out", o.out,
                             "folder for log, checkpoint, model and reports "
                             "(default: the first free runs/N)")
                  ->check(path());
  app.add_option("--resume", o.resume, "go on with the run in this folder")
      ->excludes(out)
      ->check(path())
      ->type_name("DIR");
  app.add_flag("!--no-progress", o.progress, "plain lines, no progress bar");
}

// Options that change a run's numbers, as far as they were given.
std::set<std::string> given_options(const CLI::App& train) {
  std::set<std::string> names;
  for (const char* name : {"--preset", "--epochs", "--batch-size", "--lr", "--seed", "--precision",
                           "--deterministic", "--limit-train", "--limit-test"}) {
    if (train.count(name)) names.insert(name);
  }
  return names;
}

[[noreturn]] void usage_error(const CLI::App& app, const CLI::Error& e) {
  const int code = app.exit(e);
  std::exit(code == 0 ? 0 : 2);
}

}  // namespace

Options parse_options(int argc, char** argv) {
  Options o;
  CLI::App app{"Trains an AlexNet on CIFAR-10 and uses it."};
  app.require_subcommand(1);
  auto* train = app.add_subcommand("train", "train a network");
  auto* evaluate = app.add_subcommand("evaluate", "accuracy and confusion matrix of a model");
  auto* predict = app.add_subcommand("predict", "the most likely classes of pictures");
  add_data(*train, o);
  add_train(*train, o);
  add_data(*evaluate, o);
  for (auto* sub : {train, evaluate, predict}) add_device(*sub, o);
  for (auto* sub : {evaluate, predict}) {
    sub->add_option("--model", o.model, "a run's folder or a .safetensors file")
        ->required()
        ->type_name("RUN_OR_FILE");
  }
  predict->add_option("files", o.files, "PNG or JPEG pictures of any size")->required();
  predict->add_option("--top", o.top, "classes to print (default: 3)")->check(CLI::Range(1, 10));
  app.failure_message([](const CLI::App*, const CLI::Error& e) {
    return std::string("cifar10_alexnet: ") + e.what() + " (--help lists the options)\n";
  });
  try {
    app.parse(argc, argv);
  } catch (const CLI::Error& e) {
    usage_error(app, e);
  }
  o.given = given_options(*train);
  if (evaluate->parsed()) o.command = Options::Command::Evaluate;
  if (predict->parsed()) o.command = Options::Command::Predict;
  return o;
}

}  // namespace cifar
