#include <weft/nn/loss.h>

#include <weft/python/src/nn_module.h>

// Losses as modules: loss(input, target).
namespace weft::python {
namespace {

using namespace nn;

weft::Reduction reduction_of(const std::string& name) {
  if (name == "none") return weft::Reduction::None;
  if (name == "mean") return weft::Reduction::Mean;
  if (name == "sum") return weft::Reduction::Sum;
  throw py::value_error("got reduction \"" + name + "\", expected none, mean or sum");
}

template <class M>
py::classh<M, Loss> loss_class(py::module_& m, const char* name, const char* doc) {
  py::classh<M, Loss> c(m, name, doc);
  c.def(
      "forward",
      [](M& l, const Tensor& input, const Tensor& target) { return l.forward(input, target); },
      "The loss of a prediction and its target.", "input"_a, "target"_a, Released());
  return c;
}

template <class M>
void bind_distance(py::module_& m, const char* name, const char* doc) {
  loss_class<M>(m, name, doc)
      .def(py::init([](const std::string& r) { return std::make_unique<M>(reduction_of(r)); }),
           py::kw_only(), "reduction"_a = "mean");
}

}  // namespace

void bind_nn_losses(py::module_& m) {
  py::classh<Loss, Module>(m, "Loss", "A module of a prediction and its target.");
  loss_class<CrossEntropyLoss>(
      m, "CrossEntropyLoss",
      "-log_softmax(input)[target], classes in dim 1; targets are class indices, or probabilities "
      "of input's shape. See weft.nn.functional.cross_entropy().\n\n"
      ">>> nn.CrossEntropyLoss()(weft.tensor([[2.0, 0.0, 0.0]]), weft.tensor([0]))\n"
      "tensor(0.2395)")
      .def(py::init([](const Tensor& weight, Index ignore, const std::string& r, double smoothing) {
             return std::make_unique<CrossEntropyLoss>(
                 CrossEntropyOptions{weight, ignore, reduction_of(r), smoothing});
           }),
           "weight"_a = py::none(), py::kw_only(), "ignore_index"_a = -100, "reduction"_a = "mean",
           "label_smoothing"_a = 0.0);
  loss_class<NLLLoss>(m, "NLLLoss",
                      "-input[target] of log-probabilities, classes in dim 1. See "
                      "weft.nn.functional.nll_loss().\n\n"
                      ">>> nn.NLLLoss()(weft.tensor([[-0.5, -1.0]]), weft.tensor([1]))\n"
                      "tensor(1.)")
      .def(py::init([](const Tensor& weight, Index ignore, const std::string& r) {
             return std::make_unique<NLLLoss>(NllLossOptions{weight, ignore, reduction_of(r)});
           }),
           "weight"_a = py::none(), py::kw_only(), "ignore_index"_a = -100, "reduction"_a = "mean");
  bind_distance<MSELoss>(m, "MSELoss",
                         "(input - target)^2; the shapes broadcast.\n\n"
                         ">>> nn.MSELoss()(weft.tensor([1.0, 2.0]), weft.tensor([1.0, 4.0]))\n"
                         "tensor(2.)");
  bind_distance<L1Loss>(m, "L1Loss",
                        "|input - target|; the shapes broadcast.\n\n"
                        ">>> nn.L1Loss()(weft.tensor([1.0, 2.0]), weft.tensor([1.0, 4.0]))\n"
                        "tensor(1.)");
  loss_class<BCEWithLogitsLoss>(
      m, "BCEWithLogitsLoss",
      "Binary cross-entropy of sigmoid(input) without overflow; targets of input's shape in [0, "
      "1].\n\n"
      ">>> nn.BCEWithLogitsLoss()(weft.tensor([0.0, 2.0]), weft.tensor([0.0, 1.0]))\n"
      "tensor(0.4100)")
      .def(py::init([](const Tensor& weight, const Tensor& pos_weight, const std::string& r) {
             return std::make_unique<BCEWithLogitsLoss>(
                 BinaryCrossEntropyOptions{weight, pos_weight, reduction_of(r)});
           }),
           "weight"_a = py::none(), py::kw_only(), "pos_weight"_a = py::none(),
           "reduction"_a = "mean");
}

}  // namespace weft::python
