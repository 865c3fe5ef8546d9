#include <weft/nn/scheduler.h>

#include <weft/python/src/nn_module.h>
#include <weft/python/src/optim.h>
#include <weft/python/src/part.h>

// weft.optim.lr_scheduler. A schedule keeps its optimiser alive.
namespace weft::python {

// What __init__ was called with becomes the object's _arguments, by name, for copies and pickles.
struct Recorded {};

}  // namespace weft::python

template <>
struct pybind11::detail::process_attribute<weft::python::Recorded>
    : process_attribute_default<weft::python::Recorded> {
  static void postcall(function_call& call, handle) {
    dict given;
    for (std::size_t i = 1; i < call.args.size(); ++i) {
      const auto value = reinterpret_borrow<object>(call.args[i]);
      given[call.func.args[i].name] = isinstance<list>(value) ? object(list(tuple(value))) : value;
    }
    setattr(call.init_self, "_arguments", given);
  }
};

namespace weft::python {

using namespace optim;

namespace {

using KeepOptimizer = py::keep_alive<1, 2>;

void bind_base(py::module_& m) {
  py::classh<Scheduler, nn::Stateful> c(
      m, "LRScheduler",
      "The rates of an optimiser over time: making one sets the rate of step 0, step() that of the "
      "next. Where the program or another schedule changes a rate, a schedule goes on from "
      "there.\n\n"
      "last_epoch: the last step of a schedule that is resumed with an optimiser that has loaded "
      "its "
      "state; ValueError where that has no initial rates.",
      py::dynamic_attr());
  c.def("step", &Scheduler::step, "Sets the rates of the next step.");
  c.def("get_last_lr", &Scheduler::last_lr, "The rates that the last step set, one a group.");
  c.def_property_readonly("base_lrs", &Scheduler::base_lrs,
                          "The groups' rates before their first schedule.");
  c.def("lr_at", &Scheduler::lr_at, "The rate at a step, of a group that began with base.",
        "step"_a, "base"_a);
  c.def_property_readonly("last_epoch", &Scheduler::last_step, "Steps done.");
}

void bind_simple(py::module_& m) {
  py::classh<StepLR, Scheduler>(m, "StepLR",
                                "base * gamma^(step // step_size).\n\n"
                                ">>> sgd = weft.optim.SGD([nn.Parameter(weft.zeros(1))], lr=1.0)\n"
                                ">>> schedule = weft.optim.lr_scheduler.StepLR(sgd, step_size=2)\n"
                                ">>> rates = []\n"
                                ">>> for step in range(4):\n"
                                "...     rates += schedule.get_last_lr()\n"
                                "...     schedule.step()\n"
                                ">>> [round(r, 3) for r in rates]\n"
                                "[1.0, 1.0, 0.1, 0.1]")
      .def(py::init<Optimizer&, Index, double, Index>(), "optimizer"_a, "step_size"_a,
           "gamma"_a = 0.1, "last_epoch"_a = -1, KeepOptimizer(), Recorded());
  py::classh<MultiStepLR, Scheduler>(
      m, "MultiStepLR",
      "base * gamma^(the number of milestones reached).\n\n"
      ">>> sgd = weft.optim.SGD([nn.Parameter(weft.zeros(1))], lr=1.0)\n"
      ">>> schedule = weft.optim.lr_scheduler.MultiStepLR(sgd, [1, 3])\n"
      ">>> rates = []\n"
      ">>> for step in range(4):\n"
      "...     rates += schedule.get_last_lr()\n"
      "...     schedule.step()\n"
      ">>> [round(r, 3) for r in rates]\n"
      "[1.0, 0.1, 0.1, 0.01]")
      .def(py::init<Optimizer&, std::vector<Index>, double, Index>(), "optimizer"_a, "milestones"_a,
           "gamma"_a = 0.1, "last_epoch"_a = -1, KeepOptimizer(), Recorded());
  py::classh<CosineAnnealingLR, Scheduler>(
      m, "CosineAnnealingLR",
      "eta_min + (base - eta_min) * (1 + cos(pi * step / T_max)) / 2 (Loshchilov and Hutter "
      "2017).\n\n"
      ">>> sgd = weft.optim.SGD([nn.Parameter(weft.zeros(1))], lr=1.0)\n"
      ">>> schedule = weft.optim.lr_scheduler.CosineAnnealingLR(sgd, T_max=4)\n"
      ">>> rates = []\n"
      ">>> for step in range(5):\n"
      "...     rates += schedule.get_last_lr()\n"
      "...     schedule.step()\n"
      ">>> [round(r, 3) for r in rates]\n"
      "[1.0, 0.854, 0.5, 0.146, 0.0]")
      .def(py::init<Optimizer&, Index, double, Index>(), "optimizer"_a, "T_max"_a,
           "eta_min"_a = 0.0, "last_epoch"_a = -1, KeepOptimizer(), Recorded());
  py::classh<LinearLR, Scheduler>(
      m, "LinearLR",
      "base times a factor that goes in a line from start_factor to end_factor in total_iters "
      "steps.\n\n"
      ">>> sgd = weft.optim.SGD([nn.Parameter(weft.zeros(1))], lr=1.0)\n"
      ">>> schedule = weft.optim.lr_scheduler.LinearLR(sgd, 0.5, total_iters=2)\n"
      ">>> rates = []\n"
      ">>> for step in range(4):\n"
      "...     rates += schedule.get_last_lr()\n"
      "...     schedule.step()\n"
      ">>> [round(r, 3) for r in rates]\n"
      "[0.5, 0.75, 1.0, 1.0]")
      .def(py::init<Optimizer&, double, double, Index, Index>(), "optimizer"_a,
           "start_factor"_a = 1.0 / 3, "end_factor"_a = 1.0, "total_iters"_a = 5,
           "last_epoch"_a = -1, KeepOptimizer(), Recorded());
  py::classh<LambdaLR, Scheduler>(
      m, "LambdaLR",
      "base * lr_lambda(step).\n\n"
      ">>> sgd = weft.optim.SGD([nn.Parameter(weft.zeros(1))], lr=1.0)\n"
      ">>> schedule = weft.optim.lr_scheduler.LambdaLR(sgd, lambda step: 1 / (step + 1))\n"
      ">>> rates = []\n"
      ">>> for step in range(3):\n"
      "...     rates += schedule.get_last_lr()\n"
      "...     schedule.step()\n"
      ">>> [round(r, 3) for r in rates]\n"
      "[1.0, 0.5, 0.333]")
      .def(py::init<Optimizer&, std::function<double(Index)>, Index>(), "optimizer"_a,
           "lr_lambda"_a, "last_epoch"_a = -1, KeepOptimizer(), Recorded());
  py::classh<SequentialLR, Scheduler>(
      m, "SequentialLR",
      "One schedule after the other: schedule i begins, at its own step 0, at milestones[i - "
      "1].\n\n"
      ">>> sgd = weft.optim.SGD([nn.Parameter(weft.zeros(1))], lr=1.0)\n"
      ">>> from weft.optim.lr_scheduler import CosineAnnealingLR, LinearLR, SequentialLR\n"
      ">>> warm, rest = LinearLR(sgd, 0.5, total_iters=2), CosineAnnealingLR(sgd, T_max=2)\n"
      ">>> schedule = SequentialLR(sgd, [warm, rest], [2])\n"
      ">>> rates = []\n"
      ">>> for step in range(4):\n"
      "...     rates += schedule.get_last_lr()\n"
      "...     schedule.step()\n"
      ">>> [round(r, 3) for r in rates]\n"
      "[0.5, 0.75, 1.0, 0.5]")
      .def(py::init<Optimizer&, std::vector<std::shared_ptr<Scheduler>>, std::vector<Index>>(),
           "optimizer"_a, "schedulers"_a, "milestones"_a, KeepOptimizer(), Recorded());
}

void bind_chain(py::module_& m) {
  py::classh<ChainedScheduler, Scheduler>(
      m, "ChainedScheduler",
      "All of several schedules of one optimiser at each step, one after the other. They begin "
      "where they are; only this one's step() is called then.\n\n"
      ">>> sgd = weft.optim.SGD([nn.Parameter(weft.zeros(1))], lr=1.0)\n"
      ">>> from weft.optim.lr_scheduler import ChainedScheduler, LinearLR, StepLR\n"
      ">>> parts = [LinearLR(sgd, 0.5, total_iters=2), StepLR(sgd, 2, gamma=0.1)]\n"
      ">>> schedule = ChainedScheduler(parts)\n"
      ">>> rates = []\n"
      ">>> for step in range(4):\n"
      "...     rates += schedule.get_last_lr()\n"
      "...     schedule.step()\n"
      ">>> [round(r, 3) for r in rates]\n"
      "[0.5, 0.75, 0.1, 0.1]")
      .def(py::init<std::vector<std::shared_ptr<Scheduler>>, const Optimizer*>(), "schedulers"_a,
           "optimizer"_a = py::none(), Recorded());
}

bool is_linear(const std::string& strategy) {
  if (strategy != "cos" && strategy != "linear") {
    throw py::value_error("got anneal_strategy \"" + strategy + "\", expected cos or linear");
  }
  return strategy == "linear";
}

void bind_one_cycle(py::module_& m) {
  using MaybeIndex = std::optional<Index>;
  py::classh<OneCycleLR, Scheduler>(
      m, "OneCycleLR",
      "From max_lr / div_factor up to max_lr, down to max_lr / div_factor / final_div_factor; the "
      "momentum the other way (Smith and Topin 2018). total_steps, or epochs and "
      "steps_per_epoch.\n\n"
      ">>> sgd = weft.optim.SGD([nn.Parameter(weft.zeros(1))], lr=1.0)\n"
      ">>> schedule = weft.optim.lr_scheduler.OneCycleLR(sgd, 1.0, total_steps=5, "
      "cycle_momentum=False)\n"
      ">>> rates = []\n"
      ">>> for step in range(4):\n"
      "...     rates += schedule.get_last_lr()\n"
      "...     schedule.step()\n"
      ">>> [round(r, 3) for r in rates]\n"
      "[0.04, 0.95, 0.611, 0.188]")
      .def(py::init([](Optimizer& optimizer, double max_lr, MaybeIndex total, MaybeIndex epochs,
                       MaybeIndex per_epoch, double pct_start, const std::string& strategy,
                       bool cycle_momentum, double base, double max, double div, double final_div,
                       bool three_phase, Index last_epoch) {
             if (!total && !(epochs && per_epoch)) {
               throw py::value_error("got no total_steps, and not both epochs and steps_per_epoch");
             }
             const Index steps = total ? *total : *epochs * *per_epoch;
             return std::make_unique<OneCycleLR>(
                 optimizer,
                 OneCycleOptions{max_lr, steps, pct_start, is_linear(strategy), cycle_momentum,
                                 base, max, div, final_div, three_phase},
                 last_epoch);
           }),
           "optimizer"_a, "max_lr"_a, "total_steps"_a = py::none(), "epochs"_a = py::none(),
           "steps_per_epoch"_a = py::none(), "pct_start"_a = 0.3, "anneal_strategy"_a = "cos",
           "cycle_momentum"_a = true, "base_momentum"_a = 0.85, "max_momentum"_a = 0.95,
           "div_factor"_a = 25.0, "final_div_factor"_a = 1e4, "three_phase"_a = false,
           "last_epoch"_a = -1, KeepOptimizer(), Recorded());
}

}  // namespace

void bind_schedules(py::module_& optim) {
  py::module_ m =
      add_part(optim, "lr_scheduler", "weft.optim.lr_scheduler", "Learning rates over time.");
  bind_base(m);
  bind_simple(m);
  bind_chain(m);
  bind_one_cycle(m);
}

}  // namespace weft::python
