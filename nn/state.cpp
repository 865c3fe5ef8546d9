#include <weft/nn/state.h>

#include <weft/core/check.h>
#include <weft/ops/make.h>

namespace weft::nn {

const Tensor* find(const StateDict& state, const std::string& name) {
  for (const auto& [key, tensor] : state) {
    if (key == name) return &tensor;
  }
  return nullptr;
}

std::function<void()> Stateful::prepare_load(const StateDict& state) {
  check_no_mismatch("load_state_dict", state_name(), mismatches(state));
  return prepare_state(state);
}

void Stateful::load_state_dict(const StateDict& state) { prepare_load(state)(); }

void check_no_mismatch(const char* op, const std::string& name,
                       const std::vector<std::string>& mismatches) {
  if (mismatches.empty()) return;
  fail<ValueError>(op, "{}: {} mismatch{}: {}", name, mismatches.size(),
                   mismatches.size() == 1 ? "" : "es", fmt::join(mismatches, "; "));
}

Tensor number(double value) { return full({}, value, DType::F64); }
Tensor number(Index value) { return full({}, value, DType::I64); }

}  // namespace weft::nn
