#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include <weft/core/tensor.h>

// What is saved and loaded: names with tensors, in an order. Numbers are 0-d tensors of f64 or i64,
// so that they come back bit for bit.
namespace weft::nn {

using StateDict = std::vector<std::pair<std::string, Tensor>>;

// The tensor of that name, or null.
WEFT_API const Tensor* find(const StateDict& state, const std::string& name);

// What has a state: modules, optimisers, schedules...
class WEFT_API Stateful {
 public:
  virtual ~Stateful() = default;

  // The state by name. Tensors share their memory with the object and are not on the tape.
  virtual StateDict state_dict() const = 0;

  // What stands between this object and that state: one entry for each name that is missing,
  // unknown, or has another shape or kind. Empty if it can be loaded.
  virtual std::vector<std::string> mismatches(const StateDict& state) const = 0;

  // Copies the state into the object, converting dtypes. Throws ValueError that lists every
  // mismatch, and OutOfMemory; nothing has changed then.
  void load_state_dict(const StateDict& state);

  // load_state_dict in two halves, so that several objects are loaded all or none: this one may
  // throw and changes nothing; calling its result changes the object and cannot fail. The object
  // and the state's tensors stay as they are in between.
  [[nodiscard]] std::function<void()> prepare_load(const StateDict& state);

 protected:
  Stateful() = default;
  Stateful(const Stateful&) = default;
  Stateful& operator=(const Stateful&) = default;
  // The name in errors.
  virtual std::string state_name() const = 0;
  // Called with a state without mismatches: makes what it needs, and returns what takes it over.
  virtual std::function<void()> prepare_state(const StateDict& state) = 0;
};

// Throws ValueError "[op] ..." that lists the mismatches in one line, if there are any.
WEFT_API void check_no_mismatch(const char* op, const std::string& name,
                                const std::vector<std::string>& mismatches);

// Numbers as state.
WEFT_API Tensor number(double value);
WEFT_API Tensor number(Index value);

}  // namespace weft::nn
