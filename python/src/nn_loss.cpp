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

std::string name_of(weft::Reduction r) {
  return r == weft::Reduction::None ? "none" : r == weft::Reduction::Mean ? "mean" : "sum";
}

constexpr const char* kReduction = "\"none\", \"mean\" or \"sum\".";

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
  auto c = loss_class<M>(m, name, doc);
  c.def(py::init([](const std::string& r) { return std::make_unique<M>(reduction_of(r)); }),
        py::kw_only(), "reduction"_a = "mean");
  c.def_property_readonly(
      "reduction", [](const M& l) { return name_of(l.reduction()); }, kReduction);
  def_arguments(c, [](const M& l) { return py::dict("reduction"_a = name_of(l.reduction())); });
}

template <class Class>
void def_class_loss(Class& c) {
  using M = typename Class::type;
  c.def_property_readonly(
      "weight", [](const M& l) { return l.options().weight; }, "Of each class, or None.");
  c.def_property_readonly(
      "ignore_index", [](const M& l) { return l.options().ignore_index; },
      "The class that does not count.");
  c.def_property_readonly(
      "reduction", [](const M& l) { return name_of(l.options().reduction); }, kReduction);
}

void bind_cross_entropy(py::module_& m) {
  auto c = loss_class<CrossEntropyLoss>(
      m, "CrossEntropyLoss",
      "-log_softmax(input)[target], classes in dim 1; targets are class indices, or probabilities "
      "of input's shape. See weft.nn.functional.cross_entropy().\n\n"
      ">>> nn.CrossEntropyLoss()(weft.tensor([[2.0, 0.0, 0.0]]), weft.tensor([0]))\n"
      "tensor(0.2395)");
  c.def(py::init([](const Tensor& weight, Index ignore, const std::string& r, double smoothing) {
          return std::make_unique<CrossEntropyLoss>(
              CrossEntropyOptions{weight, ignore, reduction_of(r), smoothing});
        }),
        "weight"_a = py::none(), py::kw_only(), "ignore_index"_a = -100, "reduction"_a = "mean",
        "label_smoothing"_a = 0.0);
  def_class_loss(c);
  c.def_property_readonly(
      "label_smoothing", [](const CrossEntropyLoss& l) { return l.options().label_smoothing; },
      "The part of the target that is spread over all classes.");
  def_arguments(c, [](const CrossEntropyLoss& l) {
    const CrossEntropyOptions& o = l.options();
    return py::dict("weight"_a = o.weight, "ignore_index"_a = o.ignore_index,
                    "reduction"_a = name_of(o.reduction), "label_smoothing"_a = o.label_smoothing);
  });
}

void bind_nll(py::module_& m) {
  auto c = loss_class<NLLLoss>(m, "NLLLoss",
                               "-input[target] of log-probabilities, classes in dim 1. See "
                               "weft.nn.functional.nll_loss().\n\n"
                               ">>> nn.NLLLoss()(weft.tensor([[-0.5, -1.0]]), weft.tensor([1]))\n"
                               "tensor(1.)");
  c.def(py::init([](const Tensor& weight, Index ignore, const std::string& r) {
          return std::make_unique<NLLLoss>(NllLossOptions{weight, ignore, reduction_of(r)});
        }),
        "weight"_a = py::none(), py::kw_only(), "ignore_index"_a = -100, "reduction"_a = "mean");
  def_class_loss(c);
  def_arguments(c, [](const NLLLoss& l) {
    const NllLossOptions& o = l.options();
    return py::dict("weight"_a = o.weight, "ignore_index"_a = o.ignore_index,
                    "reduction"_a = name_of(o.reduction));
  });
}

void bind_binary_cross_entropy(py::module_& m) {
  using M = BCEWithLogitsLoss;
  auto c = loss_class<M>(
      m, "BCEWithLogitsLoss",
      "Binary cross-entropy of sigmoid(input) without overflow; targets of input's shape in [0, "
      "1].\n\n"
      ">>> nn.BCEWithLogitsLoss()(weft.tensor([0.0, 2.0]), weft.tensor([0.0, 1.0]))\n"
      "tensor(0.4100)");
  c.def(
      py::init([](const Tensor& weight, const Tensor& pos_weight, const std::string& r) {
        return std::make_unique<M>(BinaryCrossEntropyOptions{weight, pos_weight, reduction_of(r)});
      }),
      "weight"_a = py::none(), py::kw_only(), "pos_weight"_a = py::none(), "reduction"_a = "mean");
  c.def_property_readonly(
      "weight", [](const M& l) { return l.options().weight; }, "Of each element, or None.");
  c.def_property_readonly(
      "pos_weight", [](const M& l) { return l.options().pos_weight; },
      "Of the positive targets, or None.");
  c.def_property_readonly(
      "reduction", [](const M& l) { return name_of(l.options().reduction); }, kReduction);
  def_arguments(c, [](const M& l) {
    const BinaryCrossEntropyOptions& o = l.options();
    return py::dict("weight"_a = o.weight, "pos_weight"_a = o.pos_weight,
                    "reduction"_a = name_of(o.reduction));
  });
}

}  // namespace

void bind_nn_losses(py::module_& m) {
  py::classh<Loss, Module>(m, "Loss", "A module of a prediction and its target.");
  bind_cross_entropy(m);
  bind_nll(m);
  bind_distance<MSELoss>(m, "MSELoss",
                         "(input - target)^2; the shapes broadcast.\n\n"
                         ">>> nn.MSELoss()(weft.tensor([1.0, 2.0]), weft.tensor([1.0, 4.0]))\n"
                         "tensor(2.)");
  bind_distance<L1Loss>(m, "L1Loss",
                        "|input - target|; the shapes broadcast.\n\n"
                        ">>> nn.L1Loss()(weft.tensor([1.0, 2.0]), weft.tensor([1.0, 4.0]))\n"
                        "tensor(1.)");
  bind_binary_cross_entropy(m);
}

}  // namespace weft::python
