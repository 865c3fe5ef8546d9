#include <weft/nn/clip.h>
#include <weft/nn/init.h>

#include <weft/python/src/nn_module.h>
#include <weft/python/src/part.h>

// weft.nn.init and weft.nn.utils.
namespace weft::python {
namespace {

using namespace nn;

init::Fan fan_of(const std::string& mode) {
  if (mode == "fan_in") return init::Fan::In;
  if (mode == "fan_out") return init::Fan::Out;
  throw py::value_error("got mode \"" + mode + "\", expected fan_in or fan_out");
}

template <class F>
void def_kaiming(py::module_& m, const char* name, F f, const char* doc) {
  m.def(
      name,
      [f](const Tensor& t, double a, const std::string& mode, const std::string& nonlinearity,
          Generator* generator) { return f(t, a, fan_of(mode), nonlinearity, generator); },
      doc, "tensor"_a, "a"_a = 0.0, "mode"_a = "fan_in", "nonlinearity"_a = "leaky_relu",
      "generator"_a = py::none());
}

void bind_fills(py::module_& m) {
  m.def("uniform_", &init::uniform_,
        "Uniform in [a, b).\n\n"
        ">>> nn.init.uniform_(weft.empty(3), -1, 1).abs().max().item() <= 1\n"
        "True",
        "tensor"_a, "a"_a = 0.0, "b"_a = 1.0, "generator"_a = py::none());
  m.def("normal_", &init::normal_,
        "N(mean, std). Normal numbers of that mean and standard deviation.\n\n"
        ">>> nn.init.normal_(weft.empty(2, 3), std=0.02).shape\n"
        "weft.Size([2, 3])",
        "tensor"_a, "mean"_a = 0.0, "std"_a = 1.0, "generator"_a = py::none());
  m.def("trunc_normal_", &init::trunc_normal_,
        "N(mean, std) between a and b. By the quantiles of the normal distribution.\n\n"
        ">>> nn.init.trunc_normal_(weft.empty(100)).abs().max().item() <= 2\n"
        "True",
        "tensor"_a, "mean"_a = 0.0, "std"_a = 1.0, "a"_a = -2.0, "b"_a = 2.0,
        "generator"_a = py::none());
  m.def("constant_", &init::constant_,
        "val everywhere.\n\n"
        ">>> nn.init.constant_(weft.empty(2), 0.5)\n"
        "tensor([0.5000, 0.5000])",
        "tensor"_a, "val"_a);
  m.def("zeros_", &init::zeros_,
        "0 everywhere.\n\n"
        ">>> nn.init.zeros_(weft.empty(2))\n"
        "tensor([0., 0.])",
        "tensor"_a);
  m.def("ones_", &init::ones_,
        "1 everywhere.\n\n"
        ">>> nn.init.ones_(weft.empty(2))\n"
        "tensor([1., 1.])",
        "tensor"_a);
}

void bind_scaled(py::module_& m) {
  m.def("calculate_gain", &init::calculate_gain,
        "The factor for what comes after the layer: linear, conv2d, sigmoid 1; tanh 5/3; relu "
        "sqrt(2); leaky_relu sqrt(2 / (1 + param^2)); selu 3/4. ValueError for others.\n\n"
        ">>> nn.init.calculate_gain(\"tanh\")\n"
        "1.6666666666666667",
        "nonlinearity"_a, "param"_a = 0.01);
  m.def(
      "calculate_fans",
      [](const Tensor& t) {
        const init::Fans f = init::calculate_fans(t);
        return py::make_tuple(f.in, f.out);
      },
      "(inputs, outputs) of one unit: sizes 1 and 0 times the product of the others. ShapeError "
      "below two dimensions.\n\n"
      ">>> nn.init.calculate_fans(weft.empty(16, 3, 5, 5))\n"
      "(75, 400)",
      "tensor"_a);
  m.def("xavier_uniform_", &init::xavier_uniform_,
        "Uniform within gain * sqrt(6 / (in + out)) (Glorot and Bengio 2010).\n\n"
        ">>> nn.init.xavier_uniform_(weft.empty(4, 2)).abs().max().item() <= 1\n"
        "True",
        "tensor"_a, "gain"_a = 1.0, "generator"_a = py::none());
  m.def("xavier_normal_", &init::xavier_normal_,
        "Normal of variance 2 gain^2 / (in + out) (Glorot and Bengio 2010).\n\n"
        ">>> nn.init.xavier_normal_(weft.empty(4, 2)).shape\n"
        "weft.Size([4, 2])",
        "tensor"_a, "gain"_a = 1.0, "generator"_a = py::none());
  def_kaiming(
      m, "kaiming_uniform_", &init::kaiming_uniform_,
      "Uniform of standard deviation gain / sqrt(fan) (He et al. 2015). mode names the fan: what "
      "comes in (keeps the forward values' size) or goes out (the gradients').\n\n"
      ">>> nn.init.kaiming_uniform_(weft.empty(4, 2), nonlinearity=\"relu\").shape\n"
      "weft.Size([4, 2])");
  def_kaiming(m, "kaiming_normal_", &init::kaiming_normal_,
              "Normal of standard deviation gain / sqrt(fan) (He et al. 2015). mode names the fan: "
              "what comes in (keeps the forward values' size) or goes out (the gradients').\n\n"
              ">>> nn.init.kaiming_normal_(weft.empty(4, 2), mode=\"fan_out\").shape\n"
              "weft.Size([4, 2])");
}

// One tensor or several.
std::vector<Tensor> tensors_of(const py::object& parameters) {
  if (is_tensor(parameters.ptr())) return {tensor_of(parameters.ptr())};
  std::vector<Tensor> list;
  for (const py::handle p : parameters) list.push_back(p.cast<Tensor>());
  return list;
}

void bind_utils(py::module_& m) {
  m.def(
      "clip_grad_norm_",
      [](const py::object& parameters, double max_norm, double norm_type, bool nonfinite) {
        const auto list = tensors_of(parameters);
        const py::gil_scoped_release released;
        return clip_grad_norm_(list, max_norm, norm_type, nonfinite);
      },
      "Scales the gradients so that the norm of all together is max_norm at most; returns the norm "
      "they had. With error_if_nonfinite a norm that is no number is a ValueError. See Pascanu, "
      "Mikolov and Bengio 2013, arXiv:1211.5063.\n\n"
      ">>> w = nn.Parameter(weft.zeros(2))\n"
      ">>> w.grad = weft.tensor([3.0, 4.0])\n"
      ">>> nn.utils.clip_grad_norm_([w], max_norm=1.0)\n"
      "tensor(5.)\n"
      ">>> w.grad\n"
      "tensor([0.6000, 0.8000])",
      "parameters"_a, "max_norm"_a, "norm_type"_a = 2.0, "error_if_nonfinite"_a = false);
  m.def(
      "clip_grad_value_",
      [](const py::object& parameters, double value) {
        const auto list = tensors_of(parameters);
        const py::gil_scoped_release released;
        clip_grad_value_(list, value);
      },
      "Clamps each element of the gradients to [-clip_value, clip_value].\n\n"
      ">>> w = nn.Parameter(weft.zeros(2))\n"
      ">>> w.grad = weft.tensor([3.0, -0.5])\n"
      ">>> nn.utils.clip_grad_value_([w], 1.0)\n"
      ">>> w.grad\n"
      "tensor([ 1.0000, -0.5000])",
      "parameters"_a, "clip_value"_a);
}

}  // namespace

void bind_nn_init(py::module_& nn) {
  py::module_ init = add_part(nn, "init", "weft.nn.init", "Initial values.");
  bind_fills(init);
  bind_scaled(init);
  py::module_ utils =
      add_part(nn, "utils", "weft.nn.utils", "What acts on parameters and their gradients.");
  bind_utils(utils);
}

}  // namespace weft::python
