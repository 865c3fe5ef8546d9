#pragma once

// For .cpp files only.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include <weft/core/allocator.h>
#include <weft/core/check.h>

namespace weft::detail {

// What the process's environment says, read once. A variable that is empty counts as unset.
struct Environment {
  AllocationMode allocation;        // WEFT_ALLOC
  std::uint64_t fail_at = 0;        // WEFT_ALLOC_FAIL
  int threads = 0;                  // WEFT_NUM_THREADS; 0: unset
  bool winograd = true;             // WEFT_WINOGRAD
  std::string variable, complaint;  // the first with a value that is none: it has its default here

  // ValueError if there is such a variable. What asks for a setting may be unable to throw, so the
  // first allocation of tensor data does, as every later one.
  void check() const {
    if (!complaint.empty()) fail<ValueError>(variable.c_str(), "{}", complaint);
  }
};
const Environment& environment();

inline constexpr int kMaxThreads = 1024;

// A variable that is 0 or 1; ValueError if it has another value.
inline bool environment_switch(const char* name, bool otherwise) {
  const char* text = std::getenv(name);
  const std::string_view value = text ? text : "";
  if (value != "" && value != "0" && value != "1")
    fail<ValueError>(name, "got \"{}\", expected 0 or 1", value);
  return value.empty() ? otherwise : value == "1";
}

}  // namespace weft::detail
