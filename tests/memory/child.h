#pragma once

#include <unistd.h>

#include <array>
#include <climits>
#include <cstdio>
#include <string>

namespace weft::test {

struct ChildResult {
  int status = -1;
  std::string output;
};

// Runs a case of this program, "[.child]" among its tags, in a process of its own whose environment
// has the variables in front: run_child("WEFT_ALLOC=poison", "the case's name").
inline ChildResult run_child(const std::string& variables, const std::string& name) {
  std::array<char, PATH_MAX> self{};
  if (readlink("/proc/self/exe", self.data(), self.size() - 1) < 0) return {};
  const std::string command = variables + " '" + self.data() + "' '" + name + "' 2>&1";
  ChildResult result;
  FILE* pipe = popen(command.c_str(), "r");
  if (!pipe) return result;
  for (int c = fgetc(pipe); c != EOF; c = fgetc(pipe)) result.output += static_cast<char>(c);
  result.status = pclose(pipe);
  return result;
}

}  // namespace weft::test
