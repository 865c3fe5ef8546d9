#pragma once

// For .cpp files only: what a module holds.
#include <deque>

#include <weft/nn/module.h>

namespace weft::nn {

struct Module::Parts {
  struct Slot {
    std::string name;
    Tensor tensor;
    bool is_parameter = true, persistent = true;
  };
  std::deque<Slot> slots;  // a deque: references to its tensors stay good
  std::vector<std::pair<std::string, std::shared_ptr<Module>>> children;
  DType dtype = DType::F32;  // of parameters to come
  Device device;
  bool requires_grad = true, built = false;

  Slot* find(const std::string& name) {
    for (Slot& s : slots) {
      if (s.name == name) return &s;
    }
    return nullptr;
  }
};

// The walk over a module and its parts, for the functions that are about all of them.
class ModuleTree {
 public:
  using Slot = Module::Parts::Slot;
  // f(module, prefix) for the module, then its parts in order; prefix is "" or "a.b.".
  template <class M, class F>
  static void walk(M& module, const std::string& prefix, F&& f) {
    f(module, prefix);
    for (auto& [name, child] : module.parts_->children) {
      walk(static_cast<M&>(*child), prefix + name + ".", f);
    }
  }
  // f(module, slot, full name)
  template <class M, class F>
  static void each_slot(M& module, F&& f) {
    walk(module, "", [&](M& m, const std::string& prefix) {
      for (Slot& s : m.parts_->slots) f(m, s, prefix + s.name);
    });
  }
  static Module::Parts& parts(const Module& m) { return *m.parts_; }
  static bool built(const Module& m) { return m.parts_->built; }
  // Marks a layer as built once a state has given it all it waits for.
  static void finish(Module& m) {
    for (const ParameterShape& p : m.parameter_shapes({})) {
      if (!m.parts_->find(p.name)->tensor.defined()) return;
    }
    m.parts_->built = true;
  }
  static void set_training(Module& m, bool on) { m.training_ = on; }
  static void build(Module& m, const Shape& input) { m.build(input); }
  static std::vector<ParameterShape> shapes(const Module& m, const Shape& input) {
    return m.parameter_shapes(input);
  }
  // The shape that a slot waits for, 0 where a size is not known; nothing if it is absent.
  static std::optional<ParameterShape> awaited(const Module& m, const Slot& slot) {
    for (const ParameterShape& p : m.parameter_shapes({})) {
      if (slot.name == p.name) return p;
    }
    return {};
  }
  static bool pending(const Module& m, const Slot& slot) {
    return !slot.tensor.defined() && !m.parts_->built && awaited(m, slot);
  }
};

}  // namespace weft::nn
