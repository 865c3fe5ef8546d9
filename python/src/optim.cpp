#include <weft/nn/optim.h>

#include <weft/autograd/mode.h>
#include <weft/core/check.h>

#include <weft/python/src/nn_module.h>
#include <weft/python/src/optim.h>
#include <weft/python/src/part.h>

// weft.optim: optimisers with PyTorch's constructors and groups of parameters.
namespace weft::python {

using namespace optim;

namespace {

using Betas = std::pair<double, double>;

// ---- Options of a group by name

template <class T>
bool take(const std::string& key, const char* name, const py::handle& value, T& option) {
  if (key != name) return false;
  option = value.cast<T>();
  return true;
}

}  // namespace

bool set_option(OptimizerOptions& o, const std::string& key, const py::handle& value) {
  if (key == "betas") {
    std::tie(o.beta1, o.beta2) = value.cast<Betas>();
    return true;
  }
  return take(key, "lr", value, o.lr) || take(key, "momentum", value, o.momentum) ||
         take(key, "dampening", value, o.dampening) ||
         take(key, "weight_decay", value, o.weight_decay) || take(key, "eps", value, o.eps) ||
         take(key, "nesterov", value, o.nesterov) || take(key, "maximize", value, o.maximize) ||
         take(key, "amsgrad", value, o.amsgrad);
}

namespace {

py::object option(const OptimizerOptions& o, const std::string& key) {
  const std::pair<const char*, py::object> all[] = {{"lr", py::float_(o.lr)},
                                                    {"momentum", py::float_(o.momentum)},
                                                    {"dampening", py::float_(o.dampening)},
                                                    {"weight_decay", py::float_(o.weight_decay)},
                                                    {"eps", py::float_(o.eps)},
                                                    {"betas", py::make_tuple(o.beta1, o.beta2)},
                                                    {"nesterov", py::bool_(o.nesterov)},
                                                    {"maximize", py::bool_(o.maximize)},
                                                    {"amsgrad", py::bool_(o.amsgrad)}};
  for (const auto& [name, value] : all) {
    if (key == name) return value;
  }
  throw py::key_error(key);
}

std::vector<std::string> option_names(const Optimizer& o) {
  if (const auto* own = dynamic_cast<const PythonOptimizer*>(&o)) return own->names();
  if (dynamic_cast<const SGD*>(&o)) {
    return {"lr", "momentum", "dampening", "weight_decay", "nesterov", "maximize"};
  }
  return {"lr", "betas", "eps", "weight_decay", "amsgrad", "maximize"};
}

// ---- Groups as PyTorch gives them: tensors, or dicts with "params" and options of their own

}  // namespace

std::vector<Tensor> parameters_of(const py::handle& params) {
  if (is_tensor(params.ptr())) return {tensor_of(params.ptr())};
  std::vector<Tensor> list;
  for (const py::handle p : params) {
    const bool named = py::isinstance<py::tuple>(p) && py::len(p) == 2;
    const auto t =
        py::reinterpret_borrow<py::object>(named ? PyTuple_GET_ITEM(p.ptr(), 1) : p.ptr());
    if (!is_tensor(t.ptr())) {
      throw py::type_error("got a parameter of type " + std::string(Py_TYPE(t.ptr())->tp_name) +
                           ", expected a tensor");
    }
    list.push_back(tensor_of(t.ptr()));
  }
  return list;
}

namespace {

struct GivenGroup {
  std::vector<Tensor> params;
  py::dict options;
};

GivenGroup given_group(const py::dict& d) {
  if (!d.contains("params")) throw py::value_error("got a group without \"params\"");
  GivenGroup group{parameters_of(d["params"]), py::dict()};
  for (const auto& [key, value] : d) {
    if (!key.equal(py::str("params"))) group.options[key] = value;
  }
  return group;
}

std::vector<GivenGroup> given_groups(const py::object& params) {
  if (is_tensor(params.ptr())) {
    throw py::type_error("got one tensor for params, expected an iterable of tensors or dicts");
  }
  const py::list list(params);
  if (list.empty() || !py::isinstance<py::dict>(list[0]))
    return {{parameters_of(list), py::dict()}};
  std::vector<GivenGroup> groups;
  for (const py::handle d : list) groups.push_back(given_group(d.cast<py::dict>()));
  return groups;
}

// How PyTorch goes through parameters; here it is one pass a device always, so it is no choice.
struct Ways {
  std::optional<bool> foreach, fused;
  bool capturable = false, differentiable = false;
  void check() const {
    if (foreach.value_or(false) && fused.value_or(false))
      fail<ValueError>("Optimizer", "got foreach and fused, expected one of them at most");
    if (differentiable)
      fail<NotImplementedError>("Optimizer", "got differentiable=True, expected False");
  }
};

bool is_way(const std::string& name) {
  return name == "foreach" || name == "fused" || name == "capturable" || name == "differentiable" ||
         name == "initial_lr";
}

// Options of a class with those of a group in their place.
template <class Options>
Options with(Options o, const py::dict& changes) {
  for (const auto& [key, value] : changes) {
    const auto name = py::cast<std::string>(key);
    bool known = take(name, "lr", value, o.lr) ||
                 take(name, "weight_decay", value, o.weight_decay) ||
                 take(name, "maximize", value, o.maximize);
    if constexpr (requires { o.momentum; }) {
      known = known || take(name, "momentum", value, o.momentum) ||
              take(name, "dampening", value, o.dampening) ||
              take(name, "nesterov", value, o.nesterov);
    } else {
      known = known || take(name, "eps", value, o.eps) || take(name, "amsgrad", value, o.amsgrad);
      if (name == "betas") {
        std::tie(o.beta1, o.beta2) = py::cast<Betas>(value);
        known = true;
      }
    }
    if (!known && !is_way(name))
      throw py::type_error("got an unknown option " + name + " in a group");
  }
  return o;
}

// An optimiser with the options that its constructor had: those of groups to come.
template <class Base, class Options>
class WithDefaults : public Base {
 public:
  WithDefaults(const py::object& params, const Options& defaults)
      : WithDefaults(given_groups(params), defaults) {}
  // For callers of C++: what a class of Python has in its place.
  void step() override {
    {
      const py::gil_scoped_acquire lock;
      if (py::function own = py::get_override(this, "step")) return static_cast<void>(own());
    }
    Base::step();
  }
  void add_param_group(const py::dict& d) {
    GivenGroup g = given_group(d);
    Base::add_group(std::move(g.params), with(defaults_, g.options));
    take_initial(g.options);
  }
  py::dict defaults() const {
    const Options& o = defaults_;
    py::dict d("lr"_a = o.lr, "weight_decay"_a = o.weight_decay, "maximize"_a = o.maximize);
    if constexpr (requires { o.momentum; }) {
      d["momentum"] = o.momentum;
      d["dampening"] = o.dampening;
      d["nesterov"] = o.nesterov;
    } else {
      d["betas"] = py::make_tuple(o.beta1, o.beta2);
      d["eps"] = o.eps;
      d["amsgrad"] = o.amsgrad;
    }
    return d;
  }

