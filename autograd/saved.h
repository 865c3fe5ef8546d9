#pragma once

#include <weft/autograd/node.h>

namespace weft::autograd {

// A tensor kept for the backward pass. It remembers the storage's version and raises, naming both
// operations, if the elements were changed in between.
class WEFT_API SavedTensor {
 public:
  SavedTensor() = default;
  static SavedTensor input(const Tensor& t) { return {t, t.defined() ? t.version() : 0, false}; }
  // An output never owns its own node (that would be a circle): an alias is kept instead, and get()
  // ties it to the node that is running.
  static SavedTensor output(const Tensor& t) {
    return {make_alias(t, t.layout()), t.version(), true};
  }
  Tensor get() const;

 private:
  SavedTensor(Tensor t, std::uint32_t version, bool is_output)
      : tensor_(std::move(t)), version_(version), is_output_(is_output) {}
  Tensor tensor_;
  std::uint32_t version_ = 0;
  bool is_output_ = false;
};

inline SavedTensor saved(const Tensor& input) { return SavedTensor::input(input); }
inline SavedTensor saved_output(const Tensor& output) { return SavedTensor::output(output); }

}  // namespace weft::autograd
