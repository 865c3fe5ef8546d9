#include <weft/ops/conv.h>
#include <weft/ops/dropout.h>
#include <weft/ops/elementwise.h>
#include <weft/ops/embedding.h>
#include <weft/ops/matmul.h>
#include <weft/ops/norm.h>
#include <weft/ops/pool.h>
#include <weft/ops/shape.h>
#include <weft/ops/softmax.h>
#include <weft/python/src/elementwise.h>
#include <weft/python/src/operations.h>

// weft.nn.functional, without the losses.
namespace weft::python {
namespace {

py::arg weight() { return py::arg("weight").none(false); }
py::arg_v none(const char* name) { return py::arg(name) = py::none(); }
py::arg_v in_place() { return "inplace"_a = false; }

// The example calls it as a function of weft.nn.functional.
template <class Op>
std::string activation_doc() {
  std::string text = unary_doc(Op::name, Op::doc, Op::domain);
  const std::size_t call = text.find(">>> weft.");
  text.replace(call + 4, 5, "F.");
  return text.insert(call - 2, " With inplace input itself is changed and returned.");
}

// f(input, inplace=False)
template <class Op>
void def_activation(py::module_& f) {
  f.def(
      Op::name,
      [](Tensor& x, bool inplace) {
        return inplace ? detail::unary_<Op>(x) : detail::unary<Op>(x);
      },
      activation_doc<Op>().c_str(), input(), in_place(), Released());
}

void bind_activations(py::module_& f) {
  def_activation<op::Relu>(f);
  def_activation<op::Silu>(f);
  def_activation<op::Sigmoid>(f);
  def_activation<op::Tanh>(f);
  f.def("relu_", &relu_,
        "relu() in place. Returns its input.\n\n"
        ">>> x = weft.tensor([-1.0, 2.0])\n"
        ">>> F.relu_(x) is x, x\n"
        "(True, tensor([0., 2.]))",
        input(), Released());
  f.def(
      "leaky_relu",
      [](Tensor& x, double slope, bool inplace) {
        return inplace ? leaky_relu_(x, slope) : leaky_relu(x, slope);
      },
      "x where it is positive, negative_slope * x elsewhere. See Maas, Hannun and Ng 2013.\n\n"
      ">>> F.leaky_relu(weft.tensor([-1.0, 2.0]), 0.1)\n"
      "tensor([-0.1000,  2.0000])",
      input(), "negative_slope"_a = 0.01, in_place(), Released());
  f.def("leaky_relu_", &leaky_relu_,
        "leaky_relu() in place. Returns its input.\n\n"
        ">>> F.leaky_relu_(weft.tensor([-1.0, 2.0]))\n"
        "tensor([-0.0100,  2.0000])",
        input(), "negative_slope"_a = 0.01, Released());
  f.def(
      "gelu",
      [](const Tensor& x, const std::string& approximate) { return gelu(x, approximate.c_str()); },
      "The Gaussian error linear unit x * (1 + erf(x / sqrt(2))) / 2, or with approximate 'tanh' x "
      "* (1 + tanh(sqrt(2 / pi) * (x + 0.044715 x^3))) / 2 (Hendrycks and Gimpel 2016, "
      "arXiv:1606.08415).\n\n"
      ">>> F.gelu(weft.tensor([-1.0, 0.0, 1.0]))\n"
      "tensor([-0.1587,  0.0000,  0.8413])",
      input(), "approximate"_a = "none", Released());
  f.def("softplus", &softplus,
        "log(1 + exp(beta x)) / beta; x where beta x > threshold. A smooth form of relu() (Dugas "
        "et al. 2001).\n\n"
        ">>> F.softplus(weft.tensor([-1.0, 0.0, 30.0]))\n"
        "tensor([ 0.3133,  0.6931, 30.0000])",
        input(), "beta"_a = 1.0, "threshold"_a = 20.0, Released());
  f.def("softplus_", &softplus_,
        "softplus() in place. Returns its input.\n\n"
        ">>> F.softplus_(weft.tensor([0.0]))\n"
        "tensor([0.6931])",
        input(), "beta"_a = 1.0, "threshold"_a = 20.0, Released());
  f.def("softmax", &softmax,
        "exp(x) / sum(exp(x)) along dim, without overflow. With a dtype x is converted first.\n\n"
        ">>> F.softmax(weft.tensor([1.0, 2.0, 3.0]), dim=0)\n"
        "tensor([0.0900, 0.2447, 0.6652])",
        input(), "dim"_a, no_dtype(), Released());
  f.def("log_softmax", &log_softmax,
        "The logarithm of softmax(x) along dim, without overflow. With a dtype x is converted "
        "first.\n\n"
        ">>> F.log_softmax(weft.tensor([0.0, 0.0]), dim=0)\n"
        "tensor([-0.6931, -0.6931])",
        input(), "dim"_a, no_dtype(), Released());
}

void bind_layers(py::module_& f) {
  f.def("linear", &linear,
        "input @ weight.t() + bias: input [..., in], weight [out, in], bias [out] or None give "
        "[..., out]. ShapeError where sizes do not fit, DTypeError for mixed dtypes.\n\n"
        ">>> F.linear(weft.tensor([[1.0, 2.0]]), weft.tensor([[10.0, 1.0], [0.0, 5.0]]), "
        "weft.tensor([0.5, 0.0]))\n"
        "tensor([[12.5000, 10.0000]])",
        input(), weight(), none("bias"), Released());
  f.def("linear_relu", &linear_relu,
        "relu(linear(...)) in one pass, which keeps only the result.\n\n"
        ">>> F.linear_relu(weft.ones(1, 2), weft.tensor([[1.0, 2.0], [-3.0, 0.0]]))\n"
        "tensor([[3., 0.]])",
        input(), weight(), none("bias"), Released());
  f.def(
      "linear_gelu",
      [](const Tensor& x, const Tensor& weight, const Tensor& bias, const std::string& form) {
        return linear_gelu(x, weight, bias, form.c_str());
      },
      "gelu(linear(...), approximate), in one pass where no gradient is recorded: that of gelu "
      "needs what linear gives, which one pass does not keep.\n\n"
      ">>> F.linear_gelu(weft.ones(1, 2), weft.tensor([[0.5, 0.5], [-1.0, 0.0]]))\n"
      "tensor([[ 0.8413, -0.1587]])",
      input(), weight(), none("bias"), "approximate"_a = "none", Released());
  f.def(
      "embedding",
      [](const Tensor& index, const Tensor& rows, std::optional<Index> padding) {
        return embedding(rows, index, padding);
      },
      "The rows of weight [count, width] that input (int64 or int32, any shape) names: [input..., "
      "width]. The row padding_idx gets no gradient. IndexError where a row does not exist.\n\n"
      ">>> rows = weft.tensor([[0.0, 0.1], [1.0, 1.1], [2.0, 2.1]])\n"
      ">>> F.embedding(weft.tensor([2, 0]), rows)\n"
      "tensor([[2.0000, 2.1000],\n"
      "        [0.0000, 0.1000]])",
      input(), weight(), none("padding_idx"), Released());
  f.def(
      "dropout",
      [](Tensor& x, double p, bool training, bool inplace, Generator* generator) {
        return inplace ? dropout_(x, p, training, generator) : dropout(x, p, training, generator);
      },
      "With probability p an element becomes 0, else x / (1 - p); input itself where training is "
      "false (Srivastava et al. 2014). Takes from the default generator unless one is given.\n\n"
      ">>> F.dropout(weft.ones(8), 0.5, generator=weft.Generator(1))\n"
      "tensor([2., 2., 2., 2., 2., 2., 0., 2.])\n"
      ">>> F.dropout(weft.ones(2), 0.5, training=False)\n"
      "tensor([1., 1.])",
      input(), "p"_a = 0.5, "training"_a = true, in_place(), none("generator"), Released());
  def_method(
      "dropout_",
      [](Tensor& x, double p, bool training, Generator* generator) {
        return dropout_(x, p, training, generator);
      },
      "weft.nn.functional.dropout() in place.", "p"_a = 0.5, "training"_a = true, none("generator"),
      Released());
}

void bind_convolutions(py::module_& f) {
  const auto one = [&](const char* name, auto* function, const char* doc) {
    f.def(name, function, doc, input(), weight(), none("bias"), "stride"_a = 1, "padding"_a = 0,
          "dilation"_a = 1, "groups"_a = 1, Released());
  };
  one("conv2d",
      static_cast<Tensor (*)(const Tensor&, const Tensor&, const Tensor&, const Shape&,
                             const Padding&, const Shape&, Index)>(&weft::conv2d),
      "Cross-correlation of input [N, C, H, W] or [C, H, W] with weight [K, C / groups, R, S], "
      "plus bias [K]: [N, K, H', W'], channels-last in memory.\n\n"
      "stride and dilation are an int or a pair; padding too, or 'valid' or 'same'. ShapeError "
      "where sizes do not fit, DTypeError unless all have one floating dtype.\n\n"
      ">>> x, w = weft.ones(1, 3, 8, 8), weft.ones(16, 3, 3, 3)\n"
      ">>> F.conv2d(x, w, padding=1).shape\n"
      "weft.Size([1, 16, 8, 8])\n"
      ">>> F.conv2d(x, w, stride=2)[0, 0, 0, 0]\n"
      "tensor(27.)");
  one("conv2d_relu", &conv2d_relu,
      "relu(conv2d(...)) in one pass, which keeps only the result.\n\n"
      ">>> F.conv2d_relu(weft.ones(1, 1, 2, 2), weft.full((1, 1, 2, 2), -1.0))\n"
      "tensor([[[[0.]]]])");
}

void bind_max_pool(py::module_& f) {
  const auto window = [](py::module_& m, const char* name, auto pool, const char* doc,
                         auto... more) {
    m.def(name, pool, doc, input(), "kernel_size"_a, none("stride"), "padding"_a = 0,
          "dilation"_a = 1, "ceil_mode"_a = false, more...);
  };
  window(
      f, "max_pool2d",
      [](const Tensor& x, const Shape& kernel, const Shape& stride, const Shape& padding,
         const Shape& dilation, bool ceil_mode, bool return_indices) -> py::object {
        std::tuple<Tensor, Tensor> both;
        {
          const Unlocked unlocked;
          if (return_indices) {
            both = max_pool2d_with_indices(x, kernel, stride, padding, dilation, ceil_mode);
          } else {
            std::get<0>(both) = max_pool2d(x, kernel, stride, padding, dilation, ceil_mode);
          }
        }
        return return_indices ? py::cast(both) : py::cast(std::get<0>(both));
      },
      "The largest element of each window of the last two dimensions of input [N, C, H, W] or [C, "
      "H, W]; NaN wins, padding never does.\n\n"
      "kernel_size, stride (None: the kernel's), padding and dilation are an int or a pair. With "
      "return_indices also where each was found: int64, row * W + column.\n\n"
      ">>> x = weft.arange(16.0).reshape(1, 4, 4)\n"
      ">>> F.max_pool2d(x, 2)\n"
      "tensor([[[ 5.,  7.],\n"
      "         [13., 15.]]])\n"
      ">>> F.max_pool2d(x, 2, return_indices=True)[1]\n"
      "tensor([[[ 5,  7],\n"
      "         [13, 15]]])",
      "return_indices"_a = false);
  window(f, "max_pool2d_with_indices", &max_pool2d_with_indices,
         "max_pool2d(return_indices=True). A pair (values, indices).\n\n"
         ">>> values, indices = F.max_pool2d_with_indices(weft.arange(16.0).reshape(1, 4, 4), 2)\n"
         ">>> indices\n"
         "tensor([[[ 5,  7],\n"
         "         [13, 15]]])",
         Released());
}

void bind_means(py::module_& f) {
  f.def("avg_pool2d", &avg_pool2d,
        "The mean of each window of the last two dimensions; divided by divisor_override if given, "
        "else by the window's size, with the padding in it if count_include_pad. input is [N, C, "
        "H, W] or [C, H, W].\n\n"
        ">>> F.avg_pool2d(weft.arange(16.0).reshape(1, 4, 4), 2)\n"
        "tensor([[[ 2.5000,  4.5000],\n"
        "         [10.5000, 12.5000]]])",
        input(), "kernel_size"_a, none("stride"), "padding"_a = 0, "ceil_mode"_a = false,
        "count_include_pad"_a = true, none("divisor_override"), Released());
  f.def(
      "adaptive_avg_pool2d",
      [](const Tensor& x, const std::variant<Index, std::vector<std::optional<Index>>>& size) {
        if (const Index* one = std::get_if<Index>(&size)) return adaptive_avg_pool2d(x, *one);
        Shape sizes;
        for (const auto& s : std::get<1>(size)) sizes.push_back(s.value_or(-1));
        return adaptive_avg_pool2d(x, sizes);
      },
      "Means of windows that share the input out evenly; output_size is an int or a pair, in which "
      "None keeps the input's size.\n\n"
      ">>> F.adaptive_avg_pool2d(weft.arange(16.0).reshape(1, 4, 4), 2)\n"
      "tensor([[[ 2.5000,  4.5000],\n"
      "         [10.5000, 12.5000]]])\n"
      ">>> F.adaptive_avg_pool2d(weft.zeros(1, 3, 7, 5), (1, None)).shape\n"
      "weft.Size([1, 3, 1, 5])",
      input(), "output_size"_a, Released());
}

void bind_norms(py::module_& f) {
  const auto batch = [&](const char* name, auto* function, const char* doc) {
    f.def(name, function, doc, input(), "running_mean"_a, "running_var"_a, none("weight"),
          none("bias"), "training"_a = false, "momentum"_a = 0.1, "eps"_a = 1e-5, Released());
  };
  batch("batch_norm", &batch_norm,
        "(x - mean) / sqrt(variance + eps) * weight + bias for each channel of input [N, C, ...] "
        "(Ioffe and Szegedy 2015, arXiv:1502.03167).\n\n"
        "Training takes mean and variance from the batch and moves the running ones, where given; "
        "else the running ones are used. All are [C], of input's dtype, or float32 where that is a "
        "half.\n\n"
        ">>> x = weft.tensor([[1.0, 10.0], [3.0, 30.0]])\n"
        ">>> F.batch_norm(x, None, None, training=True)\n"
        "tensor([[-1.0000, -1.0000],\n"
        "        [ 1.0000,  1.0000]])\n"
        ">>> F.batch_norm(x, weft.zeros(2), weft.full((2,), 4.0))\n"
        "tensor([[ 0.5000,  5.0000],\n"
        "        [ 1.5000, 15.0000]])");
  batch("batch_norm_relu", &batch_norm_relu,
        "relu(batch_norm(...)) in one pass, which keeps only the result.\n\n"
        ">>> F.batch_norm_relu(weft.tensor([[1.0], [3.0]]), None, None, training=True)\n"
        "tensor([[0.0000],\n"
        "        [1.0000]])");
  f.def("layer_norm", &layer_norm,
        "(x - mean) / sqrt(variance + eps) * weight + bias over the last dimensions, which "
        "normalized_shape names; weight and bias have that shape (Ba et al. 2016, "
        "arXiv:1607.06450). ShapeError where the shapes differ.\n\n"
        ">>> F.layer_norm(weft.tensor([[1.0, 2.0, 3.0]]), (3,))\n"
        "tensor([[-1.2247,  0.0000,  1.2247]])",
        input(), "normalized_shape"_a, none("weight"), none("bias"), "eps"_a = 1e-5, Released());
  f.def("local_response_norm", &local_response_norm,
        "x / (k + alpha / size * s)^beta, where s is the sum of squares of the `size` channels "
        "around (Krizhevsky et al. 2012). input is [N, C, ...] of a floating dtype.\n\n"
        ">>> F.local_response_norm(weft.ones(1, 3, 1, 1), size=3, alpha=3.0, k=0.0).flatten()\n"
        "tensor([0.5946, 0.4387, 0.5946])",
        input(), "size"_a, "alpha"_a = 1e-4, "beta"_a = 0.75, "k"_a = 1.0, Released());
}

PadMode pad_mode(const std::string& name, const std::optional<Scalar>& value) {
  constexpr const char* names[] = {"constant", "reflect", "replicate", "circular"};
  for (int i = 0; i < 4; ++i) {
    if (name != names[i]) continue;
    if (i > 0 && value && value->to_double() != 0) {
      throw ValueError("[pad] got a value for mode '" + name + "', expected it for 'constant'");
    }
    return static_cast<PadMode>(i);
  }
  throw NotImplementedError("[pad] got mode '" + name +
                            "', expected 'constant', 'reflect', 'replicate' or 'circular'");
}

void bind_pad(py::module_& f) {
  f.def(
      "pad",
      [](const Tensor& x, const Shape& amounts, const std::string& mode,
         const std::optional<Scalar>& value) {
        return pad(x, amounts, pad_mode(mode, value), value.value_or(0));
      },
      "A border around the elements: pad holds (low, high) of the last dimension, then of the one "
      "before; negative amounts cut off.\n\n"
      "It holds value, or by mode: 'reflect' the elements mirrored at the edge (at most one less "
      "than there are), 'replicate' the edge, 'circular' those from the other end (at most all). "
      "ShapeError where there are not so many.\n\n"
      ">>> F.pad(weft.tensor([[1, 2], [3, 4]]), (1, 0, 0, 1))\n"
      "tensor([[0, 1, 2],\n"
      "        [0, 3, 4],\n"
      "        [0, 0, 0]])\n"
      ">>> F.pad(weft.tensor([1, 2, 3]), (2, 2), mode=\"reflect\")\n"
      "tensor([3, 2, 1, 2, 3, 2, 1])",
      input(), "pad"_a, "mode"_a = "constant", none("value"), Released());
}

}  // namespace

void bind_functional(py::module_& f) {
  bind_activations(f);
  bind_layers(f);
  bind_convolutions(f);
  bind_max_pool(f);
  bind_means(f);
  bind_norms(f);
  bind_pad(f);
}

}  // namespace weft::python
