#include <weft/nn/dropout.h>
#include <weft/nn/norm.h>

#include <weft/python/src/nn_module.h>

// Normalisations and dropout.
namespace weft::python {
namespace {

using namespace nn;

// A layer without an init of its own.
void bind_batch_norm_base(py::module_& m) {
  Layer<BatchNorm, Module> c(m, "BatchNorm", "What BatchNorm1d and BatchNorm2d have in common.");
  def_parameter(
      c, "weight", [](const BatchNorm& b) { return b.weight; }, "What multiplies: [C], or None.");
  def_parameter(
      c, "bias", [](const BatchNorm& b) { return b.bias; }, "What is added: [C], or None.");
  c.def_property_readonly(
      "running_mean", [](const BatchNorm& b) { return Tensor(b.running_mean); },
      "The mean that evaluation uses, [C], or None.");
  c.def_property_readonly(
      "running_var", [](const BatchNorm& b) { return Tensor(b.running_var); },
      "The variance that evaluation uses, [C], or None.");
  c.def_property_readonly(
      "num_batches_tracked", [](const BatchNorm& b) { return Tensor(b.num_batches_tracked); },
      "How many batches the running statistics have seen, int64, or None.");
  c.def_property_readonly("num_features", &BatchNorm::num_features, "How many channels there are.");
  c.def_property_readonly(
      "eps", [](const BatchNorm& b) { return b.args().eps; }, "What is added to the variance.");
  c.def_property(
      "momentum", [](const BatchNorm& b) { return b.args().momentum; }, &BatchNorm::set_momentum,
      "The part of a batch in the running statistics; None for their mean.");
  c.def_property_readonly(
      "affine", [](const BatchNorm& b) { return b.args().affine; },
      "Whether there are weight and bias.");
  c.def_property_readonly(
      "track_running_stats", [](const BatchNorm& b) { return b.args().track_running_stats; },
      "Whether there are running statistics.");
}

template <class M>
void bind_batch_norm(py::module_& m, const char* name, const char* doc) {
  Layer<M, BatchNorm> c(m, name, doc);
  using Momentum = std::optional<double>;
  c.def(typed_layer_init<M, Index, double, Momentum, bool, bool>(
            [](Index features, double eps, Momentum momentum, bool affine, bool track) {
              return std::tuple(features, BatchNormArgs{eps, momentum, affine, track});
            }),
        "num_features"_a, "eps"_a = 1e-5, "momentum"_a = 0.1, "affine"_a = true,
        "track_running_stats"_a = true, "device"_a = py::none(), "dtype"_a = py::none());
  def_overridable(c);
  def_arguments(c, [](const M& b) {
    const BatchNormArgs& a = b.args();
    return py::dict("num_features"_a = b.num_features(), "eps"_a = a.eps, "momentum"_a = a.momentum,
                    "affine"_a = a.affine, "track_running_stats"_a = a.track_running_stats);
  });
}

void bind_layer_norm(py::module_& m) {
  Layer<LayerNorm> c(
      m, "LayerNorm",
      "LayerNorm(normalized_shape, eps=1e-05, elementwise_affine=True, bias=True, device=None, "
      "dtype=None)\n\n"
      "Over the last dimensions, which have normalized_shape (Ba, Kiros and Hinton 2016).\n\n"
      ">>> nn.LayerNorm(3)(weft.tensor([[1.0, 2.0, 3.0]])).detach()\n"
      "tensor([[-1.2247,  0.0000,  1.2247]])");
  c.def(typed_layer_init<LayerNorm, Shape, double, bool, bool>(
            [](const Shape& s, double eps, bool affine, bool bias) {
              return std::tuple(s, eps, affine, bias);
            }),
        "normalized_shape"_a, "eps"_a = 1e-5, "elementwise_affine"_a = true, "bias"_a = true,
        "device"_a = py::none(), "dtype"_a = py::none());
  def_overridable(c);
  def_parameter(
      c, "weight", [](const LayerNorm& n) { return n.weight; },
      "What multiplies: of normalized_shape, or None.");
  def_parameter(
      c, "bias", [](const LayerNorm& n) { return n.bias; },
      "What is added: of normalized_shape, or None.");
  c.def_property_readonly("normalized_shape", &LayerNorm::normalized_shape,
                          "The sizes of the dimensions that are normalised.");
  c.def_property_readonly("eps", &LayerNorm::eps, "What is added to the variance.");
  c.def_property_readonly("elementwise_affine", &LayerNorm::elementwise_affine,
                          "Whether there is a weight.");
  def_arguments(c, [](const LayerNorm& n) {
    return py::dict("normalized_shape"_a = n.normalized_shape(), "eps"_a = n.eps(),
                    "elementwise_affine"_a = n.elementwise_affine(), "bias"_a = n.has_bias());
  });
}

void bind_local_response(py::module_& m) {
  Layer<LocalResponseNorm> c(m, "LocalResponseNorm",
                             "LocalResponseNorm(size, alpha=0.0001, beta=0.75, k=1.0)\n\n"
                             "x / (k + alpha / size * sum of squares over size channels about "
                             "each)^beta (Krizhevsky, Sutskever and Hinton 2012).\n\n"
                             ">>> nn.LocalResponseNorm(3)(weft.ones(1, 8, 4, 4)).shape\n"
                             "weft.Size([1, 8, 4, 4])");
  c.def(layer_init<LocalResponseNorm, Index, double, double, double>(
            [](Index size, double alpha, double beta, double k) {
              return std::tuple(size, alpha, beta, k);
            }),
        "size"_a, "alpha"_a = 1e-4, "beta"_a = 0.75, "k"_a = 1.0);
  def_overridable(c);
  c.def_property_readonly("size", &LocalResponseNorm::size, "Over how many channels.");
  c.def_property_readonly("alpha", &LocalResponseNorm::alpha, "What multiplies the squares.");
  c.def_property_readonly("beta", &LocalResponseNorm::beta, "The exponent.");
  c.def_property_readonly("k", &LocalResponseNorm::k, "What is added to the squares.");
  def_arguments(c, [](const LocalResponseNorm& n) {
    return py::dict("size"_a = n.size(), "alpha"_a = n.alpha(), "beta"_a = n.beta(), "k"_a = n.k());
  });
}

void bind_dropout(py::module_& m) {
  Layer<Dropout, Elementwise> c(m, "Dropout",
                                "Dropout(p=0.5, inplace=False)\n\n"
                                "Elements become 0 with probability p, the others x / (1 - p), in "
                                "training; x otherwise. inplace: x itself is changed.\n\n"
                                ">>> drop = nn.Dropout(0.5)\n"
                                ">>> drop.eval()(weft.ones(3))\n"
                                "tensor([1., 1., 1.])");
  c.def(layer_init<Dropout, double, bool>(
            [](double p, bool inplace) { return std::tuple(p, inplace); }),
        "p"_a = 0.5, "inplace"_a = false);
  def_overridable(c);
  def_inplace(c);
  c.def_property("p", &Dropout::p, &Dropout::set_p, "The probability of a 0.");
  def_arguments(
      c, [](const Dropout& d) { return py::dict("p"_a = d.p(), "inplace"_a = d.inplace()); });
}

}  // namespace

void bind_nn_norms(py::module_& m) {
  bind_batch_norm_base(m);
  bind_batch_norm<BatchNorm1d>(m, "BatchNorm1d",
                               "Batch norm of [N, C] or [N, C, L] (Ioffe and Szegedy 2015). With "
                               "momentum None the running statistics are the mean of all batches; "
                               "num_features 0 is found out from the first input.\n\n"
                               ">>> norm = nn.BatchNorm1d(3)\n"
                               ">>> norm(weft.randn(8, 3)).shape\n"
                               "weft.Size([8, 3])\n"
                               ">>> norm.num_batches_tracked\n"
                               "tensor(1)");
  bind_batch_norm<BatchNorm2d>(m, "BatchNorm2d",
                               "Batch norm of [N, C, H, W]; see BatchNorm1d.\n\n"
                               ">>> nn.BatchNorm2d(3)(weft.randn(8, 3, 4, 4)).shape\n"
                               "weft.Size([8, 3, 4, 4])");
  bind_layer_norm(m);
  bind_local_response(m);
  bind_dropout(m);
}

}  // namespace weft::python
