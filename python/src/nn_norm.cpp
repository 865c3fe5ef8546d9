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
      c, "weight", [](const BatchNorm& b) { return b.weight; }, "[C], or None");
  def_parameter(
      c, "bias", [](const BatchNorm& b) { return b.bias; }, "[C], or None");
  c.def_property_readonly("running_mean",
                          [](const BatchNorm& b) { return Tensor(b.running_mean); });
  c.def_property_readonly("running_var", [](const BatchNorm& b) { return Tensor(b.running_var); });
  c.def_property_readonly("num_batches_tracked",
                          [](const BatchNorm& b) { return Tensor(b.num_batches_tracked); });
  c.def_property_readonly("num_features", &BatchNorm::num_features);
  c.def_property_readonly("eps", [](const BatchNorm& b) { return b.args().eps; });
  c.def_property_readonly("momentum", [](const BatchNorm& b) { return b.args().momentum; });
  c.def_property_readonly("affine", [](const BatchNorm& b) { return b.args().affine; });
  c.def_property_readonly("track_running_stats",
                          [](const BatchNorm& b) { return b.args().track_running_stats; });
}

template <class M>
void bind_batch_norm(py::module_& m, const char* name, const char* doc) {
  Layer<M, BatchNorm> c(m, name, doc);
  using Momentum = std::optional<double>;
  c.def(layer_init<M, Index, double, Momentum, bool, bool>(
            [](Index features, double eps, Momentum momentum, bool affine, bool track) {
              return std::tuple(features, BatchNormArgs{eps, momentum, affine, track});
            }),
        "num_features"_a, "eps"_a = 1e-5, "momentum"_a = 0.1, "affine"_a = true,
        "track_running_stats"_a = true);
  def_overridable(c);
}

void bind_layer_norm(py::module_& m) {
  Layer<LayerNorm> c(
      m, "LayerNorm",
      "LayerNorm(normalized_shape, eps=1e-05, elementwise_affine=True, bias=True)\n\n"
      "Over the last dimensions, which have normalized_shape (Ba, Kiros and Hinton "
      "2016).");
  c.def(layer_init<LayerNorm, Shape, double, bool, bool>(
            [](const Shape& s, double eps, bool affine, bool bias) {
              return std::tuple(s, eps, affine, bias);
            }),
        "normalized_shape"_a, "eps"_a = 1e-5, "elementwise_affine"_a = true, "bias"_a = true);
  def_overridable(c);
  def_parameter(
      c, "weight", [](const LayerNorm& n) { return n.weight; }, "normalized_shape");
  def_parameter(
      c, "bias", [](const LayerNorm& n) { return n.bias; }, "normalized_shape, or None");
}

void bind_local_response(py::module_& m) {
  Layer<LocalResponseNorm> c(
      m, "LocalResponseNorm",
      "LocalResponseNorm(size, alpha=0.0001, beta=0.75, k=1.0)\n\nx / (k + alpha / size * sum of "
      "squares over size channels about each)^beta (Krizhevsky, Sutskever and Hinton 2012).");
  c.def(layer_init<LocalResponseNorm, Index, double, double, double>(
            [](Index size, double alpha, double beta, double k) {
              return std::tuple(size, alpha, beta, k);
            }),
        "size"_a, "alpha"_a = 1e-4, "beta"_a = 0.75, "k"_a = 1.0);
  def_overridable(c);
}

void bind_dropout(py::module_& m) {
  Layer<Dropout, Elementwise> c(m, "Dropout",
                                "Dropout(p=0.5, inplace=False)\n\nElements become 0 with "
                                "probability p, the others x / (1 - p), in training; x otherwise. "
                                "inplace makes no difference.");
  c.def(layer_init<Dropout, double, bool>([](double p, bool) { return std::tuple(p); }),
        "p"_a = 0.5, "inplace"_a = false);
  def_overridable(c);
  c.def_property_readonly("p", &Dropout::p);
}

}  // namespace

void bind_nn_norms(py::module_& m) {
  bind_batch_norm_base(m);
  bind_batch_norm<BatchNorm1d>(m, "BatchNorm1d",
                               "Batch norm of [N, C] or [N, C, L] (Ioffe and Szegedy 2015). With "
                               "momentum None the running statistics are the mean of all batches; "
                               "num_features 0 is found out from the first input.");
  bind_batch_norm<BatchNorm2d>(m, "BatchNorm2d", "Batch norm of [N, C, H, W]; see BatchNorm1d.");
  bind_layer_norm(m);
  bind_local_response(m);
  bind_dropout(m);
}

}  // namespace weft::python
