#include <weft/ops/make.h>

#include <weft/python/src/array.h>
#include <weft/python/src/caster.h>

// Functions that make tensors.
namespace weft::python {
namespace {

using MaybeDType = std::optional<DType>;

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

// f(input, dtype=None, requires_grad=False)
template <class F>
void def_like(py::module_& m, const char* name, F f, const char* doc) {
  m.def(
      name,
      [f](const Tensor& input, const MaybeDType& dtype, bool requires_grad) {
        return f(input, options(dtype, {}, requires_grad));
      },
      doc, "input"_a, py::kw_only(), "dtype"_a = py::none(), "requires_grad"_a = false);
}

}  // namespace

void bind_make(py::module_& m) {
  m.def(
      "tensor",
      [](const py::object& data, const MaybeDType& dtype, const std::optional<Device>& device,
         bool requires_grad) {
        Tensor t = tensor_from_values(data.ptr(), dtype);
        if (device) t = t.to(*device);
        return t.requires_grad_(requires_grad);
      },
      "A tensor with the values of a number, nested sequences, an array or a tensor; always a "
      "copy. "
      "Without a dtype: bool, int64 or float32 after the numbers, an array's own.",
      "data"_a, py::kw_only(), "dtype"_a = py::none(), "device"_a = py::none(),
      "requires_grad"_a = false);
  m.def(
      "as_tensor",
      [](const py::object& data, const MaybeDType& dtype) {
        const Tensor t = as_tensor(data.ptr());
        return dtype ? t.to(*dtype) : t;
      },
      "As tensor(), but an array's memory is shared where dtype and layout allow it.", "data"_a,
      "dtype"_a = py::none());
  m.def(
      "from_numpy", [](const py::object& array) { return tensor_from_buffer(array.ptr()); },
      "A tensor over the memory of a NumPy array (a copy if that is read-only).", "array"_a);
  def_sized(
      m, "empty", [](const Shape& s, const Options& o) { return empty(s, o); },
      "empty(*size): a tensor whose elements are not set.");
  def_sized(
      m, "zeros", [](const Shape& s, const Options& o) { return zeros(s, o); },
      "zeros(*size): a tensor of zeros.");
  def_sized(
      m, "ones", [](const Shape& s, const Options& o) { return ones(s, o); },
      "ones(*size): a tensor of ones.");
  def_like(
      m, "empty_like", [](const Tensor& x, const Options& o) { return empty_like(x, o); },
      "A tensor of input's sizes whose elements are not set.");
  def_like(
      m, "zeros_like", [](const Tensor& x, const Options& o) { return zeros_like(x, o); },
      "Zeros of input's sizes.");
  def_like(
      m, "ones_like", [](const Tensor& x, const Options& o) { return ones_like(x, o); },
      "Ones of input's sizes.");
}

}  // namespace weft::python
