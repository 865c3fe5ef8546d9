#include <weft/nn/activation.h>

#include <weft/python/src/nn_module.h>

namespace weft::python {
namespace {

using namespace nn;

template <class M>
void bind_inplace(py::module_& m, const char* name, const char* doc) {
  Layer<M, Elementwise> c(m, name, doc);
  c.def(layer_init<M, bool>([](bool inplace) { return std::tuple(inplace); }), "inplace"_a = false);
  def_overridable(c);
  def_inplace(c);
  def_arguments(c, [](const M& l) { return py::dict("inplace"_a = l.inplace()); });
}

void bind_identity(py::module_& m) {
  Layer<Identity, Elementwise> c(
      m, "Identity",
      "Identity(*args, **kwargs)\n\n"
      "x itself. For a place where a network has another module at other times, whose arguments it "
      "takes.\n\n"
      ">>> nn.Identity(54, unused=0.1)(weft.tensor([1.0, 2.0]))\n"
      "tensor([1., 2.])");
  c.def(layer_init<Identity, const py::args&, const py::kwargs&>(
      [](const py::args&, const py::kwargs&) { return std::tuple(); }));
  def_overridable(c);
  def_arguments(c, [](const Identity&) { return py::dict(); });
}

// A layer without arguments.
template <class M>
void bind_plain(py::module_& m, const char* name, const char* doc) {
  Layer<M, Elementwise> c(m, name, doc);
  c.def(layer_init<M>([] { return std::tuple(); }));
  def_overridable(c);
  def_arguments(c, [](const M&) { return py::dict(); });
}

template <class M>
void bind_softmax(py::module_& m, const char* name, const char* doc) {
  Layer<M, Elementwise> c(m, name, doc);
  c.def(layer_init<M, Index>([](Index dim) { return std::tuple(dim); }), "dim"_a);
  def_overridable(c);
  c.def_property_readonly("dim", &M::dim, "The dimension of the sum.");
  def_arguments(c, [](const M& l) { return py::dict("dim"_a = l.dim()); });
}

void bind_with_options(py::module_& m) {
  Layer<LeakyReLU, Elementwise> leaky(m, "LeakyReLU",
                                      "x where positive, else negative_slope * x. See Maas, Hannun "
                                      "and Ng 2013. inplace: x itself is changed.\n\n"
                                      ">>> nn.LeakyReLU(0.1)(weft.tensor([-1.0, 2.0]))\n"
                                      "tensor([-0.1000,  2.0000])");
  leaky.def(layer_init<LeakyReLU, double, bool>(
                [](double slope, bool inplace) { return std::tuple(slope, inplace); }),
            "negative_slope"_a = 0.01, "inplace"_a = false);
  def_overridable(leaky);
  def_inplace(leaky);
  leaky.def_property_readonly("negative_slope", &LeakyReLU::negative_slope,
                              "What multiplies where x is negative.");
  def_arguments(leaky, [](const LeakyReLU& l) {
    return py::dict("negative_slope"_a = l.negative_slope(), "inplace"_a = l.inplace());
  });
  Layer<GELU, Elementwise> gelu(m, "GELU",
                                "x * Phi(x), Phi of the normal distribution (Hendrycks and Gimpel "
                                "2016); approximate: \"none\" or \"tanh\".\n\n"
                                ">>> nn.GELU()(weft.tensor([-1.0, 0.0, 1.0]))\n"
                                "tensor([-0.1587,  0.0000,  0.8413])");
  gelu.def(layer_init<GELU, std::string>([](std::string a) { return std::tuple(std::move(a)); }),
           "approximate"_a = "none");
  def_overridable(gelu);
  gelu.def_property_readonly("approximate", &GELU::approximate, "\"none\" or \"tanh\".");
  def_arguments(gelu, [](const GELU& l) { return py::dict("approximate"_a = l.approximate()); });
  Layer<Softplus, Elementwise> softplus(
      m, "Softplus",
      "log(1 + exp(beta * x)) / beta, x where beta * x is above threshold.\n\n"
      ">>> nn.Softplus()(weft.tensor([-1.0, 0.0, 30.0]))\n"
      "tensor([ 0.3133,  0.6931, 30.0000])");
  softplus.def(layer_init<Softplus, double, double>(
                   [](double beta, double threshold) { return std::tuple(beta, threshold); }),
               "beta"_a = 1.0, "threshold"_a = 20.0);
  def_overridable(softplus);
  softplus.def_property_readonly("beta", &Softplus::beta, "What multiplies x.");
  softplus.def_property_readonly("threshold", &Softplus::threshold,
                                 "Where beta * x is above, the result is x.");
  def_arguments(softplus, [](const Softplus& l) {
    return py::dict("beta"_a = l.beta(), "threshold"_a = l.threshold());
  });
}

}  // namespace

void bind_nn_activations(py::module_& m) {
  py::classh<Elementwise, Module>(m, "Elementwise", "A module that keeps its input's shape.");
  bind_identity(m);
  bind_inplace<ReLU>(m, "ReLU",
                     "x where positive, else 0. inplace: x itself is changed and returned, "
                     "AutogradError for a leaf that requires grad.\n\n"
                     ">>> x = weft.tensor([-1.0, 2.0])\n"
                     ">>> nn.ReLU(inplace=True)(x) is x, x\n"
                     "(True, tensor([0., 2.]))");
  bind_inplace<SiLU>(m, "SiLU",
                     "x * sigmoid(x). inplace: x itself is changed and returned.\n\n"
                     ">>> nn.SiLU()(weft.tensor([-1.0, 0.0, 1.0]))\n"
                     "tensor([-0.2689,  0.0000,  0.7311])");
  bind_plain<Sigmoid>(m, "Sigmoid",
                      "1 / (1 + exp(-x)). Without overflow.\n\n"
                      ">>> nn.Sigmoid()(weft.tensor([-1.0, 0.0, 1.0]))\n"
                      "tensor([0.2689, 0.5000, 0.7311])");
  bind_plain<Tanh>(m, "Tanh",
                   "The hyperbolic tangent.\n\n"
                   ">>> nn.Tanh()(weft.tensor([-1.0, 0.0, 1.0]))\n"
                   "tensor([-0.7616,  0.0000,  0.7616])");
  bind_softmax<Softmax>(m, "Softmax",
                        "exp(x) / sum of exp(x) along dim. Without overflow.\n\n"
                        ">>> nn.Softmax(dim=0)(weft.tensor([1.0, 2.0, 3.0]))\n"
                        "tensor([0.0900, 0.2447, 0.6652])");
  bind_softmax<LogSoftmax>(m, "LogSoftmax",
                           "The logarithm of the softmax along dim. Without overflow.\n\n"
                           ">>> nn.LogSoftmax(dim=0)(weft.tensor([0.0, 0.0]))\n"
                           "tensor([-0.6931, -0.6931])");
  bind_with_options(m);
}

}  // namespace weft::python
