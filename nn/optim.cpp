#include <weft/nn/optim.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <unordered_set>

#include <weft/autograd/record.h>
#include <weft/core/check.h>
#include <weft/core/cuda_capture.h>
#include <weft/core/interrupt.h>
#include <weft/nn/gradients.h>
#include <weft/ops/make.h>

namespace weft::optim {

// All that one parameter's step needs, made before anything changes.
struct Optimizer::Update {
  Tensor param, grad;
  Tensor buffers[3];
  std::size_t at, group;  // of the memory, of the options
};

namespace {

void check_options(const char* op, const OptimizerOptions& o) {
  const auto refuse = [&](const char* what, double value, const char* expected) {
    fail<ValueError>(op, "got {} {}, expected {}", what, value, expected);
  };
  if (!(o.lr >= 0)) refuse("lr", o.lr, "0 or more");
  if (!(o.momentum >= 0)) refuse("momentum", o.momentum, "0 or more");
  if (!(o.weight_decay >= 0)) refuse("weight_decay", o.weight_decay, "0 or more");
  if (!(o.beta1 >= 0 && o.beta1 < 1)) refuse("beta1", o.beta1, "0 or more and below 1");
  if (!(o.beta2 >= 0 && o.beta2 < 1)) refuse("beta2", o.beta2, "0 or more and below 1");
  if (!(o.eps >= 0)) refuse("eps", o.eps, "0 or more");
  if (o.nesterov && (o.momentum <= 0 || o.dampening != 0)) {
    fail<ValueError>(op,
                     "got nesterov with momentum {} and dampening {}, expected a momentum and "
                     "no dampening",
                     o.momentum, o.dampening);
  }
}

void check_gradient(const Tensor& p, const Tensor& g) {
  if (g.sizes() != p.sizes() || g.dtype() != p.dtype() || !(g.device() == p.device())) {
    fail<ShapeError>("step", "got a gradient of shape [{}] and {}, expected [{}] and {}",
                     fmt::join(g.sizes(), ", "), g.dtype(), fmt::join(p.sizes(), ", "), p.dtype());
  }
  if (!is_dense(p.sizes(), p.strides())) {
    fail<ShapeError>("step", "got a parameter of shape [{}] with gaps in memory, expected none",
                     fmt::join(p.sizes(), ", "));
  }
}

// Whether the kernel may take t as it is.
bool fits(const Tensor& t, const Tensor& p) {
  return t.dtype() == p.dtype() && t.device() == p.device() &&
         same_strides(t.sizes(), t.strides(), p.strides());
}

// The same elements in the parameter's own dtype, place and memory order.
Tensor made_like(const Tensor& t, const Tensor& p) {
  if (fits(t, p)) return t;
  Tensor copy = empty_like(p.detach());
  return copy.copy_(t.detach());
}

void* data_of(const Tensor& t) { return t.defined() ? t.data() : nullptr; }

// The state to go on with. What a parameter is may have changed since it was made: Module::to(), or
// other data for it.
Tensor current_state(const Tensor& have, const Tensor& p) {
  if (have.defined() && have.sizes() != p.sizes()) {
    fail<ShapeError>("step",
                     "got a parameter of shape [{}] that had shape [{}] in the steps before, "
                     "expected that; make a new optimiser for it",
                     fmt::join(p.sizes(), ", "), fmt::join(have.sizes(), ", "));
  }
  if (have.defined() && fits(have, p)) return have;
  // What fills new state would be part of the graph.
  if (cuda::is_current_stream_capturing())
    fail<Error>("step", "got the first step while a graph is captured, expected one before that");
  return have.defined() ? made_like(have, p) : zeros_like(p.detach());
}

}  // namespace

void Optimizer::add(std::vector<Tensor> params, const OptimizerOptions& options) {
  const std::string name = state_name();
  check_options(name.c_str(), options);
  if (params.empty()) fail<ValueError>(name, "got no parameters, expected one or more");
  std::unordered_set<const TensorImpl*> seen;
  for (const Group& g : groups_) {
    for (const Tensor& p : g.params) seen.insert(p.impl());
  }
  for (const Tensor& p : params) {
    if (!p.defined() || !p.is_leaf()) {
      fail<ValueError>(name, "got {}, expected parameters",
                       p.defined() ? fmt::format("a tensor of shape [{}] that an operation made",
                                                 fmt::join(p.sizes(), ", "))
                                   : "an undefined tensor");
    }
    if (!seen.insert(p.impl()).second) {
      fail<ValueError>(name, "got one parameter of shape [{}] twice", fmt::join(p.sizes(), ", "));
    }
  }
  memory_.resize(memory_.size() + params.size());
  groups_.push_back({.params = std::move(params), .options = options});
}

int Optimizer::buffer_count(const OptimizerOptions& o) const {
  if (id_ == OptimizerId::SGD) return o.momentum != 0 ? 1 : 0;
  return o.amsgrad ? 3 : 2;
}

std::vector<Optimizer::Update> Optimizer::prepare() {
  std::vector<Update> updates;
  updates.reserve(memory_.size());
  std::size_t next = 0;
  for (std::size_t group = 0; group < groups_.size(); ++group) {
    for (Tensor& p : groups_[group].params) {
      const std::size_t at = next++;
      const Tensor grad = p.grad();
      if (!grad.defined()) continue;
      check_gradient(p, grad);
      Update u{.param = p, .grad = made_like(grad, p), .buffers = {}, .at = at, .group = group};
      for (int b = 0; b < buffer_count(groups_[group].options); ++b)
        u.buffers[b] = current_state(memory_[at].buffers[b], p);
      updates.push_back(std::move(u));
    }
  }
  return updates;
}

OptimizerOptions Optimizer::options_now(std::size_t group, const Memory& memory, bool first) const {
  OptimizerOptions options = groups_[group].options;
  // A momentum that is switched on later starts with the gradient, too.
  options.step = first ? 1 : std::max<Index>(memory.steps, id_ == OptimizerId::SGD ? 2 : 1);
  return options;
}

void Optimizer::step() {
  const NoGradGuard guard;
  const std::vector<Update> updates = prepare();
  if (updates.empty()) return;
  for (const Update& u : updates) {
    if (!kernels(u.param.device()).optimizer_step)
      throw_no_kernel("optimizer_step", u.param.device());
  }
  std::vector<OptimizerItem> items;
  items.reserve(updates.size());
  for (const Update& u : updates) {
    items.push_back(
        {.parameter = u.param.data(),
         .gradient = u.grad.data(),
         .states = {data_of(u.buffers[0]), data_of(u.buffers[1]), data_of(u.buffers[2])},
         .numel = u.param.numel(),
         .dtype = u.param.dtype(),
         .terms = {}});
  }
  const Whole whole;
  for (std::size_t i = 0; i < updates.size(); ++i) {
    const Update& u = updates[i];
    Memory& memory = memory_[u.at];
    const bool first = id_ == OptimizerId::SGD && !memory.buffers[0].defined();
    for (int b = 0; b < 3; ++b) {  // a momentum of 0 for a while keeps what was gathered
      if (u.buffers[b].defined()) memory.buffers[b] = u.buffers[b];
    }
    if (cuda::is_current_stream_capturing()) continue;
    ++memory.steps;
    items[i].terms = optimizer_terms(id_, options_now(u.group, memory, first));
  }
  if (cuda::is_current_stream_capturing()) share_terms(updates, items);
  // Each device has its share, in one call where there is one device.
  for (std::size_t from = 0, to; from < items.size(); from = to) {
    const Device device = updates[from].param.device();
    for (to = from; to < items.size() && updates[to].param.device() == device; ++to) {
    }
    kernels(device).optimizer_step(id_, std::span(items).subspan(from, to - from));
  }
  for (const Update& u : updates) {
    Tensor changed = u.param;
    autograd::bump_version("optimizer step", changed);
  }
}

// For a graph that is captured: the device finds each replay's terms where the host puts them.
// Parameters of a group that have made equally many steps share them.
void Optimizer::share_terms(const std::vector<Update>& updates, std::vector<OptimizerItem>& items) {
  std::map<std::pair<std::size_t, Index>, std::vector<std::size_t>> shares;
  for (std::size_t i = 0; i < updates.size(); ++i)
    shares[{updates[i].group, memory_[updates[i].at].steps}].push_back(i);
  for (const auto& [of, members] : shares) {
    std::vector<std::size_t> at;
    for (const std::size_t i : members) at.push_back(updates[i].at);
    const void* terms = cuda::on_replay(sizeof(OptimizerTerms), [this, there = life_.watched(),
                                                                 group = of.first,
                                                                 at = std::move(at)](void* to) {
      if (there.expired())
        fail<Error>("Graph.replay",
                    "got a step of an optimizer that is gone, expected it to live "
                    "as long as the graph");
      for (const std::size_t m : at) ++memory_[m].steps;
      const OptimizerTerms t = optimizer_terms(id_, options_now(group, memory_[at.front()], false));
      std::memcpy(to, &t, sizeof t);
    });
    for (const std::size_t i : members)
      items[i].replayed = static_cast<const OptimizerTerms*>(terms);
  }
}

void Optimizer::zero_grad(bool set_to_none) {
  for (Group& group : groups_) {
    for (Tensor& p : group.params) nn::clear_grad(p, set_to_none);
  }
}

// ---- State

namespace {

using Field = double OptimizerOptions::*;
constexpr std::pair<const char*, Field> kFields[] = {
    {"lr", &OptimizerOptions::lr},
    {"momentum", &OptimizerOptions::momentum},
    {"dampening", &OptimizerOptions::dampening},
    {"weight_decay", &OptimizerOptions::weight_decay},
    {"beta1", &OptimizerOptions::beta1},
    {"beta2", &OptimizerOptions::beta2},
    {"eps", &OptimizerOptions::eps},
};
using Flag = bool OptimizerOptions::*;
constexpr std::pair<const char*, Flag> kFlags[] = {
    {"nesterov", &OptimizerOptions::nesterov},
    {"maximize", &OptimizerOptions::maximize},
    {"amsgrad", &OptimizerOptions::amsgrad},
};
constexpr const char* kInitial = "initial_lr";
constexpr const char* kSgdNames[] = {"momentum_buffer"};
constexpr const char* kAdamNames[] = {"exp_avg", "exp_avg_sq", "max_exp_avg_sq"};

std::string group_key(std::size_t group, const char* field) {
  return fmt::format("groups.{}.{}", group, field);
}
std::string state_key(std::size_t param, const char* field) {
  return fmt::format("state.{}.{}", param, field);
}

}  // namespace

std::span<const char* const> Optimizer::buffer_names() const {
  if (id_ == OptimizerId::SGD) return kSgdNames;
  return kAdamNames;
}

nn::StateDict Optimizer::state_dict() const {
  nn::StateDict state;
  for (std::size_t g = 0; g < groups_.size(); ++g) {
    const OptimizerOptions& o = groups_[g].options;
    for (auto [name, field] : kFields) state.emplace_back(group_key(g, name), nn::number(o.*field));
    for (auto [name, flag] : kFlags) {
      state.emplace_back(group_key(g, name), nn::number(static_cast<Index>(o.*flag)));
    }
    if (const auto& lr = groups_[g].initial_lr)
      state.emplace_back(group_key(g, kInitial), nn::number(*lr));
  }
  for (std::size_t p = 0; p < memory_.size(); ++p) {
    if (memory_[p].steps == 0) continue;
    state.emplace_back(state_key(p, "step"), nn::number(memory_[p].steps));
    for (std::size_t b = 0; b < buffer_names().size(); ++b) {
      const Tensor& t = memory_[p].buffers[b];
      if (t.defined()) state.emplace_back(state_key(p, buffer_names()[b]), t);
    }
  }
  return state;
}

std::vector<std::string> Optimizer::mismatches(const nn::StateDict& state) const {
  std::vector<std::string> found;
  std::unordered_set<std::string> known;
  const auto number = [&](const std::string& key, bool required) {
    known.insert(key);
    const Tensor* t = nn::find(state, key);
    if (!t && required) found.push_back(key + " is missing");
    if (t && t->numel() != 1) found.push_back(key + " is not one number");
  };
  for (std::size_t g = 0; g < groups_.size(); ++g) {
    for (auto [name, field] : kFields) number(group_key(g, name), true);
    for (auto [name, flag] : kFlags) number(group_key(g, name), true);
    number(group_key(g, kInitial), false);
  }
  std::size_t at = 0;
  for (const Group& group : groups_) {
    for (const Tensor& p : group.params) {
      const auto has = [&](const char* n) { return nn::find(state, state_key(at, n)) != nullptr; };
      const auto names = buffer_names();
      const bool begun = has("step") || std::any_of(names.begin(), names.end(), has);
      number(state_key(at, "step"), begun);
      for (std::size_t b = 0; b < names.size(); ++b) {
        const std::string key = state_key(at, names[b]);
        known.insert(key);
        const Tensor* t = nn::find(state, key);
        const bool always = id_ != OptimizerId::SGD && b < 2;  // others are there by an option
        if (!t && begun && always) found.push_back(key + " is missing");
        if (!t || t->sizes() == p.sizes()) continue;
        found.push_back(fmt::format("{} has shape [{}], expected [{}]", key,
                                    fmt::join(t->sizes(), ", "), fmt::join(p.sizes(), ", ")));
      }
      ++at;
    }
  }
  for (const auto& [key, tensor] : state) {
    if (!known.contains(key)) found.push_back(key + " is unknown here");
  }
  return found;
}

std::function<void()> Optimizer::prepare_state(const nn::StateDict& state) {
  const NoGradGuard guard;
  std::vector<Memory> memory;
  for (const Group& group : groups_) {
    for (const Tensor& p : group.params) {
      Memory m;
      const std::size_t at = memory.size();
      if (const Tensor* t = nn::find(state, state_key(at, "step"))) m.steps = t->item<Index>();
      for (std::size_t b = 0; b < buffer_names().size(); ++b) {
        const Tensor* t = nn::find(state, state_key(at, buffer_names()[b]));
        if (!t) continue;
        m.buffers[b] = empty_like(p.detach());
        m.buffers[b].copy_(*t);
      }
      memory.push_back(std::move(m));
    }
  }
  std::vector<OptimizerOptions> options;
  std::vector<std::optional<double>> initial;
  for (std::size_t g = 0; g < groups_.size(); ++g) {
    OptimizerOptions o = groups_[g].options;
    initial.push_back(groups_[g].initial_lr);
    if (const Tensor* t = nn::find(state, group_key(g, kInitial))) initial[g] = t->item<double>();
    for (auto [name, field] : kFields)
      o.*field = nn::find(state, group_key(g, name))->item<double>();
    for (auto [name, flag] : kFlags)
      o.*flag = nn::find(state, group_key(g, name))->item<double>() != 0;
    options.push_back(o);
  }
  return [this, memory = std::move(memory), options = std::move(options), initial]() mutable {
    for (std::size_t g = 0; g < groups_.size(); ++g) {
      groups_[g].options = options[g];
      groups_[g].initial_lr = initial[g];
    }
    memory_ = std::move(memory);
  };
}

// ---- Kinds

namespace {

OptimizerOptions plain(const SGDOptions& o) {
  OptimizerOptions p;
  p.lr = o.lr;
  p.momentum = o.momentum;
  p.dampening = o.dampening;
  p.weight_decay = o.weight_decay;
  p.nesterov = o.nesterov;
  p.maximize = o.maximize;
  return p;
}

template <class Options>
OptimizerOptions plain(const Options& o) {
  OptimizerOptions p;
  p.lr = o.lr;
  p.beta1 = o.beta1;
  p.beta2 = o.beta2;
  p.eps = o.eps;
  p.weight_decay = o.weight_decay;
  p.amsgrad = o.amsgrad;
  p.maximize = o.maximize;
  return p;
}

}  // namespace

SGD::SGD(std::vector<Tensor> params, const SGDOptions& options) : Optimizer(OptimizerId::SGD) {
  add_group(std::move(params), options);
}
void SGD::add_group(std::vector<Tensor> params, const SGDOptions& options) {
  add(std::move(params), plain(options));
}
Adam::Adam(std::vector<Tensor> params, const AdamOptions& options) : Optimizer(OptimizerId::Adam) {
  add_group(std::move(params), options);
}
void Adam::add_group(std::vector<Tensor> params, const AdamOptions& options) {
  add(std::move(params), plain(options));
}
AdamW::AdamW(std::vector<Tensor> params, const AdamWOptions& options)
    : Optimizer(OptimizerId::AdamW) {
  add_group(std::move(params), options);
}
void AdamW::add_group(std::vector<Tensor> params, const AdamWOptions& options) {
  add(std::move(params), plain(options));
}

}  // namespace weft::optim
