#pragma once

#include <functional>
#include <iosfwd>
#include <memory>

#include <weft/nn/state.h>

// A module is a function with parameters. A network is a class with its parts as members:
//
//   struct Net : nn::Module {
//     nn::Linear& hidden = add<nn::Linear>("hidden", 784, 64);
//     nn::Linear& out = add<nn::Linear>("out", 64, 10);
//     Tensor forward(const Tensor& x) override { return out(relu(hidden(x))); }
//     Shape output_shape(const Shape& x) const override { return out.infer(hidden.infer(x)); }
//   };
//
// or a chain: nn::Sequential net(nn::Linear(784, 64), nn::ReLU(), nn::Linear(64, 10)). Modules own
// their parts and can be moved, not copied. A size of 0 among a layer's inputs (nn::Linear(0, 10))
// is found out when the module first runs, in materialize() or when a state is loaded.
namespace weft::nn {

class Module;
struct Summary;

using NamedTensors = std::vector<std::pair<std::string, Tensor>>;
using NamedModules = std::vector<std::pair<std::string, Module*>>;

// One parameter or buffer of a layer that gets an input of a known shape; a size of 0 is not known.
struct ParameterShape {
  const char* name;
  Shape shape;
  std::optional<DType> dtype = {};  // of the module (f32 unless to() said otherwise) if not given
};

class WEFT_API Module : public Stateful {
 public:
  struct Parts;  // the library's own
  ~Module() override;
  Module(Module&&) noexcept;
  Module& operator=(Module&&) = delete;

  // What the module computes; call it as module(x). The default throws NotImplementedError.
  virtual Tensor forward(const Tensor& x);
  // Strong guarantee: if it throws, running statistics, parameters that were to be made and the
  // default generator are as before (nn/attempt.h).
  Tensor operator()(const Tensor& x);
  // relu(module(x)), in one pass where the module's op can do that.
  virtual Tensor forward_relu(const Tensor& x);
  // gelu(module(x), approximate), likewise.
  virtual Tensor forward_gelu(const Tensor& x, const char* approximate);

  // ---- Hooks: functions that see each call of this module
  using ForwardPreHook = std::function<Tensor(Module&, const Tensor& x)>;
  using ForwardHook = std::function<Tensor(Module&, const Tensor& x, const Tensor& y)>;
  // Before forward(): what it returns, if defined, is taken for x. Returns a number for
  // remove_hook().
  Index register_forward_pre_hook(ForwardPreHook hook);
  // After forward(): what it returns, if defined, is taken for y.
  Index register_forward_hook(ForwardHook hook);
  void remove_hook(Index number);
  bool has_hooks() const;

  // ---- Shapes without running
  // The shape that forward() would return, or a ShapeError. The default throws NotImplementedError;
  // a module of parts calls infer() of each.
  virtual Shape output_shape(const Shape& input) const;
  // output_shape(), seen by summary() and materialize().
  Shape infer(const Shape& input) const;
  // A row for each layer, with output shape, parameters and memory; nothing is allocated.
  // input: with the batch dimension.
  Summary summary(const Shape& input) const;
  // Makes the parameters that wait for an input's shape; returns the output's. Strong guarantee.
  Shape materialize(const Shape& input);

  // ---- Parameters, buffers, parts: in the order of registration, names joined by "."
  // Throws Error while a parameter waits for an input's shape. Shared ones come once, unless
  // remove_duplicate is false.
  std::vector<Tensor> parameters() const;
  NamedTensors named_parameters(bool remove_duplicate = true) const;
  NamedTensors named_buffers(bool remove_duplicate = true) const;
  NamedModules named_modules();  // the first is this one, named ""
  NamedModules named_children();
  Index parameter_count() const;
  // Sets grad() of every parameter to undefined, or fills those that are there with zeros.
  void zero_grad(bool set_to_none = true);
  // f for every part, then for this module.
  Module& apply(const std::function<void(Module&)>& f);
  Module& requires_grad_(bool value = true);

  // ---- Modes
  // Whether dropout drops and batch norm takes the batch's statistics; parts follow.
  Module& train(bool on = true);
  Module& eval() { return train(false); }
  bool training() const { return training_; }

  // Converts parameters and buffers of floating dtype; handles to them (an optimiser's) follow.
  // Strong guarantee.
  Module& to(DType dtype);
  Module& to(Device device);

  // ---- State: parameters and buffers
  StateDict state_dict() const override;
  std::vector<std::string> mismatches(const StateDict& state) const override;
  // strict = false: loads what fits by name, and returns the mismatches; shapes must still agree.
  std::vector<std::string> load_matching(const StateDict& state);

  // Draws the initial values anew; parts do not follow (apply() reaches all).
  virtual void reset_parameters() {}

  // The tree, as PyTorch prints it.
  std::string str() const;
  // The class, for printing: "Linear".
  virtual std::string kind() const { return "Module"; }
  // What stands in the parentheses: "in_features=784, out_features=64, bias=True".
  virtual std::string extra_repr() const { return {}; }

 protected:
  Module();

  // Registers a parameter, buffer or part and returns it, for a reference member. A tensor left
  // undefined is absent, or made by build() if parameter_shapes() has it. Names are unique and have
  // no "."; ValueError otherwise.
  Tensor& parameter(const char* name, const Tensor& value = {});
  Tensor& buffer(const char* name, const Tensor& value = {}, bool persistent = true);
  template <class M, class... A>
  M& add(const std::string& name, A&&... arguments) {
    auto part = std::make_shared<M>(std::forward<A>(arguments)...);
    M& reference = *part;
    add_module(name, std::move(part));
    keep_last_module();
    return reference;
  }
  void add_module(const std::string& name, std::shared_ptr<Module> part);
  // The module refers to the part added last, which is not to be replaced or removed.
  void keep_last_module();

  // Whether Sequential may call forward_relu() and forward_gelu() in the place of forward() and the
  // activation. A layer of the library says no in a class that derives from it, whose forward() may
  // be another; one that overrides all three says yes.
  virtual bool fuses() const { return true; }
  // What the layer's own parameters and buffers look like for that input ({}: not known yet).
  virtual std::vector<ParameterShape> parameter_shapes(const Shape& input) const;
  // Allocates them and calls reset_parameters(). A layer whose sizes are known calls it at once.
  void build(const Shape& input);
  bool built() const;

  std::string state_name() const override { return kind(); }
  std::function<void()> prepare_state(const StateDict& state) override;

 private:
  friend class ModuleTree;
  Tensor run(const Tensor& x);
  Tensor run_with_hooks(const Tensor& x);
  std::shared_ptr<Parts> parts_;
  bool training_ = true;
};

// One layer in a summary.
struct SummaryRow {
  std::string name, kind;
  int depth = 0;
  bool leaf = true;  // has no parts
  Shape output;
  Index parameters = 0;  // its own, without those of its parts
};

// Bytes: parameters as their dtype, activations as f32 and only those of the layers without parts.
struct WEFT_API Summary {
  std::vector<SummaryRow> rows;
  Shape input, output;
  Index parameters = 0, trainable = 0;
  std::size_t parameter_bytes = 0, activation_bytes = 0;
  // A table.
  std::string str() const;
};

WEFT_API std::ostream& operator<<(std::ostream&, const Module&);
WEFT_API std::ostream& operator<<(std::ostream&, const Summary&);

}  // namespace weft::nn
