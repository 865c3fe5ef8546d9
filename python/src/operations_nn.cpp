#include <weft/ops/conv.h>
#include <weft/ops/dropout.h>
#include <weft/ops/elementwise.h>
#include <weft/ops/embedding.h>
#include <weft/ops/matmul.h>
#include <weft/ops/norm.h>
#include <weft/ops/pool.h>
#include <weft/ops/shape.h>
#include <weft/ops/softmax.h>
#include <weft/python/src/operations.h>

// weft.nn.functional, without the losses.
namespace weft::python {
namespace {

py::arg weight() { return py::arg("weight").none(false); }
py::arg_v none(const char* name) { return py::arg(name) = py::none(); }
py::arg_v in_place() { return "inplace"_a = false; }

// f(input, inplace=False)
template <class Op>
void def_activation(py::module_& f) {
  f.def(
      Op::name,
      [](Tensor& x, bool inplace) {
        return inplace ? detail::unary_<Op>(x) : detail::unary<Op>(x);
      },
      (std::string(Op::doc) + ".").c_str(), input(), in_place(), Released());
}

void bind_activations(py::module_& f) {
  def_activation<op::Relu>(f);
  def_activation<op::Silu>(f);
  def_activation<op::Sigmoid>(f);
  def_activation<op::Tanh>(f);
  f.def("relu_", &relu_, "relu() in place.", input(), Released());
  f.def(
      "leaky_relu",
      [](Tensor& x, double slope, bool inplace) {
        return inplace ? leaky_relu_(x, slope) : leaky_relu(x, slope);
      },
      "x where it is positive, negative_slope * x elsewhere.", input(), "negative_slope"_a = 0.01,
      in_place(), Released());
  f.def("leaky_relu_", &leaky_relu_, "leaky_relu() in place.", input(), "negative_slope"_a = 0.01,
        Released());
  f.def(
      "gelu",
      [](const Tensor& x, const std::string& approximate) { return gelu(x, approximate.c_str()); },
      "The Gaussian error linear unit x * (1 + erf(x / sqrt(2))) / 2, or with approximate 'tanh' "
      "x * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 x^3))) / 2 (Hendrycks and Gimpel 2016, "
      "arXiv:1606.08415).",
      input(), "approximate"_a = "none", Released());
  f.def("softplus", &softplus, "log(1 + exp(beta x)) / beta; x where beta x > threshold.", input(),
        "beta"_a = 1.0, "threshold"_a = 20.0, Released());
  f.def("softplus_", &softplus_, "softplus() in place.", input(), "beta"_a = 1.0,
        "threshold"_a = 20.0, Released());
  f.def("softmax", &softmax, "exp(x) / sum(exp(x)) along dim, without overflow.", input(), "dim"_a,
        no_dtype(), Released());
  f.def("log_softmax", &log_softmax, "The logarithm of softmax(x) along dim, without overflow.",
        input(), "dim"_a, no_dtype(), Released());
}

void bind_layers(py::module_& f) {
  f.def("linear", &linear,
        "input @ weight.t() + bias: input [..., in], weight [out, in], bias [out] or None give "
        "[..., out].",
        input(), weight(), none("bias"), Released());
  f.def(
      "embedding",
      [](const Tensor& index, const Tensor& rows, std::optional<Index> padding) {
        return embedding(rows, index, padding);
      },
      "The rows of weight [count, width] that input (int64 or int32, any shape) names: [input..., "
      "width]. The row padding_idx gets no gradient. IndexError where a row does not exist.",
      input(), weight(), none("padding_idx"), Released());
  f.def(
      "dropout",
      [](Tensor& x, double p, bool training, bool inplace, Generator* generator) {
        return inplace ? dropout_(x, p, training, generator) : dropout(x, p, training, generator);
      },
      "With probability p an element becomes 0, else x / (1 - p); input itself where training is "
      "false (Srivastava et al. 2014). Takes from the default generator unless one is given.",
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
      "where sizes do not fit, DTypeError unless all have one floating dtype.");
  one("conv2d_relu", &conv2d_relu, "relu(conv2d(...)) in one pass.");
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
      "The largest element of each window of the last two dimensions of input [N, C, H, W] or "
      "[C, H, W]; NaN wins, padding never does.\n\n"
      "kernel_size, stride (None: the kernel's), padding and dilation are an int or a pair. With "
      "return_indices also where each was found: int64, row * W + column.",
      "return_indices"_a = false);
  window(f, "max_pool2d_with_indices", &max_pool2d_with_indices, "max_pool2d(return_indices=True).",
         Released());
}

void bind_means(py::module_& f) {
  f.def("avg_pool2d", &avg_pool2d,
        "The mean of each window of the last two dimensions; divided by divisor_override if "
        "given, else by the window's size, with the padding in it if count_include_pad.",
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
      "None keeps the input's size.",
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
        "else the running ones are used. All are [C], of input's dtype, or float32 where that is "
        "a half.");
  batch("batch_norm_relu", &batch_norm_relu, "relu(batch_norm(...)) in one pass.");
  f.def("layer_norm", &layer_norm,
        "(x - mean) / sqrt(variance + eps) * weight + bias over the last dimensions, which "
        "normalized_shape names; weight and bias have that shape (Ba et al. 2016, "
        "arXiv:1607.06450).",
        input(), "normalized_shape"_a, none("weight"), none("bias"), "eps"_a = 1e-5, Released());
  f.def("local_response_norm", &local_response_norm,
        "x / (k + alpha / size * s)^beta, where s is the sum of squares of the `size` channels "
        "around (Krizhevsky et al. 2012).",
        input(), "size"_a, "alpha"_a = 1e-4, "beta"_a = 0.75, "k"_a = 1.0, Released());
}

void bind_pad(py::module_& f) {
  f.def(
      "pad",
      [](const Tensor& x, const Shape& amounts, const std::string& mode,
         const std::optional<Scalar>& value) {
        if (mode != "constant") {
          throw NotImplementedError("[pad] got mode '" + mode + "', expected 'constant'");
        }
        return pad(x, amounts, value.value_or(0));
      },
      "value around the elements: pad holds (low, high) of the last dimension, then of the one "
      "before; negative amounts cut off.",
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
