#include <weft/examples/cifar10_alexnet/run_folder.h>

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <limits>
#include <utility>
#include <nlohmann/json.hpp>

#include <weft/core/error.h>

namespace cifar {

namespace fs = std::filesystem;
using weft::IOError;

namespace {

[[noreturn]] void refuse(const std::string& path, const char* what) {
  throw IOError(fmt::format("[run] {}: {}: {}", path, what, std::strerror(errno)));
}

std::string first_free() {
  for (int n = 1;; ++n) {
    const std::string path = fmt::format("runs/{}", n);
    if (!fs::exists(path)) return path;
  }
}

// JSON has no NaN and no infinity.
std::string significant(double value) {
  return std::isfinite(value) ? fmt::format("{:.6g}", value) : "null";
}

double number(const nlohmann::json& record, const char* name) {
  const auto found = record.find(name);
  return found != record.end() && found->is_number() ? found->get<double>()
                                                     : std::numeric_limits<double>::quiet_NaN();
}

}  // namespace

RunFolder RunFolder::create(std::string path) {
  if (path.empty()) path = first_free();
  RunFolder run(path);
  if (fs::exists(run.checkpoint())) {
    throw weft::ValueError(
        fmt::format("[run] {}: holds a run already; go on with --resume {}, or "
                    "give another --out",
                    path, path));
  }
  if (fs::exists(run.file("log.jsonl"))) {
    throw weft::ValueError(
        fmt::format("[run] {}: holds a log.jsonl without a checkpoint; give another --out", path));
  }
  std::error_code error;
  fs::create_directories(path, error);
  if (error) {
    throw IOError(fmt::format("[run] {}: cannot be made: {}", path, error.message()));
  }
  return run;
}

RunFolder RunFolder::open(std::string path) {
  RunFolder run(std::move(path));
  if (!fs::exists(run.checkpoint())) {
    throw IOError(
        fmt::format("[run] {}: no checkpoint.safetensors there, expected the folder of a "
                    "run that has begun; begin it with --out",
                    run.path_));
  }
  return run;
}

RunFolder::~RunFolder() {
  if (log_) std::fclose(log_);
}

RunFolder::RunFolder(RunFolder&& o) noexcept
    : path_(std::move(o.path_)), log_(std::exchange(o.log_, nullptr)), bytes_(o.bytes_) {}

void RunFolder::start_log(Index bytes) {
  const std::string path = file("log.jsonl");
  log_ = std::fopen(path.c_str(), bytes ? "r+b" : "wb");
  if (!log_) refuse(path, "cannot be opened");
  if (fs::file_size(path) < static_cast<std::uintmax_t>(bytes)) {
    throw IOError(fmt::format("[run] {}: got {} bytes, expected the {} that the checkpoint knows",
                              path, fs::file_size(path), bytes));
  }
  if (ftruncate(fileno(log_), bytes) != 0) refuse(path, "cannot be cut back");
  if (std::fseek(log_, bytes, SEEK_SET) != 0) refuse(path, "cannot be written");
  bytes_ = bytes;
}

void RunFolder::write(const std::string& line) {
  if (std::fwrite(line.data(), 1, line.size(), log_) != line.size() || std::fflush(log_) != 0) {
    refuse(file("log.jsonl"), "cannot be written");
  }
  bytes_ += static_cast<Index>(line.size());
}

void RunFolder::log_step(Index step, Index epoch, double loss, double lr,
                         double images_per_second) {
  write(fmt::format(
      R"({{"step": {}, "epoch": {}, "loss": {}, "lr": {}, "images_per_second": {:.1f}}})"
      "\n",
      step, epoch, significant(loss), significant(lr), images_per_second));
}

void RunFolder::log_epoch(const EpochRecord& r) {
  write(fmt::format(R"({{"epoch": {}, "train_loss": {}, "test_loss": {}, )"
                    R"("test_accuracy": {}, "seconds": {:.2f}}})"
                    "\n",
                    r.epoch, significant(r.train_loss), significant(r.test_loss),
                    significant(r.test_accuracy), r.seconds));
}

Index RunFolder::sync_log() {
  if (fsync(fileno(log_)) != 0) refuse(file("log.jsonl"), "cannot be written");
  return bytes_;
}

std::vector<EpochRecord> RunFolder::epochs() const {
  std::vector<EpochRecord> list;
  std::ifstream log(file("log.jsonl"));
  for (std::string line; std::getline(log, line);) {
    const auto o = nlohmann::json::parse(line, nullptr, false);
    if (!o.is_object() || !o.contains("test_accuracy")) continue;
    list.push_back({o.value("epoch", Index{0}), number(o, "train_loss"), number(o, "test_loss"),
                    number(o, "test_accuracy"), number(o, "seconds")});
  }
  return list;
}

}  // namespace cifar
