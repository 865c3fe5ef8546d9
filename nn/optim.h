#pragma once

#include <memory>
#include <optional>
#include <span>

#include <weft/nn/state.h>
#include <weft/ops/kernels.h>

// Optimisers: formulas, names and defaults of torch.optim.
//
//   optim::SGD sgd(net.parameters(), {.lr = 0.1, .momentum = 0.9});
//   loss.backward(); sgd.step(); sgd.zero_grad();
namespace weft::optim {

struct SGDOptions {
  double lr = 1e-3, momentum = 0, dampening = 0, weight_decay = 0;
  bool nesterov = false, maximize = false;
};

struct AdamOptions {
  double lr = 1e-3, beta1 = 0.9, beta2 = 0.999, eps = 1e-8, weight_decay = 0;
  bool amsgrad = false, maximize = false;
};

struct AdamWOptions {
  double lr = 1e-3, beta1 = 0.9, beta2 = 0.999, eps = 1e-8, weight_decay = 1e-2;
  bool amsgrad = false, maximize = false;
};

class WEFT_API Optimizer : public nn::Stateful {
 public:
  // Parameters that share options; the options may be changed between steps.
  struct Group {
    std::vector<Tensor> params;
    OptimizerOptions options;               // its `step` is not used
    std::optional<double> initial_lr = {};  // the rate before the first schedule changed it
  };

  // Updates each parameter that has a gradient. Strong guarantee: if anything is wrong with a
  // gradient, or memory for the state runs out, nothing has changed. In a graph that is captured
  // (core/cuda_graph.h), which the optimiser must outlive (else replay() throws Error), each replay
  // is a step of its own with the options of then; the first step, which makes the state, comes
  // before.
  virtual void step();
  // Sets grad() of every parameter to undefined, or fills those that are there with zeros.
  void zero_grad(bool set_to_none = true);

  std::vector<Group>& groups() { return groups_; }
  const std::vector<Group>& groups() const { return groups_; }

  // Options as groups.0.lr, ... (initial_lr once there was a schedule); what was gathered as
  // state.0.momentum_buffer (exp_avg, ...), counted over all groups.
  nn::StateDict state_dict() const override;
  std::vector<std::string> mismatches(const nn::StateDict& state) const override;

 protected:
  explicit Optimizer(OptimizerId id) : id_(id) {}
  void add(std::vector<Tensor> params, const OptimizerOptions& options);
  std::function<void()> prepare_state(const nn::StateDict& state) override;

 private:
  struct Memory {
    Tensor buffers[3];
    Index steps = 0;
  };
  // What a captured graph asks whether the optimiser is still there; each has its own.
  class Life {
   public:
    Life() = default;
    Life(const Life&) {}
    Life& operator=(const Life&) { return *this; }
    std::weak_ptr<const char> watched() const { return token_; }

   private:
    std::shared_ptr<const char> token_ = std::make_shared<const char>();
  };
  struct Update;
  std::vector<Update> prepare();
  OptimizerOptions options_now(std::size_t group, const Memory& memory, bool first) const;
  void share_terms(const std::vector<Update>& updates, std::vector<OptimizerItem>& items);
  int buffer_count(const OptimizerOptions& options) const;
  std::span<const char* const> buffer_names() const;

  OptimizerId id_;
  std::vector<Group> groups_;
  std::vector<Memory> memory_;  // of the parameters of all groups, in order
  Life life_;
};

// p -= lr * g with g += weight_decay * p; with momentum the gathered
// v = momentum * v + (1 - dampening) * g instead of g (the first v is g), or g + momentum * v
// (Nesterov).
class WEFT_API SGD : public Optimizer {
 public:
  SGD(std::vector<Tensor> params, const SGDOptions& options);
  void add_group(std::vector<Tensor> params, const SGDOptions& options);

 private:
  std::string state_name() const override { return "SGD"; }
};

// Kingma and Ba 2015; weight decay is added to the gradient.
class WEFT_API Adam : public Optimizer {
 public:
  Adam(std::vector<Tensor> params, const AdamOptions& options = {});
  void add_group(std::vector<Tensor> params, const AdamOptions& options = {});

 private:
  std::string state_name() const override { return "Adam"; }
};

// Loshchilov and Hutter 2019; weight decay shrinks the parameter itself by lr * weight_decay.
class WEFT_API AdamW : public Optimizer {
 public:
  AdamW(std::vector<Tensor> params, const AdamWOptions& options = {});
  void add_group(std::vector<Tensor> params, const AdamWOptions& options = {});

 private:
  std::string state_name() const override { return "AdamW"; }
};

}  // namespace weft::optim
