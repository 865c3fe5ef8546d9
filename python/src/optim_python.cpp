#include <weft/core/check.h>

#include <weft/python/src/held.h>
#include <weft/python/src/nn_module.h>
#include <weft/python/src/optim.h>

// Optimisers whose classes are Python's.
namespace weft::python {

// The object's method of that name. With the interpreter's lock.
py::object PythonOptimizer::call(const char* method) const {
  py::function f = py::get_override(static_cast<const optim::Optimizer*>(this), method);
  if (!f) fail<NotImplementedError>("Optimizer", "got one without {}() of its own", method);
  return f;
}

void PythonOptimizer::step() {
  const py::gil_scoped_acquire lock;
  call("step")();
}

nn::StateDict PythonOptimizer::state_dict() const {
  const py::gil_scoped_acquire lock;
  return to_state(call("_gather_state")());
}

std::vector<std::string> PythonOptimizer::mismatches(const nn::StateDict& state) const {
  const py::gil_scoped_acquire lock;
  return call("_find_mismatches")(to_dict(state)).cast<std::vector<std::string>>();
}

std::function<void()> PythonOptimizer::prepare_state(const nn::StateDict& state) {
  const py::gil_scoped_acquire lock;
  return [take = Held(call("_prepare_state")(to_dict(state)))] {
    const py::gil_scoped_acquire locked;
    take.get()();
  };
}

std::string PythonOptimizer::state_name() const {
  const py::gil_scoped_acquire lock;
  const auto self = py::cast(static_cast<const optim::Optimizer*>(this));
  return py::type::of(self).attr("__name__").cast<std::string>();
}

void bind_python_optimizer(py::classh<optim::Optimizer, nn::Stateful, PythonOptimizer>& c) {
  c.def(py::init([](std::vector<std::string> names) {
          return std::make_unique<PythonOptimizer>(std::move(names));
        }),
        "names"_a);
  c.def("_add_group", [](optim::Optimizer& o, const py::object& params, const py::dict& given) {
    OptimizerOptions options;
    for (const auto& [key, value] : given) {
      set_option(options, py::cast<std::string>(key), value);
    }
    dynamic_cast<PythonOptimizer&>(o).add_group(parameters_of(params), options);
  });
}

}  // namespace weft::python
