#pragma once

#include <cstdio>
#include <string>
#include <vector>

#include <weft/core/shape.h>

namespace cifar {

using weft::Index;

struct EpochRecord {
  Index epoch = 0;
  double train_loss = 0, test_loss = 0, test_accuracy = 0, seconds = 0;
};

// The folder a run writes to, and its log: one JSON object a line, with null for a number that is
// not finite (NaN here). The checkpoint comes before the log, so a folder with a log has one that
// the run can go on from. The log is cut back to where the
// last checkpoint saw it, so that a run that was killed goes on without gaps or repeats.
class RunFolder {
 public:
  // A new folder, without a log yet; Error if it holds a run already. An empty path takes the first
  // free runs/N.
  static RunFolder create(std::string path);
  // That of a run to go on with; IOError if there is none.
  static RunFolder open(std::string path);
  ~RunFolder();
  RunFolder(RunFolder&&) noexcept;

  const std::string& path() const { return path_; }
  std::string file(const char* name) const { return path_ + "/" + name; }
  std::string checkpoint() const { return file("checkpoint.safetensors"); }

  // Opens the log with its first `bytes` bytes.
  void start_log(Index bytes);
  void log_step(Index step, Index epoch, double loss, double lr, double images_per_second);
  void log_epoch(const EpochRecord& record);
  // Makes what was logged safe on the disk and returns the log's length.
  Index sync_log();

  // The epochs in the log, for the curve.
  std::vector<EpochRecord> epochs() const;

 private:
  explicit RunFolder(std::string path) : path_(std::move(path)) {}
  void write(const std::string& line);
  std::string path_;
  std::FILE* log_ = nullptr;
  Index bytes_ = 0;
};

}  // namespace cifar
