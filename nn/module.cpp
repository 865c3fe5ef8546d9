#include <weft/nn/module.h>

#include <unordered_set>

#include <weft/autograd/mode.h>
#include <weft/core/check.h>
#include <weft/nn/attempt.h>
#include <weft/nn/gradients.h>
#include <weft/nn/module_parts.h>
#include <weft/ops/make.h>

namespace weft::nn {

Module::Module() : parts_(std::make_shared<Parts>()) {
  parts_->dtype = MakeAs::now().dtype;
  parts_->device = MakeAs::now().device;
}
Module::~Module() = default;
Module::Module(Module&&) noexcept = default;

Tensor Module::forward(const Tensor&) {
  fail<NotImplementedError>("forward", "{} has no forward(x); override it", kind());
}

std::vector<ParameterShape> Module::parameter_shapes(const Shape&) const { return {}; }

// ---- Registration

Tensor& Module::parameter(const char* name, const Tensor& value) {
  ModuleTree::check_name(*this, name);
  if (value.defined() && !value.is_floating_point()) {
    fail<DTypeError>("register", "got parameter {} of {}, expected a floating dtype", name,
                     value.dtype());
  }
  parts_->slots.push_back({name, value, true, true, true});
  Tensor& t = parts_->slots.back().tensor;
  if (t.defined()) t.requires_grad_();
  return t;
}

Tensor& Module::buffer(const char* name, const Tensor& value, bool persistent) {
  ModuleTree::check_name(*this, name);
  parts_->slots.push_back({name, value, false, persistent, true});
  return parts_->slots.back().tensor;
}

void Module::add_module(const std::string& name, std::shared_ptr<Module> part) {
  ModuleTree::check_name(*this, name);
  if (!part) fail<ValueError>("register", "got no module under the name \"{}\"", name);
  parts_->children.emplace_back(name, std::move(part));
}

void Module::keep_last_module() { parts_->kept.push_back(parts_->children.back().second.get()); }

bool Module::built() const { return parts_->built; }

bool& LeaveUnbuilt::now() noexcept {
  static thread_local bool on = false;
  return on;
}

MakeAs::Kind& MakeAs::now() noexcept {
  static thread_local Kind kind;
  return kind;
}

MakeAs::MakeAs(std::optional<DType> dtype, std::optional<Device> device) : before_(now()) {
  if (dtype && !is_floating(*dtype)) {
    fail<DTypeError>("Module", "got {} for parameters, expected a floating dtype", *dtype);
  }
  now() = {dtype.value_or(before_.dtype), device.value_or(before_.device)};
}

void Module::build(const Shape& input) {
  if (built() || LeaveUnbuilt::now()) return;
  struct Made {
    Parts::Slot* slot;
    Tensor fresh, before;  // before: came from a state, and stays
  };
  std::vector<Made> made;
  for (const ParameterShape& p : parameter_shapes(input)) {
    Parts::Slot* slot = parts_->find(p.name);
    const Options options = Options(p.dtype.value_or(parts_->dtype)).device(parts_->device);
    made.push_back({slot, empty(p.shape, options), slot->tensor});
  }
  Attempt attempt;
  // The module may have moved or gone by then.
  Attempt::on_failure([made, weak = std::weak_ptr(parts_)] {
    const auto parts = weak.lock();
    if (!parts) return;
    for (const Made& m : made) m.slot->tensor = m.before;
    parts->built = false;
  });
  for (Made& m : made) {
    m.slot->tensor = m.fresh;
    if (m.slot->is_parameter) m.slot->tensor.requires_grad_(parts_->requires_grad);
  }
  parts_->built = true;
  if (!made.empty()) reset_parameters();
  for (Made& m : made) {
    if (m.before.defined()) m.slot->tensor = m.before;
  }
  attempt.keep();
}

Tensor Module::operator()(const Tensor& x) {
  Attempt attempt;
  Tensor y = parts_->hooks.empty() ? run(x) : run_with_hooks(x);
  attempt.keep();
  return y;
}

Tensor Module::run(const Tensor& x) {
  if (ModuleTree::traced()) return zeros(infer(x.sizes()));
  if (!built()) build(x.sizes());
  return forward(x);
}

// ---- Hooks

Index Module::register_forward_pre_hook(ForwardPreHook hook) {
  parts_->hooks.push_back({parts_->next_hook, std::move(hook), {}});
  return parts_->next_hook++;
}

Index Module::register_forward_hook(ForwardHook hook) {
  parts_->hooks.push_back({parts_->next_hook, {}, std::move(hook)});
  return parts_->next_hook++;
}

void Module::remove_hook(Index number) {
  std::erase_if(parts_->hooks, [&](const Parts::Hook& h) { return h.number == number; });
}

bool Module::has_hooks() const { return !parts_->hooks.empty(); }

Tensor Module::run_with_hooks(const Tensor& input) {
  const auto hooks = parts_->hooks;  // a hook may remove itself
  Tensor x = input;
  for (const auto& hook : hooks) {
    if (!hook.before) continue;
    if (Tensor other = hook.before(*this, x); other.defined()) x = other;
  }
  Tensor y = run(x);
  for (const auto& hook : hooks) {
    if (!hook.after) continue;
    if (Tensor other = hook.after(*this, x, y); other.defined()) y = other;
  }
  return y;
}

// ---- Lists

namespace {

enum class Which { Parameters, Buffers };

NamedTensors named(const Module& module, Which which, bool once) {
  NamedTensors list;
  std::unordered_set<const TensorImpl*> seen;
  ModuleTree::each_slot(module, [&](const Module& m, auto& slot, const std::string& name) {
    if (slot.is_parameter != (which == Which::Parameters)) return;
    if (ModuleTree::pending(m, slot)) {
      fail<Error>("parameters",
                  "got {}, which waits for an input's shape; run the module once or call "
                  "materialize(input_shape) before",
                  name);
    }
    if (slot.tensor.defined() && (!once || seen.insert(slot.tensor.impl()).second)) {
      list.emplace_back(name, slot.tensor);
    }
  });
  return list;
}

}  // namespace

NamedTensors Module::named_parameters(bool remove_duplicate) const {
  return named(*this, Which::Parameters, remove_duplicate);
}
NamedTensors Module::named_buffers(bool remove_duplicate) const {
  return named(*this, Which::Buffers, remove_duplicate);
}

std::vector<Tensor> Module::parameters() const {
  std::vector<Tensor> list;
  for (auto& [name, tensor] : named_parameters()) list.push_back(tensor);
  return list;
}

NamedModules Module::named_modules() {
  NamedModules list;
  ModuleTree::walk(*this, "", [&](Module& m, const std::string& prefix) {
    list.emplace_back(prefix.substr(0, prefix.empty() ? 0 : prefix.size() - 1), &m);
  });
  return list;
}

NamedModules Module::named_children() {
  NamedModules list;
  for (auto& [name, child] : parts_->children) list.emplace_back(name, child.get());
  return list;
}

Index Module::parameter_count() const {
  Index n = 0;
  for (const Tensor& t : parameters()) n += t.numel();
  return n;
}

void Module::zero_grad(bool set_to_none) {
  for (Tensor& t : parameters()) clear_grad(t, set_to_none);
}

Module& Module::apply(const std::function<void(Module&)>& f) {
  for (auto& child : parts_->children) child.second->apply(f);
  f(*this);
  return *this;
}

Module& Module::requires_grad_(bool value) {
  ModuleTree::walk(*this, "", [&](Module& m, const std::string&) {
    ModuleTree::parts(m).requires_grad = value;
    for (auto& slot : ModuleTree::parts(m).slots) {
      if (slot.is_parameter && slot.tensor.defined()) slot.tensor.requires_grad_(value);
    }
  });
  return *this;
}

Module& Module::train(bool on) {
  ModuleTree::walk(*this, "",
                   [&](Module& m, const std::string&) { ModuleTree::set_training(m, on); });
  return *this;
}

// ---- Conversion

namespace {

// Puts the memory of `value` behind every handle to t. Its gradient goes along.
void replace(Tensor& t, const Tensor& value, const Tensor& grad) {
  TensorImpl& i = *t.impl();
  const bool requires_grad = i.requires_grad;
  t.requires_grad_(false);
  t.set_grad({});
  i.node.reset();
  i.storage = value.impl()->storage;
  i.data = value.impl()->data;
  i.dtype = value.dtype();
  i.sizes = value.sizes();
  i.strides = value.strides();
  t.requires_grad_(requires_grad);
  if (grad.defined()) t.set_grad(grad);
}

// Converts all first, so that nothing has changed if memory runs out.
template <class Convert>
void convert_all(Module& module, Convert&& convert) {
  const NoGradGuard guard;
  struct Change {
    Tensor* slot;
    Tensor value, grad;
  };
  std::vector<Change> changes;
  std::unordered_set<const TensorImpl*> seen;
  ModuleTree::each_slot(module, [&](Module&, auto& slot, const std::string&) {
    Tensor& t = slot.tensor;
    if (!t.defined() || !seen.insert(t.impl()).second) return;
    const Tensor grad = t.grad();
    changes.push_back({&t, convert(t.detach()), grad.defined() ? convert(grad) : Tensor()});
  });
  for (Change& c : changes) replace(*c.slot, c.value, c.grad);
}

}  // namespace

Module& Module::to(DType dtype) {
  if (!is_floating(dtype)) {
    fail<DTypeError>("to", "got {} for a module, expected a floating dtype", dtype);
  }
  convert_all(*this, [&](const Tensor& t) { return t.is_floating_point() ? t.to(dtype) : t; });
  ModuleTree::walk(*this, "",
                   [&](Module& m, const std::string&) { ModuleTree::parts(m).dtype = dtype; });
  return *this;
}

Module& Module::to(Device device) {
  convert_all(*this, [&](const Tensor& t) { return t.to(device); });
  ModuleTree::walk(*this, "",
                   [&](Module& m, const std::string&) { ModuleTree::parts(m).device = device; });
  return *this;
}

}  // namespace weft::nn
