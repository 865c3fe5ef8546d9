#include <unordered_map>
#include <unordered_set>

#include <weft/autograd/record.h>
#include <weft/core/check.h>
#include <weft/nn/module_parts.h>
#include <weft/ops/make.h>

// Module's state: what it saves, and what keeps another state from being loaded.
namespace weft::nn {

namespace {

std::string describe(const Shape& shape) {
  std::vector<std::string> sizes;
  for (Index s : shape) sizes.push_back(s ? std::to_string(s) : "?");
  return fmt::format("[{}]", fmt::join(sizes, ", "));
}

// What the slot must be: its shape, with 0 where any size will do.
std::optional<Shape> expected_shape(const Module& m, const ModuleTree::Slot& slot) {
  if (slot.tensor.defined()) return slot.tensor.sizes();
  if (ModuleTree::built(m)) return {};
  if (const auto awaited = ModuleTree::awaited(m, slot)) return awaited->shape;
  return {};
}

bool fits(const Shape& got, const Shape& expected, bool exact) {
  if (got.size() != expected.size()) return false;
  for (int d = 0; d < got.size(); ++d) {
    if (got[d] != expected[d] && (exact || expected[d] != 0)) return false;
  }
  return true;
}

std::string shape_mismatch(const std::string& name, const Tensor& got, const Shape& expected,
                           bool exact) {
  return fmt::format("{} has shape [{}], expected {}", name, fmt::join(got.sizes(), ", "),
                     exact ? fmt::format("[{}]", fmt::join(expected, ", ")) : describe(expected));
}

bool same_elements(const Tensor& a, const Tensor& b) {
  return a.impl()->data == b.impl()->data && a.dtype() == b.dtype() && a.strides() == b.strides();
}

struct Mismatches {
  std::vector<std::string> names, shapes;  // names: missing or unknown
};

Mismatches compare(const Module& module, const StateDict& state) {
  Mismatches found;
  std::unordered_map<std::string, const Tensor*> left;
  for (const auto& [name, tensor] : state) left.emplace(name, &tensor);
  ModuleTree::each_slot(module, [&](const Module& m, auto& slot, const std::string& name) {
    const auto expected = slot.persistent ? expected_shape(m, slot) : std::nullopt;
    if (!expected) return;
    const auto at = left.find(name);
    if (at == left.end()) {
      found.names.push_back(name + " is missing");
      return;
    }
    const bool exact = slot.tensor.defined();
    if (!fits(at->second->sizes(), *expected, exact)) {
      found.shapes.push_back(shape_mismatch(name, *at->second, *expected, exact));
    }
    left.erase(at);
  });
  for (const auto& [name, tensor] : state) {
    if (left.contains(name)) found.names.push_back(name + " is unknown here");
  }
  return found;
}

}  // namespace

StateDict Module::state_dict() const {
  StateDict state;
  ModuleTree::each_slot(*this, [&](const Module& m, auto& slot, const std::string& name) {
    if (!slot.persistent) return;
    if (ModuleTree::pending(m, slot)) {
      fail<Error>("state_dict",
                  "got {}, which waits for an input's shape; run the module once or call "
                  "materialize(input_shape) before",
                  name);
    }
    if (slot.tensor.defined()) state.emplace_back(name, slot.tensor.detach());
  });
  return state;
}

std::vector<std::string> Module::mismatches(const StateDict& state) const {
  Mismatches found = compare(*this, state);
  found.names.insert(found.names.end(), found.shapes.begin(), found.shapes.end());
  return found.names;
}

std::vector<std::string> Module::load_matching(const StateDict& state) {
  Mismatches found = compare(*this, state);
  check_no_mismatch("load_matching", state_name(), found.shapes);
  prepare_state(state)();
  return found.names;
}

std::function<void()> Module::prepare_state(const StateDict& state) {
  const NoGradGuard guard;
  std::unordered_map<std::string, const Tensor*> by_name;
  for (const auto& [name, tensor] : state) by_name.emplace(name, &tensor);
  struct Copy {
    ModuleTree::Slot* slot;
    Tensor to, from;
    Module* waiting;  // for this tensor, or null
  };
  std::vector<Copy> copies;
  std::unordered_set<const Storage*> own;
  ModuleTree::each_slot(*this, [&](Module&, auto& slot, const std::string&) {
    if (slot.tensor.defined()) own.insert(slot.tensor.impl()->storage.get());
  });
  ModuleTree::each_slot(*this, [&](Module& m, auto& slot, const std::string& name) {
    const auto at = by_name.find(name);
    if (at == by_name.end() || !slot.persistent) return;
    Copy copy{&slot, slot.tensor, *at->second, nullptr};
    if (!slot.tensor.defined()) {
      const DType dtype = ModuleTree::awaited(m, slot)->dtype.value_or(ModuleTree::parts(m).dtype);
      const Options options = Options(dtype).device(ModuleTree::parts(m).device);
      copy.to = empty(at->second->sizes(), options);
      if (slot.is_parameter) copy.to.requires_grad_(ModuleTree::parts(m).requires_grad);
      copy.waiting = &m;
    } else {
      autograd::check_inplace("load_state_dict", slot.tensor, false);
    }
    // Parts of this module in other places of it: one copy would change what another reads.
    if (own.contains(copy.from.impl()->storage.get()) && !same_elements(copy.from, copy.to))
      copy.from = copy.from.clone();
    copies.push_back(std::move(copy));
  });
  return [copies = std::move(copies)] {
    const NoGradGuard no_grad;
    for (const Copy& c : copies) {
      c.slot->tensor = c.to;
      c.slot->tensor.copy_(c.from);
    }
    for (const Copy& c : copies) {
      if (c.waiting) ModuleTree::finish(*c.waiting);
    }
  };
}

}  // namespace weft::nn