 private:
  WithDefaults(std::vector<GivenGroup> groups, const Options& defaults)
      : Base(std::move(groups[0].params), with(defaults, groups[0].options)), defaults_(defaults) {
    take_initial(groups[0].options);
    for (std::size_t i = 1; i < groups.size(); ++i) {
      Base::add_group(std::move(groups[i].params), with(defaults, groups[i].options));
      take_initial(groups[i].options);
    }
  }
  // Of the group that was added last.
  void take_initial(const py::dict& options) {
    if (options.contains("initial_lr"))
      Base::groups().back().initial_lr = options["initial_lr"].template cast<double>();
  }
  Options defaults_;
};

Optimizer::Group& group_at(Optimizer& o, std::size_t i) { return o.groups().at(i); }

using BoundOptimizer = py::classh<Optimizer, nn::Stateful, PythonOptimizer>;

void bind_groups(BoundOptimizer& c) {
  c.def("_group_count", [](const Optimizer& o) { return o.groups().size(); });
  c.def("_option_names", &option_names);
  c.def("_option", [](Optimizer& o, std::size_t i, const std::string& key) {
    return option(group_at(o, i).options, key);
  });
  c.def("_set_option",
        [](Optimizer& o, std::size_t i, const std::string& key, const py::object& value) {
          set_option(group_at(o, i).options, key, value);
        });
  c.def("_initial_lr", [](Optimizer& o, std::size_t i) { return group_at(o, i).initial_lr; });
  c.def("_set_initial_lr", [](Optimizer& o, std::size_t i, std::optional<double> lr) {
    group_at(o, i).initial_lr = lr;
  });
  c.def("_params", [](Optimizer& o, std::size_t i) {
    py::list list;
    for (const Tensor& t : group_at(o, i).params) {
      list.append(py::reinterpret_steal<py::object>(wrap_parameter(t)));
    }
    return list;
  });
}

void bind_base(py::module_& m) {
  BoundOptimizer c(
      m, "Optimizer",
      "Optimizer(params, defaults)\n\n"
      "What all optimisers have in common, and the base of those that Python writes: step() reads "
      "param_groups, keeps what it gathers in state, a dict for each parameter, and works with "
      "schedules, state_dict() and checkpoints. What stands in state and in the options are "
      "tensors, numbers and None.\n\n"
      "params: tensors, or dicts with \"params\" and options of their own. defaults: the options "
      "of a group that does not have its own.\n\n"
      ">>> class SignSGD(weft.optim.Optimizer):\n"
      "...     def __init__(self, params, lr=0.1):\n"
      "...         super().__init__(params, {\"lr\": lr})\n"
      "...     @weft.no_grad()\n"
      "...     def step(self, closure=None):\n"
      "...         for group in self.param_groups:\n"
      "...             for p in group[\"params\"]:\n"
      "...                 p -= group[\"lr\"] * p.grad.sign()\n"
      ">>> w = nn.Parameter(weft.tensor([1.0, -2.0]))\n"
      ">>> (w * w).sum().backward()\n"
      ">>> SignSGD([w]).step()\n"
      ">>> w.data\n"
      "tensor([ 0.9000, -1.9000])",
      py::dynamic_attr());
  bind_groups(c);
  bind_python_optimizer(c);
  c.def(
      "step",
      [](Optimizer& o, const py::object& closure) {
        if (dynamic_cast<PythonOptimizer*>(&o)) {
          fail<NotImplementedError>("step", "got an optimiser without step() of its own");
        }
        py::object loss = py::none();
        if (!closure.is_none()) {
          const EnableGradGuard guard;
          loss = closure();
        }
        const py::gil_scoped_release released;
        o.Optimizer::step();
        return loss;
      },
      "Updates each parameter that has a gradient; returns closure()'s loss. If anything is wrong "
      "with a gradient, nothing has changed.",
      "closure"_a = py::none());
  c.def("zero_grad", &Optimizer::zero_grad,
        "Sets the grad of every parameter to None, or fills those that are there with zeros.",
        "set_to_none"_a = true);
}

template <class M, class Options>
py::classh<WithDefaults<M, Options>, Optimizer> optimizer_class(py::module_& m, const char* name,
                                                                const char* doc) {
  using W = WithDefaults<M, Options>;
  py::classh<W, Optimizer> c(m, name, doc);
  c.def("add_param_group", &W::add_param_group,
        "Adds a dict with \"params\" and options that differ from the constructor's.",
        "param_group"_a);
  c.def("_defaults", &W::defaults);
  return c;
}

template <class M, class Options>
void bind_adam(py::module_& m, const char* name, double decay, const char* doc) {
  using W = WithDefaults<M, Options>;
  optimizer_class<M, Options>(m, name, doc)
      .def(
          py::init([](const py::object& params, double lr, Betas betas, double eps,
                      double weight_decay, bool amsgrad, std::optional<bool> foreach, bool maximize,
                      bool capturable, bool differentiable, std::optional<bool> fused) {
            Ways{foreach, fused, capturable, differentiable}.check();
            return std::make_unique<W>(params, Options{lr, betas.first, betas.second, eps,
                                                       weight_decay, amsgrad, maximize});
          }),
          "params"_a, "lr"_a = 1e-3, "betas"_a = Betas(0.9, 0.999), "eps"_a = 1e-8,
          "weight_decay"_a = decay, "amsgrad"_a = false, py::kw_only(), "foreach"_a = py::none(),
          "maximize"_a = false, "capturable"_a = false, "differentiable"_a = false,
          "fused"_a = py::none());
}

void bind_sgd(py::module_& m) {
  optimizer_class<SGD, SGDOptions>(
      m, "SGD",
      "SGD(params, lr=0.001, momentum=0, dampening=0, weight_decay=0, nesterov=False, *, "
      "maximize=False, foreach=None, differentiable=False, fused=None)\n\n"
      "params: tensors, or dicts with \"params\" and options of their own.\n\n"
      ">>> import weft\n"
      ">>> w = weft.ones(2).requires_grad_()\n"
      ">>> sgd = weft.optim.SGD([w], lr=0.5)\n"
      ">>> (w * w).sum().backward(); sgd.step(); w.tolist()\n"
      "[0.0, 0.0]")
      .def(
          py::init([](const py::object& params, double lr, double momentum, double dampening,
                      double weight_decay, bool nesterov, bool maximize,
                      std::optional<bool> foreach, bool differentiable, std::optional<bool> fused) {
            Ways{foreach, fused, false, differentiable}.check();
            return std::make_unique<WithDefaults<SGD, SGDOptions>>(
                params, SGDOptions{lr, momentum, dampening, weight_decay, nesterov, maximize});
          }),
          "params"_a, "lr"_a = 1e-3, "momentum"_a = 0.0, "dampening"_a = 0.0,
          "weight_decay"_a = 0.0, "nesterov"_a = false, py::kw_only(), "maximize"_a = false,
          "foreach"_a = py::none(), "differentiable"_a = false, "fused"_a = py::none());
}

}  // namespace

void bind_optim(py::module_& m) {
  py::module_ optim = add_part(m, "optim", "weft.optim", "Optimisers.");
  bind_base(optim);
  bind_sgd(optim);
  bind_adam<Adam, AdamOptions>(optim, "Adam", 0,
                               "Kingma and Ba 2015; weight decay is added to the gradient.\n\n"
                               ">>> w = nn.Parameter(weft.ones(1))\n"
                               ">>> adam = weft.optim.Adam([w], lr=0.1)\n"
                               ">>> (w * w).sum().backward()\n"
                               ">>> adam.step()\n"
                               ">>> w.data\n"
                               "tensor([0.9000])");
  bind_adam<AdamW, AdamWOptions>(optim, "AdamW", 1e-2,
                                 "Loshchilov and Hutter 2019; weight decay shrinks the parameter "
                                 "itself by lr * weight_decay.\n\n"
                                 ">>> w = nn.Parameter(weft.ones(1))\n"
                                 ">>> adam = weft.optim.AdamW([w], lr=0.1, weight_decay=0.1)\n"
                                 ">>> (w * w).sum().backward()\n"
                                 ">>> adam.step()\n"
                                 ">>> w.data\n"
                                 "tensor([0.8900])");
  bind_schedules(optim);
  bind_amp(m);
}

}  // namespace weft::python
