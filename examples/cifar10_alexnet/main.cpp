#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include <weft/autograd/mode.h>
#include <weft/core/threads.h>
#include <weft/data/image.h>
#include <weft/examples/cifar10_alexnet/evaluation.h>
#include <weft/examples/cifar10_alexnet/options.h>
#include <weft/examples/cifar10_alexnet/pictures.h>
#include <weft/examples/cifar10_alexnet/train.h>
#include <weft/ops/make.h>

// cifar10_alexnet train | evaluate | predict: see README.md.
namespace cifar {

using namespace weft;

namespace {

int evaluate_model(const Options& o) {
  if (o.threads) set_num_threads(o.threads);
  TrainedModel trained = load_model(o.model, device_of(o.device));
  const Split test = load_split(o.data, false, o.recipe.limit_test);
  const Evaluation e = evaluate(trained.model, test.set, trained.precision);
  fmt::print("{} test pictures from {}\n{}test accuracy {:.2f} % ({} of {}), loss {:.4f}\n",
             test.set.size(), test.source, confusion_table(e), 100 * e.accuracy(), e.right(),
             e.total(), e.loss);
  return 0;
}

// A picture of any size as a batch of one.
Tensor to_batch(const std::string& path) {
  const data::Image small = data::resize_to_fit(data::read_image(path), 32, 32);
  data::Picture picture{32, 32, 3, {}, {}};
  for (std::uint8_t p : small.pixels) picture.values.push_back(static_cast<float>(p) / 255.0f);
  RandomStream unused{RandomKey{}};
  for (const auto& transform : for_testing()) transform(picture, unused);
  return tensor(picture.values).reshape({1, 32, 32, 3}).permute({0, 3, 1, 2});
}

int predict(const Options& o) {
  if (o.threads) set_num_threads(o.threads);
  const Device device = device_of(o.device);
  TrainedModel trained = load_model(o.model, device);
  const InferenceModeGuard guard;
  for (const std::string& path : o.files) {
    const auto p = trained.model(to_batch(path).to(device)).softmax(1).to_vector<double>();
    std::vector<std::size_t> order(p.size());
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
    std::stable_sort(order.begin(), order.end(), [&](auto a, auto b) { return p[a] > p[b]; });
    std::string line = path + ":";
    for (std::size_t i = 0; i < static_cast<std::size_t>(o.top); ++i) {
      line += fmt::format("{} {} {:.1f} %", i ? "," : "", kClasses[order[i]], 100 * p[order[i]]);
    }
    fmt::print("{}\n", line);
  }
  return 0;
}

int run(const Options& o) {
  switch (o.command) {
    case Options::Command::Train: return train(o);
    case Options::Command::Evaluate: return evaluate_model(o);
    case Options::Command::Predict: return predict(o);
  }
  return 1;
}

// What was printed and did not arrive (a full disk) shows here at the latest.
int flushed(int status) {
  errno = 0;
  const bool failed = std::fflush(stdout) != 0;
  const char* const why = errno ? std::strerror(errno) : "not all was written";
  if (!failed && !std::ferror(stdout)) return status;
  fmt::print(stderr, "cifar10_alexnet: cannot write to the standard output: {}\n", why);
  return status ? status : 1;
}

}  // namespace
}  // namespace cifar

int main(int argc, char** argv) {
  const cifar::Options options = cifar::parse_options(argc, argv);
  try {
    return cifar::flushed(cifar::run(options));
  } catch (const std::exception& e) {
    fmt::print(stderr, "cifar10_alexnet: {}\n", e.what());
    return 1;
  }
}
