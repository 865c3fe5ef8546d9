#include <weft/ops/loss.h>
#include <weft/python/src/operations.h>

// The losses of weft.nn.functional.
namespace weft::python {
namespace {

py::arg target() { return py::arg("target").none(false); }
py::arg_v weight() { return "weight"_a = py::none(); }
py::arg_v reduction() { return "reduction"_a = "mean"; }

void bind_class_losses(py::module_& f) {
  f.def(
      "cross_entropy",
      [](const Tensor& x, const Tensor& t, const Tensor& w, Index ignore, Reduction r, double s) {
        return cross_entropy(x, t, {w, ignore, r, s});
      },
      "-log_softmax(input)[target], with classes in dim 1 (dim 0 of a vector): input is [N, C], "
      "[C] or [N, C, d1, d2...].\n\n"
      "target holds class indices (int64) of input's shape without C, or probabilities of its "
      "shape and dtype. weight is [C]; targets of ignore_index do not count; label_smoothing "
      "spreads this part of the target over all classes. 'mean' divides by the sum of the targets' "
      "weights. IndexError where a target is out of range.\n\n"
      ">>> scores = weft.tensor([[2.0, 0.0, 0.0], [0.0, 0.0, 0.0]])\n"
      ">>> F.cross_entropy(scores, weft.tensor([0, 2]))\n"
      "tensor(0.6691)\n"
      ">>> F.cross_entropy(scores, weft.tensor([0, 2]), reduction=\"none\")\n"
      "tensor([0.2395, 1.0986])",
      input(), target(), weight(), py::kw_only(), "ignore_index"_a = -100, reduction(),
      "label_smoothing"_a = 0.0, Released());
  f.def(
      "nll_loss",
      [](const Tensor& x, const Tensor& t, const Tensor& w, Index ignore, Reduction r) {
        return nll_loss(x, t, {w, ignore, r});
      },
      "cross_entropy() of log-probabilities and class indices. input is [N, C], [C] or [N, C, "
      "d1...].\n\n"
      ">>> log_p = F.log_softmax(weft.tensor([[2.0, 0.0, 0.0]]), dim=1)\n"
      ">>> F.nll_loss(log_p, weft.tensor([0]))\n"
      "tensor(0.2395)",
      input(), target(), weight(), py::kw_only(), "ignore_index"_a = -100, reduction(), Released());
}

void bind_distances(py::module_& f) {
  f.def("mse_loss", &mse_loss,
        "(input - target)^2; the shapes broadcast. reduction 'mean' or 'sum' gives one number, "
        "'none' all.\n\n"
        ">>> F.mse_loss(weft.tensor([1.0, 2.0]), weft.tensor([1.0, 4.0]))\n"
        "tensor(2.)",
        input(), target(), py::kw_only(), reduction(), Released());
  f.def("l1_loss", &l1_loss,
        "|input - target|; the shapes broadcast. reduction 'mean' or 'sum' gives one number, "
        "'none' all.\n\n"
        ">>> F.l1_loss(weft.tensor([1.0, 2.0]), weft.tensor([1.0, 4.0]))\n"
        "tensor(1.)",
        input(), target(), py::kw_only(), reduction(), Released());
  f.def(
      "binary_cross_entropy_with_logits",
      [](const Tensor& x, const Tensor& t, const Tensor& w, Reduction r, const Tensor& positive) {
        return binary_cross_entropy_with_logits(x, t, {w, positive, r});
      },
      "-(pos_weight y log(sigmoid(x)) + (1 - y) log(1 - sigmoid(x))) without overflow, for targets "
      "y of input's shape in [0, 1]; weight and pos_weight broadcast to it.\n\n"
      ">>> F.binary_cross_entropy_with_logits(weft.tensor([0.0, 2.0]), weft.tensor([0.0, 1.0]))\n"
      "tensor(0.4100)",
      input(), target(), weight(), py::kw_only(), reduction(), "pos_weight"_a = py::none(),
      Released());
}

}  // namespace

void bind_losses(py::module_& f) {
  bind_class_losses(f);
  bind_distances(f);
  f.def("one_hot", &one_hot,
        "int64 of tensor's shape and one dimension of num_classes more: 1 at the index, else 0. "
        "num_classes -1 takes the largest index + 1.\n\n"
        ">>> F.one_hot(weft.tensor([0, 2]), 3)\n"
        "tensor([[1, 0, 0],\n"
        "        [0, 0, 1]])",
        py::arg("tensor").none(false), "num_classes"_a = -1, Released());
}

}  // namespace weft::python
