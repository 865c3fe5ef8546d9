#include <variant>

#include <weft/nn/conv.h>
#include <weft/nn/linear.h>
#include <weft/nn/pool.h>

#include <weft/python/src/nn_module.h>

// Layers with weights, and pools.
namespace weft::python {
namespace {

using namespace nn;
using PaddingArg = std::variant<std::string, Shape>;

Padding padding_of(const PaddingArg& p) {
  if (const auto* mode = std::get_if<std::string>(&p)) return Padding(std::string_view(*mode));
  return Padding(std::get<Shape>(p));
}

void bind_linear(py::module_& m) {
  Layer<Linear> c(
      m, "Linear",
      "Linear(in_features, out_features, bias=True, device=None, dtype=None)\n\n"
      "y = x weight^T + bias: [..., in_features] to [..., out_features]. With in_features 0 it is "
      "found out from the first input. Initial values: uniform within 1 / sqrt(in_features).\n\n"
      ">>> layer = nn.Linear(3, 2)\n"
      ">>> layer(weft.ones(5, 3)).shape\n"
      "weft.Size([5, 2])\n"
      ">>> layer\n"
      "Linear(in_features=3, out_features=2, bias=True)");
  c.def(typed_layer_init<Linear, Index, Index, bool>(
            [](Index in, Index out, bool bias) { return std::tuple(in, out, bias); }),
        "in_features"_a, "out_features"_a, "bias"_a = true, "device"_a = py::none(),
        "dtype"_a = py::none());
  def_overridable(c);
  def_parameter(
      c, "weight", [](const Linear& l) { return l.weight; },
      "What multiplies: [out_features, in_features].");
  def_parameter(
      c, "bias", [](const Linear& l) { return l.bias; }, "What is added: [out_features], or None.");
  c.def_property_readonly("in_features", &Linear::in_features,
                          "The size of the input's last dimension.");
  c.def_property_readonly("out_features", &Linear::out_features,
                          "The size of the result's last dimension.");
  def_arguments(c, [](const Linear& l) {
    return py::dict("in_features"_a = l.in_features(), "out_features"_a = l.out_features(),
                    "bias"_a = l.has_bias());
  });
}

using MaybeIndex = std::optional<Index>;

// A class of Python gets its own __init__() called.
py::object from_pretrained(const py::object& type, const Tensor& table, bool freeze,
                           MaybeIndex padding) {
  Embedding made = Embedding::from_pretrained(table, freeze, padding);
  if (type.is(py::type::of<Embedding>())) return py::cast(std::move(made));
  py::object own = type("num_embeddings"_a = made.num_embeddings(),
                        "embedding_dim"_a = made.embedding_dim(), "padding_idx"_a = padding);
  own.attr("weight") = py::reinterpret_steal<py::object>(wrap_parameter(made.weight));
  return own;
}

void def_from_pretrained(py::handle type) {
  const py::cpp_function f(
      &from_pretrained, py::name("from_pretrained"), py::scope(type),
      "An Embedding over the memory of a table [num_embeddings, embedding_dim] that is there. "
      "freeze: it gets no gradient. ShapeError for another number of dimensions.\n\n"
      ">>> table = nn.Embedding.from_pretrained(weft.tensor([[1.0, 2.0], [3.0, 4.0]]))\n"
      ">>> table(weft.tensor([1])), table.weight.requires_grad\n"
      "(tensor([[3., 4.]]), False)",
      "cls"_a, "embeddings"_a, "freeze"_a = true, "padding_idx"_a = py::none());
  type.attr("from_pretrained") = py::reinterpret_steal<py::object>(PyClassMethod_New(f.ptr()));
}

void bind_embedding(py::module_& m) {
  Layer<Embedding> c(m, "Embedding",
                     "Embedding(num_embeddings, embedding_dim, padding_idx=None, *, device=None, "
                     "dtype=None)\n\n"
                     "Rows of a table: integers of any shape to that shape + [embedding_dim]. The "
                     "row padding_idx starts as zeros and gets no gradient.\n\n"
                     ">>> table = nn.Embedding(10, 4)\n"
                     ">>> table(weft.tensor([[1, 2, 3]])).shape\n"
                     "weft.Size([1, 3, 4])");
  c.def(typed_layer_init<Embedding, Index, Index, MaybeIndex>(
            [](Index n, Index dim, MaybeIndex padding) { return std::tuple(n, dim, padding); }),
        "num_embeddings"_a, "embedding_dim"_a, "padding_idx"_a = py::none(), py::kw_only(),
        "device"_a = py::none(), "dtype"_a = py::none());
  def_overridable(c);
  def_from_pretrained(c);
  def_parameter(
      c, "weight", [](const Embedding& e) { return e.weight; },
      "The table: [num_embeddings, embedding_dim].");
  c.def_property_readonly("num_embeddings", &Embedding::num_embeddings, "How many rows there are.");
  c.def_property_readonly("embedding_dim", &Embedding::embedding_dim, "The width of a row.");
  c.def_property_readonly("padding_idx", &Embedding::padding_idx,
                          "The row that gets no gradient, or None.");
  def_arguments(c, [](const Embedding& e) {
    return py::dict("num_embeddings"_a = e.num_embeddings(), "embedding_dim"_a = e.embedding_dim(),
                    "padding_idx"_a = e.padding_idx());
  });
}

PaddingArg padding_arg(const Padding& p) {
  return p.same() ? PaddingArg("same") : PaddingArg(p.amounts());
}

void bind_conv(py::module_& m) {
  Layer<Conv2d> c(m, "Conv2d",
                  "Conv2d(in_channels, out_channels, kernel_size, stride=1, padding=0, dilation=1, "
                  "groups=1, bias=True, *, device=None, dtype=None)\n\n"
                  "The convolution of [N, C, H, W] or [C, H, W]. Sizes are one number, or one for "
                  "each dimension; padding may be \"same\" or \"valid\". With in_channels 0 it is "
                  "found out from the first input.\n\n"
                  ">>> conv = nn.Conv2d(3, 16, 3, stride=2, padding=1)\n"
                  ">>> conv(weft.ones(1, 3, 32, 32)).shape\n"
                  "weft.Size([1, 16, 16, 16])\n"
                  ">>> conv\n"
                  "Conv2d(3, 16, kernel_size=(3, 3), stride=(2, 2), padding=(1, 1))");
  c.def(typed_layer_init<Conv2d, Index, Index, Shape, Shape, PaddingArg, Shape, Index, bool>(
            [](Index in, Index out, const Shape& kernel, const Shape& stride,
               const PaddingArg& padding, const Shape& dilation, Index groups, bool bias) {
              return std::tuple(in, out, kernel,
                                Conv2dArgs{stride, padding_of(padding), dilation, groups, bias});
            }),
        "in_channels"_a, "out_channels"_a, "kernel_size"_a, "stride"_a = Shape{1},
        "padding"_a = PaddingArg(Shape{0}), "dilation"_a = Shape{1}, "groups"_a = 1,
        "bias"_a = true, py::kw_only(), "device"_a = py::none(), "dtype"_a = py::none());
  def_overridable(c);
  def_parameter(
      c, "weight", [](const Conv2d& l) { return l.weight; },
      "The kernels: [out_channels, in_channels / groups, height, width].");
  def_parameter(
      c, "bias", [](const Conv2d& l) { return l.bias; }, "What is added: [out_channels], or None.");
  c.def_property_readonly("in_channels", &Conv2d::in_channels, "Channels of the input.");
  c.def_property_readonly("out_channels", &Conv2d::out_channels, "Channels of the result.");
  c.def_property_readonly("kernel_size", &Conv2d::kernel_size, "Height and width of the kernel.");
  c.def_property_readonly(
      "stride", [](const Conv2d& l) { return l.args().stride; },
      "Pixels from one window to the next, by dimension.");
  c.def_property_readonly(
      "padding", [](const Conv2d& l) { return padding_arg(l.args().padding); },
      "Zeros at each side, by dimension, or \"same\".");
  c.def_property_readonly(
      "dilation", [](const Conv2d& l) { return l.args().dilation; },
      "The distance of the kernel's pixels, by dimension.");
  c.def_property_readonly(
      "groups", [](const Conv2d& l) { return l.args().groups; },
      "Into how many groups the channels fall.");
  def_arguments(c, [](const Conv2d& l) {
    const Conv2dArgs& a = l.args();
    return py::dict("in_channels"_a = l.in_channels(), "out_channels"_a = l.out_channels(),
                    "kernel_size"_a = l.kernel_size(), "stride"_a = a.stride,
                    "padding"_a = padding_arg(a.padding), "dilation"_a = a.dilation,
                    "groups"_a = a.groups, "bias"_a = a.bias);
  });
}

// One number, or one for each dimension, as it was given; -1 is None.
py::object given(const Shape& s) {
  const auto one = [](Index n) -> py::object {
    return n < 0 ? py::object(py::none()) : py::int_(n);
  };
  return s.size() == 1 ? one(s[0]) : py::make_tuple(one(s[0]), one(s[1]));
}

// What pools have in common.
template <class Class>
void def_pool(Class& c) {
  using M = typename Class::type;
  c.def_property_readonly(
      "kernel_size", [](const M& m) { return given(m.kernel_size()); },
      "Height and width of a window.");
  c.def_property_readonly(
      "stride",
      [](const M& m) { return given(m.args().stride.empty() ? m.kernel_size() : m.args().stride); },
      "Pixels from one window to the next, by dimension.");
  c.def_property_readonly(
      "padding", [](const M& m) { return given(m.args().padding); },
      "Pixels added at each side, by dimension.");
  c.def_property_readonly(
      "ceil_mode", [](const M& m) { return m.args().ceil_mode; },
      "Whether windows may begin inside and end outside.");
}

void bind_max_pool(py::module_& m) {
  Layer<MaxPool2d> max(
      m, "MaxPool2d",
      "MaxPool2d(kernel_size, stride=None, padding=0, dilation=1, return_indices=False, "
      "ceil_mode=False)\n\n"
      "The largest element of each window; stride None is the kernel's size. With return_indices a "
      "pair with where each was found, int64: row * width + column. Such a pool is no part of a "
      "Sequential.\n\n"
      ">>> nn.MaxPool2d(2)(weft.arange(16.0).reshape(1, 4, 4))\n"
      "tensor([[[ 5.,  7.],\n"
      "         [13., 15.]]])");
  // One that returns two tensors is called as one of a class of Python is.
  using Own = Overridable<MaxPool2d>;
  max.def(py::init(
              [](const Shape& kernel, const Shape& stride, const Shape& padding,
                 const Shape& dilation, bool indices, bool ceil) {
                const MaxPool2dArgs args{stride, padding, dilation, ceil, indices};
                return std::unique_ptr<MaxPool2d>(indices ? new Own(kernel, args)
                                                          : new MaxPool2d(kernel, args));
              },
              [](const Shape& kernel, const Shape& stride, const Shape& padding,
                 const Shape& dilation, bool indices, bool ceil) {
                const MaxPool2dArgs args{stride, padding, dilation, ceil, indices};
                return std::make_unique<Own>(kernel, args);
              }),
          "kernel_size"_a, "stride"_a = py::none(), "padding"_a = Shape{0}, "dilation"_a = Shape{1},
          "return_indices"_a = false, "ceil_mode"_a = false);
  def_overridable(max);
  max.attr("forward") = py::cpp_function(
      [](MaxPool2d& p, const Tensor& x) -> py::object {
        if (p.args().return_indices) return py::cast(p.forward_with_indices(x));
        Tensor y;
        {
          const py::gil_scoped_release released;
          y = p.MaxPool2d::forward(x);
        }
        return py::cast(y);
      },
      py::name("forward"), py::is_method(max),
      "What the module computes; call the module itself, which also runs its hooks.", "input"_a);
  def_pool(max);
  max.def_property_readonly(
      "return_indices", [](const MaxPool2d& p) { return p.args().return_indices; },
      "Whether a call also tells where each element was found.");
  max.def_property_readonly(
      "dilation", [](const MaxPool2d& p) { return given(p.args().dilation); },
      "The distance of a window's pixels, by dimension.");
  def_arguments(max, [](const MaxPool2d& p) {
    const MaxPool2dArgs& a = p.args();
    return py::dict("kernel_size"_a = p.kernel_size(), "stride"_a = a.stride,
                    "padding"_a = a.padding, "dilation"_a = a.dilation,
                    "return_indices"_a = a.return_indices, "ceil_mode"_a = a.ceil_mode);
  });
}

void bind_avg_pool(py::module_& m) {
  Layer<AvgPool2d> avg(m, "AvgPool2d",
                       "AvgPool2d(kernel_size, stride=None, padding=0, ceil_mode=False, "
                       "count_include_pad=True, divisor_override=None)\n\n"
                       "The mean of each window.\n\n"
                       ">>> nn.AvgPool2d(2)(weft.arange(16.0).reshape(1, 4, 4))\n"
                       "tensor([[[ 2.5000,  4.5000],\n"
                       "         [10.5000, 12.5000]]])");
  avg.def(layer_init<AvgPool2d, Shape, Shape, Shape, bool, bool, MaybeIndex>(
              [](const Shape& kernel, const Shape& stride, const Shape& padding, bool ceil,
                 bool include, MaybeIndex divisor) {
                return std::tuple(kernel, AvgPool2dArgs{stride, padding, ceil, include, divisor});
              }),
          "kernel_size"_a, "stride"_a = py::none(), "padding"_a = Shape{0}, "ceil_mode"_a = false,
          "count_include_pad"_a = true, "divisor_override"_a = py::none());
  def_overridable(avg);
  def_pool(avg);
  avg.def_property_readonly(
      "count_include_pad", [](const AvgPool2d& p) { return p.args().count_include_pad; },
      "Whether added pixels count.");
  avg.def_property_readonly(
      "divisor_override", [](const AvgPool2d& p) { return p.args().divisor_override; },
      "What sums are divided by, or None for the window's pixels.");
  def_arguments(avg, [](const AvgPool2d& p) {
    const AvgPool2dArgs& a = p.args();
    return py::dict("kernel_size"_a = p.kernel_size(), "stride"_a = a.stride,
                    "padding"_a = a.padding, "ceil_mode"_a = a.ceil_mode,
                    "count_include_pad"_a = a.count_include_pad,
                    "divisor_override"_a = a.divisor_override);
  });
}

void bind_adaptive_pool(py::module_& m) {
  Layer<AdaptiveAvgPool2d> adaptive(
      m, "AdaptiveAvgPool2d",
      "AdaptiveAvgPool2d(output_size)\n\n"
      "Means over as many windows as output_size says; None keeps the input's size.\n\n"
      ">>> nn.AdaptiveAvgPool2d(1)(weft.ones(1, 3, 7, 5)).shape\n"
      "weft.Size([1, 3, 1, 1])");
  using Sizes = std::variant<Index, std::vector<MaybeIndex>>;
  adaptive.def(layer_init<AdaptiveAvgPool2d, Sizes>([](const Sizes& given) {
                 if (const Index* one = std::get_if<Index>(&given)) return std::tuple(Shape{*one});
                 Shape sizes;
                 for (const auto& s : std::get<1>(given)) sizes.push_back(s.value_or(-1));
                 return std::tuple(sizes);
               }),
               "output_size"_a);
  def_overridable(adaptive);
  adaptive.def_property_readonly(
      "output_size", [](const AdaptiveAvgPool2d& p) { return given(p.output_size()); },
      "Height and width of the result; None is the input's.");
  def_arguments(adaptive, [](const AdaptiveAvgPool2d& p) {
    return py::dict("output_size"_a = given(p.output_size()));
  });
}

}  // namespace

void bind_nn_layers(py::module_& m) {
  bind_linear(m);
  bind_embedding(m);
  bind_conv(m);
  bind_max_pool(m);
  bind_avg_pool(m);
  bind_adaptive_pool(m);
}

}  // namespace weft::python
