#include <weft/ops/make.h>

#include <weft/python/src/array.h>
#include <weft/python/src/operations.h>

// Functions that make tensors.
namespace weft::python {
namespace {

using MaybeDType = std::optional<DType>;
using MaybeFormat = std::optional<MemoryFormat>;

Options options(const MaybeDType& dtype, const std::optional<Device>& device, bool requires_grad) {
  Options o;
  if (dtype) o = o.dtype(*dtype);
  if (device) o = o.device(*device);
  return o.requires_grad(requires_grad);
}

Shape sizes_of(const py::args& args) {
  const auto n = static_cast<Py_ssize_t>(args.size());
  return shape_from_args(&PyTuple_GET_ITEM(args.ptr(), 0), n);
}

// f(*size, dtype=None, device=None, requires_grad=False)
template <class F>
void def_sized(py::module_& m, const char* name, F f, const char* doc) {
  m.def(
      name,
      [f](const py::args& size, const MaybeDType& dtype, const std::optional<Device>& device,
          bool requires_grad) { return f(sizes_of(size), options(dtype, device, requires_grad)); },
      doc, py::kw_only(), "dtype"_a = py::none(), "device"_a = py::none(),
      "requires_grad"_a = false);
}

// f(input, dtype=None, device=None, requires_grad=False, memory_format=None): in input's memory
// order unless a format is named.
template <class F>
void def_like(py::module_& m, const char* name, F fill, const char* doc) {
  m.def(
      name,
      [fill](const Tensor& input, const MaybeDType& dtype, const std::optional<Device>& device,
             bool requires_grad, MaybeFormat format) {
        Options o = options(dtype.value_or(input.dtype()), device.value_or(input.device()), false);
        Tensor t = format.value_or(MemoryFormat::Preserve) == MemoryFormat::Preserve
                       ? empty_like(input, o)
                       : empty(input.sizes(), o.memory_format(*format));
        fill(t);
        return t.requires_grad_(requires_grad);
      },
      doc, py::arg("input").none(false), py::kw_only(), "dtype"_a = py::none(),
      "device"_a = py::none(), "requires_grad"_a = false, "memory_format"_a = py::none(),
      Released());
}

void bind_from_values(py::module_& m) {
  m.def(
      "tensor",
      [](const py::object& data, const MaybeDType& dtype, const std::optional<Device>& device,
         bool requires_grad) {
        Tensor t = tensor_from_values(data.ptr(), dtype);
        if (device) t = t.to(*device);
        return t.requires_grad_(requires_grad);
      },
      "A tensor with the values of a number, nested sequences, an array or a tensor; always a "
      "copy. Without a dtype: bool, int64 or float32 after the numbers, an array's own.\n\n"
      "ShapeError for rows of unequal length, TypeError for what is no number.\n\n"
      ">>> weft.tensor([[1, 2], [3, 4]])\n"
      "tensor([[1, 2],\n"
      "        [3, 4]])",
      "data"_a, py::kw_only(), "dtype"_a = py::none(), "device"_a = py::none(),
      "requires_grad"_a = false);
  m.def(
      "as_tensor",
      [](const py::object& data, const MaybeDType& dtype, const std::optional<Device>& device) {
        Tensor t = as_tensor(data.ptr());
        if (device) t = t.to(*device);
        return dtype ? t.to(*dtype) : t;
      },
      "As tensor(), but a tensor stays itself and an array's memory is shared where dtype and "
      "layout allow it.\n\n"
      ">>> x = weft.as_tensor([1.0, 2.0])\n"
      ">>> weft.as_tensor(x) is x\n"
      "True",
      "data"_a, "dtype"_a = py::none(), "device"_a = py::none());
  m.def(
      "from_numpy", [](const py::object& array) { return tensor_from_buffer(array.ptr(), false); },
      "A tensor over the memory of a NumPy array (a copy if that is read-only), of bfloat16 too. "
      "TypeError for other objects and for elements that no dtype stands for.\n\n"
      ">>> import numpy as np\n"
      ">>> a = np.zeros(2)\n"
      ">>> x = weft.from_numpy(a)\n"
      ">>> x[0] = 1\n"
      ">>> a\n"
      "array([1., 0.])",
      "array"_a);
}

void bind_filled(py::module_& m) {
  m.def(
      "empty",
      [](const py::args& size, const MaybeDType& dtype, const std::optional<Device>& device,
         bool requires_grad, MemoryFormat format) {
        return empty(sizes_of(size), options(dtype, device, requires_grad).memory_format(format));
      },
      "empty(*size): a tensor whose elements are not set.\n\n"
      ">>> weft.empty(2, 3).shape\n"
      "weft.Size([2, 3])",
      py::kw_only(), "dtype"_a = py::none(), "device"_a = py::none(), "requires_grad"_a = false,
      "memory_format"_a = MemoryFormat::Contiguous);
  def_sized(
      m, "zeros", [](const Shape& s, const Options& o) { return zeros(s, o); },
      "zeros(*size): a tensor of zeros.\n\n"
      ">>> weft.zeros(3)\n"
      "tensor([0., 0., 0.])");
  def_sized(
      m, "ones", [](const Shape& s, const Options& o) { return ones(s, o); },
      "ones(*size): a tensor of ones.\n\n"
      ">>> weft.ones(2, 3)\n"
      "tensor([[1., 1., 1.],\n"
      "        [1., 1., 1.]])");
  m.def(
      "full",
      [](const Shape& size, const Scalar& value, const MaybeDType& dtype,
         const std::optional<Device>& device,
         bool requires_grad) { return full(size, value, options(dtype, device, requires_grad)); },
      "A tensor whose elements are all fill_value; without a dtype bool, int64 or float32 after "
      "it.\n\n"
      ">>> weft.full((2,), 7)\n"
      "tensor([7, 7])",
      "size"_a, "fill_value"_a, py::kw_only(), "dtype"_a = py::none(), "device"_a = py::none(),
      "requires_grad"_a = false);
}

void bind_like(py::module_& m) {
  def_like(
      m, "empty_like", [](Tensor&) {},
      "A tensor of input's sizes whose elements are not set. In its dtype and order unless others "
      "are given.\n\n"
      ">>> weft.empty_like(weft.zeros(2, 3)).shape\n"
      "weft.Size([2, 3])");
  def_like(
      m, "zeros_like", [](Tensor& t) { t.zero_(); },
      "Zeros of input's sizes, dtype and order.\n\n"
      ">>> weft.zeros_like(weft.tensor([1, 2]))\n"
      "tensor([0, 0])");
  def_like(
      m, "ones_like", [](Tensor& t) { t.fill_(1); },
      "Ones of input's sizes, dtype and order.\n\n"
      ">>> weft.ones_like(weft.tensor([1, 2]), dtype=weft.float32)\n"
      "tensor([1., 1.])");
  m.def(
      "full_like",
      [](const Tensor& input, const Scalar& value, const MaybeDType& dtype, bool requires_grad) {
        return full_like(input, value, options(dtype, {}, requires_grad));
      },
      "fill_value in input's sizes, dtype and order.\n\n"
      ">>> weft.full_like(weft.tensor([1, 2]), 7)\n"
      "tensor([7, 7])",
      py::arg("input").none(false), "fill_value"_a, py::kw_only(), "dtype"_a = py::none(),
      "requires_grad"_a = false);
}

void bind_sequences(py::module_& m) {
  const auto named = [&](auto f, const char* doc, const auto&... arguments) {
    m.def("arange", f, doc, arguments..., py::kw_only(), "dtype"_a = py::none(),
          "device"_a = py::none(), "requires_grad"_a = false);
  };
  named([](const Scalar& end, const MaybeDType& dtype, const std::optional<Device>& device,
           bool grad) { return arange(end, options(dtype, device, grad)); },
        "arange(end) or arange(start, end, step=1): start, start + step, ... below end (above it "
        "for a negative step). All integers give int64.\n\n"
        ">>> weft.arange(1, 10, 4)\n"
        "tensor([1, 5, 9])",
        "end"_a);
  named([](const Scalar& start, const Scalar& end, const Scalar& step, const MaybeDType& dtype,
           const std::optional<Device>& device,
           bool grad) { return arange(start, end, step, options(dtype, device, grad)); },
        "", "start"_a, "end"_a, "step"_a = 1);
  m.def(
      "linspace",
      [](const Scalar& start, const Scalar& end, Index steps, const MaybeDType& dtype,
         const std::optional<Device>& device,
         bool grad) { return linspace(start, end, steps, options(dtype, device, grad)); },
      "`steps` numbers from start to end, both among them, at equal distances.\n\n"
      ">>> weft.linspace(0, 1, 3)\n"
      "tensor([0.0000, 0.5000, 1.0000])",
      "start"_a, "end"_a, "steps"_a, py::kw_only(), "dtype"_a = py::none(), "device"_a = py::none(),
      "requires_grad"_a = false);
  m.def(
      "eye",
      [](Index n, std::optional<Index> columns, const MaybeDType& dtype,
         const std::optional<Device>& device,
         bool grad) { return eye(n, columns, options(dtype, device, grad)); },
      "n rows and m (else n) columns, 1 on the diagonal and 0 elsewhere.\n\n"
      ">>> weft.eye(2, 3)\n"
      "tensor([[1., 0., 0.],\n"
      "        [0., 1., 0.]])",
      "n"_a, "m"_a = py::none(), py::kw_only(), "dtype"_a = py::none(), "device"_a = py::none(),
      "requires_grad"_a = false);
}

}  // namespace

void bind_make(py::module_& m) {
  bind_memory_formats(m);  // first: they are defaults
  bind_from_values(m);
  bind_filled(m);
  bind_like(m);
  bind_sequences(m);
  bind_random(m);
}

}  // namespace weft::python
