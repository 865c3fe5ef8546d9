#pragma once

#include <pybind11/trampoline_self_life_support.h>
#include <weft/nn/optim.h>
#include <weft/python/src/caster.h>

namespace weft::python {

void bind_schedules(py::module_& optim);
void bind_python_optimizer(py::classh<optim::Optimizer, nn::Stateful, class PythonOptimizer>& c);

// The tensors of an iterable of tensors, or of pairs of name and tensor.
std::vector<Tensor> parameters_of(const py::handle& params);
// Sets an option of a group; false if there is none of that name.
bool set_option(OptimizerOptions& o, const std::string& key, const py::handle& value);

// What a class of Python that derives from weft.optim.Optimizer is in C++: groups whose options
// schedules know, and a state that Python gathers and takes (python/weft/optim/_own.py).
class PythonOptimizer : public optim::Optimizer, public py::trampoline_self_life_support {
 public:
  // names: of the options that C++ keeps.
  explicit PythonOptimizer(std::vector<std::string> names)
      : Optimizer(OptimizerId::SGD), names_(std::move(names)) {}
  void add_group(std::vector<Tensor> params, const OptimizerOptions& options) {
    add(std::move(params), options);
  }
  void step() override;
  const std::vector<std::string>& names() const { return names_; }
  nn::StateDict state_dict() const override;
  std::vector<std::string> mismatches(const nn::StateDict& state) const override;

 private:
  std::string state_name() const override;
  std::function<void()> prepare_state(const nn::StateDict& state) override;
  py::object call(const char* method) const;
  std::vector<std::string> names_;
};
void bind_amp(py::module_& m);

}  // namespace weft::python
