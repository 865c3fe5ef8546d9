#pragma once

// For .cpp files only: what a module holds.
#include <list>

#include <weft/nn/module.h>

namespace weft::nn {

struct Module::Parts {
  struct Slot {
    std::string name;
    Tensor tensor;
    bool is_parameter = true, persistent = true;
    bool kept = true;  // the module has a reference to it
  };
  struct Hook {
    Index number;
    ForwardPreHook before;
    ForwardHook after;  // one of the two
  };
  std::list<Slot> slots;  // a list: references to its tensors stay good
  std::vector<std::pair<std::string, std::shared_ptr<Module>>> children;
  std::vector<const Module*> kept;  // the children that the module has references to
  std::vector<Hook> hooks;
  Index next_hook = 0;
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

// While it lives, layers that this thread makes get no parameters and draw nothing: somebody puts
// theirs in (a copy, a pickle).
class LeaveUnbuilt {
 public:
  LeaveUnbuilt() noexcept : before_(std::exchange(now(), true)) {}
  ~LeaveUnbuilt() { now() = before_; }
  LeaveUnbuilt(const LeaveUnbuilt&) = delete;
  LeaveUnbuilt& operator=(const LeaveUnbuilt&) = delete;
  static bool& now() noexcept;

 private:
  bool before_;
};

// While it lives, modules that this thread makes get parameters of that dtype and on that device.
// DTypeError unless it is a floating one.
class WEFT_API MakeAs {
 public:
  struct Kind {
    DType dtype = DType::F32;
    Device device;
  };
  MakeAs(std::optional<DType> dtype, std::optional<Device> device);
  ~MakeAs() { now() = before_; }
  MakeAs(const MakeAs&) = delete;
  MakeAs& operator=(const MakeAs&) = delete;
  static Kind& now() noexcept;

 private:
  Kind before_;
};

// The walk over a module and its parts, for the functions that are about all of them.
class ModuleTree {
 public:
  using Slot = Module::Parts::Slot;
  using Hooks = std::vector<Module::Parts::Hook>;
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
  // Whether summary() or materialize() looks on: a call of a module then gives zeros of the shape
  // that it would return.
  static bool traced();
  static bool built(const Module& m) { return m.parts_->built; }
  static bool fuses(const Module& m) { return m.fuses(); }
  // Marks a layer as built once a state has given it all it waits for.
  static void finish(Module& m) {
    for (const ParameterShape& p : m.parameter_shapes({})) {
      if (!m.parts_->find(p.name)->tensor.defined()) return;
    }
    m.parts_->built = true;
  }
  // ---- Registration under names known at run time: what Python's attributes do
  static Slot* find_slot(const Module& m, const std::string& name) { return m.parts_->find(name); }
  static std::shared_ptr<Module> find_child(const Module& m, const std::string& name);
  // ValueError if it is taken or has a ".".
  static void check_name(const Module& m, const std::string& name);
  // In the place of the slot of that name, or a new one. `like` has the rest of the slot.
  static void set_tensor(Module& m, const Slot& like);
  // In the place of the part of that name, or a new one. ValueError if the module refers to it.
  static void set_child(Module& m, const std::string& name, std::shared_ptr<Module> part);
  // Whether there was such a slot or part. What the module refers to becomes undefined, or is a
  // ValueError.
  static bool remove(Module& m, const std::string& name);

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
