#include <weft/nn/scheduler.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numbers>

#include <weft/core/check.h>

namespace weft::optim {

Scheduler::Scheduler(Optimizer& optimizer, Index last_epoch, std::optional<double> initial)
    : optimizer_(&optimizer), last_(std::max<Index>(last_epoch, -1)) {
  for (const auto& group : optimizer.groups()) {
    if (last_epoch >= 0 && !group.initial_lr) {
      fail<ValueError>("scheduler",
                       "got last_epoch {} for an optimiser without initial_lr, expected one with "
                       "the state of the optimiser that is resumed",
                       last_epoch);
    }
    const bool fresh = last_epoch < 0 && initial;
    base_.push_back(fresh ? *initial : group.initial_lr.value_or(group.options.lr));
    alone_.push_back(last_epoch < 0);
  }
  set_ = base_;
}

void Scheduler::begin() {
  ++last_;
  apply();
  first_ = false;
  for (std::size_t g = 0; g < base_.size(); ++g) optimizer_->groups()[g].initial_lr = base_[g];
}

void Scheduler::check_groups() const {
  const auto& groups = optimizer_->groups();
  if (groups.size() != base_.size()) {
    fail<ValueError>("scheduler",
                     "got {} groups of parameters, expected the {} that there were "
                     "when the schedule was made",
                     groups.size(), base_.size());
  }
}

double Scheduler::next_rate(Index step, double base, double, bool) const {
  return lr_at(step, base);
}

void Scheduler::apply() {
  check_groups();
  auto& groups = optimizer_->groups();
  std::vector<double> rates;
  for (std::size_t g = 0; g < base_.size(); ++g) {
    const double now = groups[g].options.lr;
    const bool alone = alone_[g] && now == set_[g];
    rates.push_back(alone ? lr_at(last_, base_[g]) : next_rate(last_, base_[g], now, first_));
  }
  for (std::size_t g = 0; g < base_.size(); ++g) {
    alone_[g] = alone_[g] && groups[g].options.lr == set_[g];
    groups[g].options.lr = rates[g];
  }
  set_ = std::move(rates);
  apply_others(last_);
}

void Scheduler::step() {
  ++last_;
  try {
    apply();
  } catch (...) {
    --last_;
    throw;
  }
}

bool Scheduler::alone(std::size_t group) const {
  const auto& groups = optimizer_->groups();
  return alone_[group] && (group >= groups.size() || groups[group].options.lr == set_[group]);
}

// The rates are the optimiser's; only of a group that the schedule has alone can it tell them from
// the step. Of others there is a last_lr.
nn::StateDict Scheduler::state_dict() const {
  nn::StateDict state{{"last_step", nn::number(last_)}};
  for (std::size_t g = 0; g < base_.size(); ++g) {
    state.emplace_back(fmt::format("base_lr.{}", g), nn::number(base_[g]));
    if (!alone(g)) state.emplace_back(fmt::format("last_lr.{}", g), nn::number(set_[g]));
  }
  return state;
}

std::vector<std::string> Scheduler::mismatches(const nn::StateDict& state) const {
  std::vector<std::string> found;
  std::vector<std::string> known;
  const auto number = [&](const std::string& key, bool required) {
    known.push_back(key);
    const Tensor* t = nn::find(state, key);
    if (!t && required) found.push_back(key + " is missing");
    if (t && t->numel() != 1) found.push_back(key + " is not one number");
  };
  number("last_step", true);
  if (const Tensor* t = nn::find(state, "last_step"); t && t->numel() == 1) {
    if (const auto step = t->item<double>(); !(step >= 0 && step <= INT32_MAX))
      found.push_back(fmt::format("last_step is {}, expected 0 to {}", step, INT32_MAX));
  }
  for (std::size_t g = 0; g < base_.size(); ++g) {
    number(fmt::format("base_lr.{}", g), true);
    number(fmt::format("last_lr.{}", g), false);
  }
  for (const auto& [key, value] : state) {
    if (std::find(known.begin(), known.end(), key) == known.end())
      found.push_back(key + " is unknown here");
  }
  return found;
}

std::function<void()> Scheduler::prepare_state(const nn::StateDict& state) {
  check_groups();
  const auto last = nn::find(state, "last_step")->item<Index>();
  std::vector<double> base, set;
  std::vector<bool> alone;
  for (std::size_t g = 0; g < base_.size(); ++g) {
    base.push_back(nn::find(state, fmt::format("base_lr.{}", g))->item<double>());
    const Tensor* rate = nn::find(state, fmt::format("last_lr.{}", g));
    alone.push_back(!rate);
    // May throw, so here: a step beyond the last one, a function of the caller's.
    set.push_back(rate ? rate->item<double>() : lr_at(last, base[g]));
  }
  return [this, last, base, set, alone] {
    last_ = last;
    base_ = base;
    set_ = set;
    alone_ = alone;
    for (std::size_t g = 0; g < base_.size(); ++g) {
      if (alone[g]) optimizer_->groups()[g].options.lr = set[g];
    }
    if (std::find(alone.begin(), alone.end(), false) == alone.end()) apply_others(last);
  };
}

StepLR::StepLR(Optimizer& optimizer, Index step_size, double gamma, Index last_epoch)
    : Scheduler(optimizer, last_epoch), size_(step_size), gamma_(gamma) {
  if (size_ <= 0) fail<ValueError>("StepLR", "got step_size {}, expected 1 or more", size_);
  begin();
}
double StepLR::next_rate(Index step, double, double now, bool) const {
  return step > 0 && step % size_ == 0 ? now * gamma_ : now;
}
double StepLR::lr_at(Index step, double base) const {
  return base * std::pow(gamma_, static_cast<double>(step / size_));
}

MultiStepLR::MultiStepLR(Optimizer& optimizer, std::vector<Index> milestones, double gamma,
                         Index last_epoch)
    : Scheduler(optimizer, last_epoch), milestones_(std::move(milestones)), gamma_(gamma) {
  begin();
}
double MultiStepLR::next_rate(Index step, double, double now, bool) const {
  const auto here = std::count(milestones_.begin(), milestones_.end(), step);
  return now * std::pow(gamma_, static_cast<double>(here));
}
double MultiStepLR::lr_at(Index step, double base) const {
  const auto reached =
      std::count_if(milestones_.begin(), milestones_.end(), [&](Index m) { return m <= step; });
  return base * std::pow(gamma_, static_cast<double>(reached));
}

CosineAnnealingLR::CosineAnnealingLR(Optimizer& optimizer, Index T_max, double eta_min,
                                     Index last_epoch)
    : Scheduler(optimizer, last_epoch), t_max_(T_max), eta_min_(eta_min) {
  if (t_max_ <= 0)
    fail<ValueError>("CosineAnnealingLR", "got T_max {}, expected 1 or more", t_max_);
  begin();
}
// The quotient of two steps' rates above eta_min, and where that was 0 the difference.
double CosineAnnealingLR::next_rate(Index step, double base, double now, bool first) const {
  if (first) return now;
  const double turn = std::numbers::pi / static_cast<double>(t_max_);
  if ((step - 1 - t_max_) % (2 * t_max_) == 0)
    return now + (base - eta_min_) * (1 - std::cos(turn)) / 2;
  const auto height = [&](Index s) { return 1 + std::cos(turn * static_cast<double>(s)); };
  return height(step) / height(step - 1) * (now - eta_min_) + eta_min_;
}
double CosineAnnealingLR::lr_at(Index step, double base) const {
  const double angle = std::numbers::pi * static_cast<double>(step) / static_cast<double>(t_max_);
  return eta_min_ + (base - eta_min_) * (1 + std::cos(angle)) / 2;
}

LinearLR::LinearLR(Optimizer& optimizer, double start_factor, double end_factor, Index total_steps,
                   Index last_epoch)
    : Scheduler(optimizer, last_epoch),
      start_(start_factor),
      end_(end_factor),
      total_(total_steps) {
  if (!(start_ > 0 && start_ <= 1) || !(end_ >= 0 && end_ <= 1) || total_ <= 0) {
    fail<ValueError>("LinearLR",
                     "got factors {} to {} in {} steps, expected factors in (0, 1] and "
                     "[0, 1], 1 step or more",
                     start_, end_, total_);
  }
  begin();
}
double LinearLR::next_rate(Index step, double, double now, bool first) const {
  if (step == 0) return now * start_;
  if (first || step > total_) return now;
  const double before =
      static_cast<double>(total_) * start_ + static_cast<double>(step - 1) * (end_ - start_);
  return now * (1 + (end_ - start_) / before);
}
double LinearLR::lr_at(Index step, double base) const {
  const double part = static_cast<double>(std::min(step, total_)) / static_cast<double>(total_);
  return base * (start_ + (end_ - start_) * part);
}

LambdaLR::LambdaLR(Optimizer& optimizer, std::function<double(Index)> factor, Index last_epoch)
    : Scheduler(optimizer, last_epoch), factor_(std::move(factor)) {
  if (!factor_) fail<ValueError>("LambdaLR", "got no function");
  begin();
}
double LambdaLR::lr_at(Index step, double base) const { return base * factor_(step); }

OneCycleLR::OneCycleLR(Optimizer& optimizer, const OneCycleOptions& o, Index last_epoch)
    : Scheduler(optimizer, last_epoch, o.max_lr / o.div_factor), options_(o) {
  if (o.total_steps <= 0 || !(o.pct_start >= 0 && o.pct_start <= 1) || !(o.max_lr > 0)) {
    fail<ValueError>("OneCycleLR",
                     "got max_lr {}, total_steps {}, pct_start {}, expected a "
                     "positive rate, 1 step or more, and a part of 1",
                     o.max_lr, o.total_steps, o.pct_start);
  }
  const double total = static_cast<double>(o.total_steps);
  const double first = o.max_lr / o.div_factor, last = first / o.final_div_factor;
  if (!(o.div_factor > 0 && o.final_div_factor > 0 && std::isfinite(o.max_lr + first + last))) {
    fail<ValueError>("OneCycleLR",
                     "got max_lr {}, div_factor {}, final_div_factor {}, expected factors above 0 "
                     "and finite rates",
                     o.max_lr, o.div_factor, o.final_div_factor);
  }
  const double low = o.base_momentum, high = o.max_momentum;
  phases_.push_back({o.pct_start * total - 1, first, o.max_lr, high, low});
  if (o.three_phase) {
    phases_.push_back({2 * o.pct_start * total - 2, o.max_lr, first, low, high});
    phases_.push_back({total - 1, first, last, high, high});
  } else {
    phases_.push_back({total - 1, o.max_lr, last, low, high});
  }
  begin();
}

double OneCycleLR::value(Index step, double Phase::*from, double Phase::*to) const {
  if (step > options_.total_steps) {
    fail<ValueError>("OneCycleLR", "got step {}, expected at most total_steps = {}", step,
                     options_.total_steps);
  }
  double start = 0;
  std::size_t p = 0;
  while (p + 1 < phases_.size() && static_cast<double>(step) > phases_[p].end) {
    start = phases_[p++].end;
  }
  const Phase& phase = phases_[p];
  const double length = phase.end - start;  // 0 where pct_start is one step, or all of them
  const double part = length > 0 ? (static_cast<double>(step) - start) / length : 1;
  if (options_.linear) return (phase.*to - phase.*from) * part + phase.*from;
  return phase.*to + (phase.*from - phase.*to) / 2 * (std::cos(std::numbers::pi * part) + 1);
}

double OneCycleLR::lr_at(Index step, double) const { return value(step, &Phase::lr0, &Phase::lr1); }

void OneCycleLR::apply_others(Index step) {
  if (!options_.cycle_momentum) return;
  const double m = value(step, &Phase::momentum0, &Phase::momentum1);
  Optimizer* const o = &optimizer();
  const bool sgd = dynamic_cast<SGD*>(o), adam = dynamic_cast<Adam*>(o) || dynamic_cast<AdamW*>(o);
  for (auto& group : o->groups()) {  // another optimiser has one of the two, or neither
    if (!adam) group.options.momentum = m;
    if (!sgd) group.options.beta1 = m;
  }
}

SequentialLR::SequentialLR(Optimizer& optimizer, std::vector<std::shared_ptr<Scheduler>> schedulers,
                           std::vector<Index> milestones)
    : Scheduler(optimizer, -1),
      schedulers_(std::move(schedulers)),
      milestones_(std::move(milestones)) {
  if (schedulers_.empty() || milestones_.size() + 1 != schedulers_.size()) {
    fail<ValueError>("SequentialLR",
                     "got {} schedules and {} milestones, expected one milestone "
                     "between any two",
                     schedulers_.size(), milestones_.size());
  }
  // As if none had begun.
  for (std::size_t g = 0; g < base_.size(); ++g) optimizer.groups()[g].options.lr = base_[g];
  begin();
}
std::pair<std::size_t, Index> SequentialLR::part_at(Index step) const {
  std::size_t i = 0;
  while (i < milestones_.size() && step >= milestones_[i]) ++i;
  return {i, i ? milestones_[i - 1] : 0};
}
double SequentialLR::lr_at(Index step, double base) const {
  const auto [i, start] = part_at(step);
  return schedulers_[i]->lr_at(step - start, base);
}
double SequentialLR::next_rate(Index step, double base, double now, bool first) const {
  const auto [i, start] = part_at(step);
  if (i && step == start) return schedulers_[i]->lr_at(0, base);
  return schedulers_[i]->next_rate(step - start, base, now, first);
}

void SequentialLR::apply_others(Index step) {
  const auto [i, start] = part_at(step);
  schedulers_[i]->apply_others(step - start);
}

namespace {
Scheduler& first_of(const std::vector<std::shared_ptr<Scheduler>>& schedulers) {
  if (schedulers.empty() || !schedulers[0])
    fail<ValueError>("ChainedScheduler", "got no schedules, expected one or more");
  return *schedulers[0];
}
}  // namespace

ChainedScheduler::ChainedScheduler(std::vector<std::shared_ptr<Scheduler>> schedulers,
                                   const Optimizer* optimizer)
    : Scheduler(*first_of(schedulers).optimizer_, -1), schedulers_(std::move(schedulers)) {
  last_ = schedulers_[0]->last_;
  for (const auto& s : schedulers_) {
    if (!s || s->optimizer_ != optimizer_ || (optimizer && optimizer != optimizer_))
      fail<ValueError>("ChainedScheduler", "got schedules of several optimisers, expected one's");
    ahead_.push_back(s->last_ - last_);
  }
  check_groups();
  for (std::size_t g = 0; g < base_.size(); ++g) set_[g] = optimizer_->groups()[g].options.lr;
  alone_.assign(base_.size(), false);  // from the rate now: lr_at() goes a long way
  first_ = false;
}
double ChainedScheduler::lr_at(Index step, double base) const {
  double rate = base;
  for (Index i = 0; i <= step; ++i) rate = next_rate(i, base, rate, i == 0);
  return rate;
}
double ChainedScheduler::next_rate(Index step, double base, double now, bool first) const {
  for (std::size_t i = 0; i < schedulers_.size(); ++i)
    now = schedulers_[i]->next_rate(step + ahead_[i], base, now, first);
  return now;
}
void ChainedScheduler::apply_others(Index step) {
  for (std::size_t i = 0; i < schedulers_.size(); ++i)
    schedulers_[i]->apply_others(step + ahead_[i]);
}

}  // namespace weft::optim
