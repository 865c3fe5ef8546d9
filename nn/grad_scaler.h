#pragma once

#include <map>

#include <weft/nn/optim.h>

// Loss scaling, which keeps small f16 gradients from becoming zero: names, defaults and numbers of
// torch.amp.GradScaler (Micikevicius et al. 2018, "Mixed precision training").
//
//   amp::GradScaler scaler;
//   scaler.scale(loss).backward(); scaler.step(optimizer); scaler.update();
namespace weft::amp {

struct GradScalerOptions {
  double init_scale = 65536, growth_factor = 2, backoff_factor = 0.5;
  Index growth_interval = 2000;  // steps without inf and NaN after which the scale grows
  bool enabled = true;           // false: all is passed on as it is
};

class WEFT_API GradScaler : public nn::Stateful {
 public:
  // ValueError for numbers that cannot be.
  explicit GradScaler(const GradScalerOptions& options = {});

  // x times the scale, on the tape.
  Tensor scale(const Tensor& x) const;
  // Divides the gradients of the optimiser's parameters by the scale, and notes whether one has an
  // inf or a NaN; for work on gradients between backward() and step(). Once between two update()s,
  // else Error.
  void unscale_(optim::Optimizer& optimizer);
  // Unless that was done: unscale_(). Then optimizer.step(), unless a gradient had an inf or a NaN;
  // returns whether it stepped. Waits for the device, as it must know.
  bool step(optim::Optimizer& optimizer);
  // The scale for the next steps: times backoff_factor if any step since the last update() was left
  // out, times growth_factor if growth_interval steps in a row were not. Error if no optimiser was
  // unscaled since.
  void update();

  double get_scale() const { return options_.enabled ? scale_ : 1; }
  bool is_enabled() const { return options_.enabled; }

  nn::StateDict state_dict() const override;
  std::vector<std::string> mismatches(const nn::StateDict& state) const override;

 protected:
  std::string state_name() const override { return "GradScaler"; }
  std::function<void()> prepare_state(const nn::StateDict& state) override;

 private:
  struct Seen {
    bool finite = true, stepped = false;
  };

  GradScalerOptions options_;
  double scale_;
  Index good_steps_ = 0;                          // in a row
  std::map<const optim::Optimizer*, Seen> seen_;  // since the last update()
};

}  // namespace weft::amp
