#pragma once

#include <functional>
#include <memory>

#include <weft/nn/optim.h>

// Learning rates over time: names, defaults and numbers of torch.optim.lr_scheduler. Each is a
// function of the step alone, as long as nothing else changes the rate; making one sets the rate of
// step 0, step() that of the next. Where something does (the program, another schedule of the same
// optimiser), a schedule goes on from the rate that it finds: StepLR multiplies that by gamma.
// Steps are epochs or batches, as the caller likes. The optimiser must outlive the schedule.
//
// last_epoch: the last step of a schedule that is resumed, whose optimiser knows its initial rates
// from a state; the schedule goes on behind it, from the rates that the optimiser has.
namespace weft::optim {

class WEFT_API Scheduler : public nn::Stateful {
 public:
  void step();
  // Steps done.
  Index last_step() const { return last_; }
  // The rates that the last step set, one a group.
  const std::vector<double>& last_lr() const { return set_; }
  // The groups' rates before their first schedule.
  const std::vector<double>& base_lrs() const { return base_; }
  // The rate of a group at a step; base is one of base_lrs().
  virtual double lr_at(Index step, double base) const = 0;

  nn::StateDict state_dict() const override;
  std::vector<std::string> mismatches(const nn::StateDict& state) const override;

 protected:
  // initial: of all groups, where the kind does not begin with their rates.
  Scheduler(Optimizer& optimizer, Index last_epoch, std::optional<double> initial = {});
  // The first step: the constructors of kinds call it.
  void begin();
  // Sets the options of all groups for step last_step().
  void apply();
  // Sets what is no rate for a step (a momentum).
  virtual void apply_others(Index) {}
  // The rate at a step, from the rate `now`; first: the schedule has just been made.
  virtual double next_rate(Index step, double base, double now, bool first) const;
  Optimizer& optimizer() const { return *optimizer_; }
  std::function<void()> prepare_state(const nn::StateDict& state) override;

 private:
  friend class SequentialLR;
  friend class ChainedScheduler;
  void check_groups() const;
  bool alone(std::size_t group) const;
  Optimizer* optimizer_;
  std::vector<double> base_, set_;
  std::vector<bool> alone_;  // of each group: nothing else has changed the rate
  Index last_ = 0;
  bool first_ = true;
};

// base * gamma^(step / step_size), rounded down.
class WEFT_API StepLR : public Scheduler {
 public:
  StepLR(Optimizer& optimizer, Index step_size, double gamma = 0.1, Index last_epoch = -1);
  double lr_at(Index step, double base) const override;

 private:
  double next_rate(Index step, double base, double now, bool first) const override;
  std::string state_name() const override { return "StepLR"; }
  Index size_;
  double gamma_;
};

// base * gamma^(the number of milestones reached).
class WEFT_API MultiStepLR : public Scheduler {
 public:
  MultiStepLR(Optimizer& optimizer, std::vector<Index> milestones, double gamma = 0.1,
              Index last_epoch = -1);
  double lr_at(Index step, double base) const override;

 private:
  double next_rate(Index step, double base, double now, bool first) const override;
  std::string state_name() const override { return "MultiStepLR"; }
  std::vector<Index> milestones_;
  double gamma_;
};

// eta_min + (base - eta_min) * (1 + cos(pi * step / T_max)) / 2 (Loshchilov and Hutter 2017).
class WEFT_API CosineAnnealingLR : public Scheduler {
 public:
  CosineAnnealingLR(Optimizer& optimizer, Index T_max, double eta_min = 0, Index last_epoch = -1);
  double lr_at(Index step, double base) const override;

 private:
  double next_rate(Index step, double base, double now, bool first) const override;
  std::string state_name() const override { return "CosineAnnealingLR"; }
  Index t_max_;
  double eta_min_;
};

// base times a factor that goes in a line from start_factor to end_factor in total_steps steps: a
// warm-up.
class WEFT_API LinearLR : public Scheduler {
 public:
  LinearLR(Optimizer& optimizer, double start_factor = 1.0 / 3, double end_factor = 1,
           Index total_steps = 5, Index last_epoch = -1);
  double lr_at(Index step, double base) const override;

 private:
  double next_rate(Index step, double base, double now, bool first) const override;
  std::string state_name() const override { return "LinearLR"; }
  double start_, end_;
  Index total_;
};

// base * factor(step).
class WEFT_API LambdaLR : public Scheduler {
 public:
  LambdaLR(Optimizer& optimizer, std::function<double(Index)> factor, Index last_epoch = -1);
  double lr_at(Index step, double base) const override;

 private:
  std::string state_name() const override { return "LambdaLR"; }
  std::function<double(Index)> factor_;
};

struct OneCycleOptions {
  double max_lr = 0;
  Index total_steps = 0;
  double pct_start = 0.3;
  bool linear = false;         // else along a cosine
  bool cycle_momentum = true;  // momentum of SGD, beta1 of Adam
  double base_momentum = 0.85, max_momentum = 0.95;
  double div_factor = 25, final_div_factor = 1e4;
  bool three_phase = false;
};

// From max_lr / div_factor up to max_lr, down to max_lr / div_factor / final_div_factor; the
// momentum the other way (Smith and Topin 2018). ValueError on a step beyond total_steps.
class WEFT_API OneCycleLR : public Scheduler {
 public:
  OneCycleLR(Optimizer& optimizer, const OneCycleOptions& options, Index last_epoch = -1);
  double lr_at(Index step, double base) const override;

 private:
  std::string state_name() const override { return "OneCycleLR"; }
  void apply_others(Index step) override;
  struct Phase {
    double end, lr0, lr1, momentum0, momentum1;
  };
  double value(Index step, double Phase::*from, double Phase::*to) const;
  OneCycleOptions options_;
  std::vector<Phase> phases_;
};

// One schedule after the other: schedule i begins, at its own step 0, at milestones[i - 1]. All
// must be of this optimiser.
class WEFT_API SequentialLR : public Scheduler {
 public:
  SequentialLR(Optimizer& optimizer, std::vector<std::shared_ptr<Scheduler>> schedulers,
               std::vector<Index> milestones);
  double lr_at(Index step, double base) const override;

 private:
  double next_rate(Index step, double base, double now, bool first) const override;
  void apply_others(Index step) override;
  // Which schedule has a step, and where it begins.
  std::pair<std::size_t, Index> part_at(Index step) const;
  std::string state_name() const override { return "SequentialLR"; }
  std::vector<std::shared_ptr<Scheduler>> schedulers_;
  std::vector<Index> milestones_;
};

// All of several schedules of one optimiser at each step, one after the other. They begin where
// they are; this one's steps are not theirs. An optimizer that is named must be theirs.
class WEFT_API ChainedScheduler : public Scheduler {
 public:
  explicit ChainedScheduler(std::vector<std::shared_ptr<Scheduler>> schedulers,
                            const Optimizer* optimizer = nullptr);
  // Goes through all steps before.
  double lr_at(Index step, double base) const override;

 private:
  double next_rate(Index step, double base, double now, bool first) const override;
  void apply_others(Index step) override;
  std::string state_name() const override { return "ChainedScheduler"; }
  std::vector<std::shared_ptr<Scheduler>> schedulers_;
  std::vector<Index> ahead_;  // how many steps each was ahead of this one
};

}  // namespace weft::optim
