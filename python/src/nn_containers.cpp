#include <weft/nn/models/alexnet.h>
#include <weft/nn/sequential.h>

#include <weft/python/src/nn_module.h>
#include <weft/python/src/part.h>

// Modules of modules.
namespace weft::python {
namespace {

using namespace nn;
using Part = std::shared_ptr<Module>;

auto& parts_of(Sequential& s) { return ModuleTree::parts(s).children; }

std::size_t position(const Sequential& s, Index i) {
  const auto n = static_cast<Index>(s.size());
  if (i < -n || i >= n)
    throw py::index_error("got index " + std::to_string(i) + ", expected one of " +
                          std::to_string(n) + " modules");
  return static_cast<std::size_t>(i < 0 ? i + n : i);
}

void append(const py::object& self, const std::string& name, const py::object& module) {
  register_part(self, name, module);
}

void append_all(const py::object& self, const py::args& modules) {
  if (modules.size() == 1 && py::isinstance<py::dict>(modules[0])) {
    for (const auto& [name, module] : modules[0].cast<py::dict>()) {
      append(self, name.cast<std::string>(), py::reinterpret_borrow<py::object>(module));
    }
    return;
  }
  for (const py::handle m : modules) {
    const auto n = self.cast<Sequential&>().size();
    append(self, std::to_string(n), py::reinterpret_borrow<py::object>(m));
  }
}

// Numbers the parts anew after one has come or gone.
void number(const py::object& self, const std::vector<py::object>& modules) {
  auto& parts = parts_of(self.cast<Sequential&>());
  while (!parts.empty()) py::delattr(self, py::str(parts.back().first));
  for (std::size_t i = 0; i < modules.size(); ++i) append(self, std::to_string(i), modules[i]);
}

std::vector<py::object> objects(const py::object& self) {
  std::vector<py::object> list;
  for (const auto& [name, part] : parts_of(self.cast<Sequential&>())) {
    list.push_back(self.attr(name.c_str()));
  }
  return list;
}

py::object item(const py::object& self, Index i) {
  auto& s = self.cast<Sequential&>();
  return self.attr(parts_of(s)[position(s, i)].first.c_str());
}

py::object slice(const py::object& self, const py::slice& range) {
  py::list all = py::cast(objects(self));
  return py::type::of<Sequential>()(*py::tuple(all[range]));
}

void set_item(const py::object& self, Index i, const py::object& module) {
  auto& s = self.cast<Sequential&>();
  append(self, std::string(parts_of(s)[position(s, i)].first), module);
}

void insert(const py::object& self, Index i, const py::object& module) {
  auto list = objects(self);
  const auto n = static_cast<Index>(list.size());
  list.insert(list.begin() + std::clamp<Index>(i < 0 ? i + n : i, 0, n), module);
  number(self, list);
}

py::object pop(const py::object& self, Index i) {
  auto list = objects(self);
  const auto at = list.begin() + static_cast<Index>(position(self.cast<Sequential&>(), i));
  py::object gone = *at;
  list.erase(at);
  number(self, list);
  return gone;
}

void bind_sequential(py::module_& m) {
  Layer<Sequential> c(m, "Sequential",
                      "Sequential(*modules) or Sequential(dict of modules)\n\n"
                      "Modules one after the other, each of one tensor; a ReLU is done together "
                      "with the layer before it.\n\n"
                      ">>> import weft\n"
                      ">>> net = weft.nn.Sequential(weft.nn.Linear(4, 3), weft.nn.ReLU())\n"
                      ">>> net(weft.zeros(2, 4)).shape\n"
                      "weft.Size([2, 3])");
  // The parts are added by __init__, where the object is known.
  c.def(layer_init<Sequential>([] { return std::tuple(); }));
  def_overridable(c);
  def_arguments(c, [](const Sequential&) { return py::dict(); });
  c.def("_append_all", &append_all);
  c.def("__len__", &Sequential::size);
  c.def("__getitem__", &item);
  c.def("__getitem__", &slice);
  c.def("__setitem__", &set_item);
  c.def("__delitem__", [](const py::object& self, Index i) { pop(self, i); });
  c.def("__iter__", [](const py::object& self) { return py::iter(py::cast(objects(self))); });
  c.def(
      "append",
      [](const py::object& self, const py::object& module) {
        append(self, std::to_string(self.cast<Sequential&>().size()), module);
        return self;
      },
      "Adds a module at the end.", "module"_a);
  c.def(
      "extend",
      [](const py::object& self, const py::iterable& modules) {
        append_all(self, py::args(py::tuple(modules)));
        return self;
      },
      "Adds modules at the end.", "modules"_a);
  c.def(
      "insert",
      [](const py::object& self, Index i, const py::object& module) {
        insert(self, i, module);
        return self;
      },
      "Puts a module before that of an index.", "index"_a, "module"_a);
  c.def("pop", &pop, "Takes a module out and returns it.", "index"_a = -1);
}

void bind_flatten(py::module_& m) {
  Layer<Flatten> c(m, "Flatten",
                   "Flatten(start_dim=1, end_dim=-1)\n\n"
                   "Dimensions start_dim to end_dim as one.\n\n"
                   ">>> nn.Flatten()(weft.zeros(2, 3, 4)).shape\n"
                   "weft.Size([2, 12])");
  c.def(layer_init<Flatten, Index, Index>(
            [](Index start, Index end) { return std::tuple(start, end); }),
        "start_dim"_a = 1, "end_dim"_a = -1);
  def_overridable(c);
  c.def_property_readonly("start_dim", &Flatten::start_dim, "The first dimension of them.");
  c.def_property_readonly("end_dim", &Flatten::end_dim, "The last.");
  def_arguments(c, [](const Flatten& f) {
    return py::dict("start_dim"_a = f.start_dim(), "end_dim"_a = f.end_dim());
  });
}

using OptionsState = std::tuple<Index, std::vector<Index>, std::vector<Index>, bool, bool, double>;

py::tuple options_state(const AlexNetOptions& o) {
  return py::make_tuple(o.classes, o.channels, o.hidden, o.small_pictures, o.batch_norm, o.dropout);
}

AlexNetOptions options_from(const py::tuple& state) {
  const auto [classes, channels, hidden, small, norm, dropout] = state.cast<OptionsState>();
  return {classes, channels, hidden, small, norm, dropout};
}

void bind_alexnet(py::module_& m) {
  py::class_<AlexNetOptions>(m, "AlexNetOptions",
                             "Sizes of an AlexNet; the default is for pictures of 224 x 224.\n\n"
                             ">>> options = nn.models.AlexNetOptions.cifar()\n"
                             ">>> options.classes = 100\n"
                             ">>> options.hidden\n"
                             "[1024, 512]")
      .def(py::init<>())
      .def_readwrite("classes", &AlexNetOptions::classes, "How many scores there are.")
      .def_readwrite("channels", &AlexNetOptions::channels, "Of the five convolutions.")
      .def_readwrite("hidden", &AlexNetOptions::hidden, "Of the linear layers before the last.")
      .def_readwrite("small_pictures", &AlexNetOptions::small_pictures,
                     "32x32: 3x3 kernels, 2x2 pools, no strides.")
      .def_readwrite("batch_norm", &AlexNetOptions::batch_norm,
                     "After each convolution (behind its pool), in place of a bias.")
      .def_readwrite("dropout", &AlexNetOptions::dropout, "Before each hidden layer.")
      .def_static("cifar", &AlexNetOptions::cifar,
                  "[N, 3, 32, 32], hidden layers of 1024 and 512, ten classes.")
      .def(py::pickle(&options_state, &options_from));
  Layer<AlexNet> c(
      m, "AlexNet",
      "AlexNet(options=AlexNetOptions())\n\n"
      "Five convolutions, three max pools, linear layers (Krizhevsky 2014), with torchvision's "
      "names. Sizes are found out at the first run or by materialize().\n\n"
      ">>> net = nn.models.AlexNet(nn.models.AlexNetOptions.cifar())\n"
      ">>> net.materialize((1, 3, 32, 32))\n"
      "weft.Size([1, 10])\n"
      ">>> net.parameter_count() > 1_000_000\n"
      "True");
  c.def(layer_init<AlexNet, AlexNetOptions>([](const AlexNetOptions& o) { return std::tuple(o); }),
        "options"_a = AlexNetOptions());
  def_overridable(c);
  c.def_property_readonly("options", &AlexNet::options, "What it was made with.");
  def_arguments(c, [](const AlexNet& n) { return py::dict("options"_a = n.options()); });
}

}  // namespace

void bind_nn_containers(py::module_& m) {
  bind_sequential(m);
  bind_flatten(m);
  py::module_ models = add_part(m, "models", "weft.nn.models", "Networks that are ready to train.");
  bind_alexnet(models);
}

}  // namespace weft::python
