#include <map>
#include <variant>

#include <weft/data/safetensors.h>
#include <weft/nn/checkpoint.h>
#include <weft/nn/module.h>
#include <weft/nn/optim.h>
#include <weft/nn/scheduler.h>

#include <weft/python/src/data.h>
#include <weft/python/src/nn_module.h>

// weft.nn.Checkpoint. A number of Python is no variable, so the checkpoint keeps it.
namespace weft::python {

namespace {

class KeptCheckpoint {
 public:
  void add(const std::string& name, const py::object& o) {
    if (py::isinstance<nn::Stateful>(o)) {
      c_.add(name, o.cast<nn::Stateful&>());
    } else if (py::isinstance<Generator>(o)) {
      c_.add(name, o.cast<Generator&>());
    } else if (py::isinstance<Loader>(o)) {
      c_.add(name, o.cast<Loader&>().get());
    } else if (PyFloat_Check(o.ptr())) {
      c_.add(name, reals_.try_emplace(name, o.cast<double>()).first->second);
    } else if (PyLong_Check(o.ptr())) {
      c_.add(name, integers_.try_emplace(name, o.cast<Index>()).first->second);
    } else {
      throw py::type_error("got " + std::string(Py_TYPE(o.ptr())->tp_name) +
                           ", expected what has a state: a module, an optimiser, a schedule, a "
                           "generator, a loader, or a number");
    }
    objects_.push_back(o);
  }
  py::object get(const std::string& name) const {
    if (const auto at = integers_.find(name); at != integers_.end()) return py::int_(at->second);
    if (const auto at = reals_.find(name); at != reals_.end()) return py::float_(at->second);
    throw py::key_error(name);
  }
  void set(const std::string& name, const py::object& value) {
    if (const auto at = integers_.find(name); at != integers_.end()) {
      at->second = value.cast<Index>();
    } else if (const auto real = reals_.find(name); real != reals_.end()) {
      real->second = value.cast<double>();
    } else {
      throw py::key_error(name);
    }
  }
  nn::Checkpoint& checkpoint() { return c_; }
  // Loops over its loaders go on where the checkpoint was written.
  void loaded() {
    for (const py::object& o : objects_) {
      if (py::isinstance<Loader>(o)) o.cast<Loader&>().go_on();
    }
  }

 private:
  nn::Checkpoint c_;
  std::map<std::string, double> reals_;
  std::map<std::string, Index> integers_;
  std::vector<py::object> objects_;
};

std::string text(const py::object& path) {
  return py::module_::import("os").attr("fspath")(path).cast<std::string>();
}

}  // namespace

void bind_checkpoint(py::module_& m) {
  auto part = m.attr("nn").cast<py::module_>();
  py::class_<KeptCheckpoint>(
      part, "Checkpoint",
      "The state of a training run in one safetensors file: what was added, by name. A number is "
      "the checkpoint's: checkpoint[\"epoch\"] reads and writes it.\n\n"
      ">>> net = nn.Linear(2, 2)\n"
      ">>> state = nn.Checkpoint().add(\"model\", net).add(\"epoch\", 3)\n"
      ">>> state.save(\"run.safetensors\")\n"
      ">>> state[\"epoch\"] = 0\n"
      ">>> state.load(\"run.safetensors\")\n"
      ">>> state[\"epoch\"]\n"
      "3")
      .def(py::init<>())
      .def(
          "add",
          [](const py::object& self, const std::string& name, const py::object& object) {
            self.cast<KeptCheckpoint&>().add(name, object);
            return self;
          },
          "Adds a module, optimiser, schedule, generator, loader or number under a name.", "name"_a,
          "object"_a)
      .def("__getitem__", &KeptCheckpoint::get)
      .def("__setitem__", &KeptCheckpoint::set)
      .def_property(
          "metadata", [](KeptCheckpoint& c) { return c.checkpoint().metadata; },
          [](KeptCheckpoint& c, const TextMap& t) { c.checkpoint().metadata = t; },
          "Texts by name, written with save(), replaced by load(); a copy, assign it to change it.")
      .def(
          "save",
          [](KeptCheckpoint& c, const py::object& path) {
            const std::string file = text(path);
            const py::gil_scoped_release released;
            c.checkpoint().save(file);
          },
          "Writes the file; it is the old one or the new one, whole.", "path"_a)
      .def(
          "load",
          [](KeptCheckpoint& c, const py::object& path) {
            const std::string file = text(path);
            {
              const py::gil_scoped_release released;
              c.checkpoint().load(file);
            }
            c.loaded();
          },
          "Brings everything back. ValueError lists all that does not fit; nothing has changed "
          "then.",
          "path"_a);
  part.def(
      "save_weights",
      [](const py::object& path, const nn::Stateful& module, const TextMap& metadata) {
        const std::string file = text(path);
        const py::gil_scoped_release released;
        nn::save_weights(file, module, metadata);
      },
      "A module's parameters and buffers in a safetensors file under their own names.\n\n"
      ">>> nn.save_weights(\"net.safetensors\", nn.Linear(2, 2))\n"
      ">>> sorted(weft.load(\"net.safetensors\"))\n"
      "['bias', 'weight']",
      "path"_a, "module"_a, "metadata"_a = TextMap());
  part.def(
      "load_weights",
      [](const py::object& path, nn::Stateful& module) {
        const std::string file = text(path);
        const py::gil_scoped_release released;
        return nn::load_weights(file, module);
      },
      "Brings them back, and returns the metadata. ValueError that lists what does not fit; "
      "nothing has changed then.\n\n"
      ">>> nn.save_weights(\"net.safetensors\", nn.Linear(2, 2), {\"made by\": \"me\"})\n"
      ">>> nn.load_weights(\"net.safetensors\", nn.Linear(2, 2))\n"
      "{'made by': 'me'}",
      "path"_a, "module"_a);
}

}  // namespace weft::python
