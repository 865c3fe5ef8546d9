#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include <weft/core/shape.h>

namespace cifar {

using weft::Index;

// What a run's numbers depend on; kept in its checkpoints.
struct Recipe {
  std::string preset = "fast", precision = "f32";
  Index epochs = 0, batch_size = 0;  // 0: the preset's
  double lr = 0;                     // 0: the preset's
  std::uint64_t seed = 0;
  Index limit_train = 0, limit_test = 0;  // 0: all
  bool deterministic = false;
};

struct Options {
  enum class Command { Train, Evaluate, Predict } command = Command::Train;
  Recipe recipe;
  std::set<std::string> given;  // the names of the recipe's options on the command line
  std::string data;             // empty: the pictures that ship with the example
  std::string out, resume, model;
  std::string device = "cpu";
  std::vector<std::string> files;
  int threads = 0;  // 0: all cores
  int top = 3;
  bool progress = true;
};

// Exits by itself with status 0 for --help, 2 and one line for a wrong command line.
Options parse_options(int argc, char** argv);

}  // namespace cifar
