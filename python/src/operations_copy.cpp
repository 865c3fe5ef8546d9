#include <weft/ops/make.h>
#include <weft/python/src/array.h>
#include <weft/python/src/cuda.h>
#include <weft/python/src/operations.h>

// Copies and conversions, fills, and what a tensor tells of its memory.
namespace weft::python {
namespace {

using MaybeDType = std::optional<DType>;
using MaybeDevice = std::optional<Device>;
using MaybeFormat = std::optional<MemoryFormat>;

Tensor convert(const Tensor& x, MaybeDevice device, MaybeDType dtype, bool non_blocking, bool copy,
               MaybeFormat format) {
  Options options = x.options();
  if (device) options = options.device(*device);
  if (dtype) options = options.dtype(*dtype);
  const Tensor y = x.to(options, copy, non_blocking);
  return format.value_or(MemoryFormat::Preserve) == MemoryFormat::Preserve ? y
                                                                           : y.contiguous(*format);
}

void bind_to() {
  const char* doc =
      "The tensor in another dtype or on another device: to(dtype), to(device, dtype) or "
      "to(other), itself where nothing changes unless copy is true. Recorded on the tape. "
      "non_blocking: copies between pinned memory and a CUDA device are queued, not waited for.\n\n"
      ">>> weft.ones(2).to(weft.int64)\n"
      "tensor([1, 1])";
  const auto copy = "copy"_a = false;
  const auto blocking = "non_blocking"_a = false;
  const auto format = "memory_format"_a = py::none();
  def_method(
      "to",
      [](const Tensor& x, DType dtype, bool, bool copy, MaybeFormat f) {
        return convert(x, {}, dtype, false, copy, f);
      },
      doc, "dtype"_a, blocking, copy, py::kw_only(), format, Released());
  def_method(
      "to",
      [](const Tensor& x, const Tensor& other, bool non_blocking, bool copy, MaybeFormat f) {
        return convert(x, other.device(), other.dtype(), non_blocking, copy, f);
      },
      "", py::arg("other").none(false), blocking, copy, py::kw_only(), format, Released());
  def_method(
      "to",
      [](const Tensor& x, MaybeDevice device, MaybeDType dtype, bool non_blocking, bool copy,
         MaybeFormat f) { return convert(x, device, dtype, non_blocking, copy, f); },
      "", "device"_a = py::none(), "dtype"_a = py::none(), blocking, copy, py::kw_only(), format,
      Released());
  def_method(
      "type", [](const Tensor& x, DType dtype) { return x.to(dtype); },
      "The tensor in another dtype: to(dtype).", "dtype"_a, Released());
  def_method(
      "cpu", [](const Tensor& x) { return x.cpu(); }, "The tensor on the CPU.", Released());
  def_method(
      "cuda",
      [](const Tensor& x, const py::object& device, bool non_blocking) {
        const int index = cuda_index(device);
        const py::gil_scoped_release released;
        return x.cuda(index, non_blocking);
      },
      "The tensor on a CUDA device (the current one at None). DeviceError without one.",
      "device"_a = py::none(), "non_blocking"_a = false);
}

// What only matters beside CUDA devices.
void bind_host_memory() {
  def_method(
      "pin_memory", [](const Tensor& x) { return x.pin_memory(); },
      "The tensor in memory of the host that CUDA devices read by themselves, so that copies need "
      "not be waited for. DeviceError without a device.",
      Released());
  def_method(
      "is_pinned", [](const Tensor& x) { return x.is_pinned(); },
      "Whether it lies in such memory.");
}

void bind_named_conversions() {
  const std::pair<const char*, DType> names[] = {
      {"bool", DType::Bool},  {"byte", DType::U8},      {"char", DType::I8},  {"short", DType::I16},
      {"int", DType::I32},    {"long", DType::I64},     {"half", DType::F16}, {"float", DType::F32},
      {"double", DType::F64}, {"bfloat16", DType::BF16}};
  for (const auto& [name, dtype] : names) {
    const std::string doc =
        "The tensor in weft." + std::string(weft::name(dtype)) + ": to() of it.";
    def_method(
        name, [dtype = dtype](const Tensor& x) { return x.to(dtype); }, doc.c_str(), Released());
  }
}

void bind_clones(py::module_& m) {
  def_both(
      m, "clone", [](const Tensor& x, MemoryFormat format) { return x.clone(format); },
      "A copy that lies in memory as the tensor does, or in another memory format. Recorded on the "
      "tape.\n\n"
      ">>> x = weft.ones(2)\n"
      ">>> y = weft.clone(x)\n"
      ">>> y[0] = 5\n"
      ">>> x\n"
      "tensor([1., 1.])",
      input(), py::kw_only(), "memory_format"_a = MemoryFormat::Preserve, Released());
  def_method(
      "contiguous", [](const Tensor& x, MemoryFormat format) { return x.contiguous(format); },
      "The tensor itself if it lies in that memory format without gaps, else a copy that does.",
      "memory_format"_a = MemoryFormat::Contiguous, Released());
  def_method(
      "is_contiguous", [](const Tensor& x, MemoryFormat format) { return x.is_contiguous(format); },
      "Whether the elements lie in that memory format without gaps.",
      "memory_format"_a = MemoryFormat::Contiguous);
  def_method(
      "copy_",
      [](Tensor& x, const Tensor& source, bool non_blocking) {
        return x.copy_(source, non_blocking);
      },
      "Writes the elements of src, broadcast and converted, into this tensor.",
      py::arg("src").none(false), "non_blocking"_a = false, Released());
}

void bind_fills() {
  def_method(
      "fill_", [](Tensor& x, const Operand& value) { return x.fill_(number_of(value)); },
      "Sets all elements to value.", "value"_a, Released());
  def_method(
      "zero_", [](Tensor& x) { return x.zero_(); }, "Sets all elements to 0.", Released());
}

void bind_facts(py::module_& m) {
  def_method(
      "data_ptr", [](const Tensor& x) { return reinterpret_cast<std::uintptr_t>(x.data()); },
      "The address of the first element.");
  def_method(
      "element_size", [](const Tensor& x) { return x.itemsize(); }, "Bytes of an element.");
  def_method(
      "storage_offset", [](const Tensor& x) { return x.storage_offset(); },
      "Where in its storage the first element lies, in elements.");
  def_both(
      m, "is_floating_point", [](const Tensor& x) { return x.is_floating_point(); },
      "Whether the elements are float16, bfloat16, float32 or float64.\n\n"
      ">>> weft.is_floating_point(weft.ones(2))\n"
      "True",
      input());
  m.def(
      "numel", [](const Tensor& x) { return x.numel(); },
      "How many elements there are.\n\n"
      ">>> weft.numel(weft.zeros(2, 3))\n"
      "6",
      input());
  m.def(
      "is_tensor", [](const py::object& o) { return is_tensor(o.ptr()); },
      "Whether obj is a weft.Tensor.\n\n"
      ">>> weft.is_tensor(weft.ones(2)), weft.is_tensor([1.0])\n"
      "(True, False)",
      "obj"_a);
}

Options like(const Tensor& x, MaybeDType dtype, MaybeDevice device, bool requires_grad) {
  return Options(dtype.value_or(x.dtype()))
      .device(device.value_or(x.device()))
      .requires_grad(requires_grad);
}

template <class F>
void def_new(const char* name, F make, const char* doc) {
  def_method(
      name,
      [make](const Tensor& x, const py::args& size, MaybeDType dtype, MaybeDevice device,
             bool requires_grad) {
        const auto n = static_cast<Py_ssize_t>(size.size());
        return make(shape_from_args(&PyTuple_GET_ITEM(size.ptr(), 0), n),
                    like(x, dtype, device, requires_grad));
      },
      doc, py::kw_only(), "dtype"_a = py::none(), "device"_a = py::none(),
      "requires_grad"_a = false);
}

void bind_new() {
  def_new(
      "new_empty", [](const Shape& s, const Options& o) { return empty(s, o); },
      "new_empty(*size): weft.empty() of this tensor's dtype and device.");
  def_new(
      "new_zeros", [](const Shape& s, const Options& o) { return zeros(s, o); },
      "new_zeros(*size): weft.zeros() of this tensor's dtype and device.");
  def_new(
      "new_ones", [](const Shape& s, const Options& o) { return ones(s, o); },
      "new_ones(*size): weft.ones() of this tensor's dtype and device.");
  def_method(
      "new_full",
      [](const Tensor& x, const Shape& size, const Scalar& value, MaybeDType dtype,
         MaybeDevice device,
         bool requires_grad) { return full(size, value, like(x, dtype, device, requires_grad)); },
      "weft.full() of this tensor's dtype and device.", "size"_a, "fill_value"_a, py::kw_only(),
      "dtype"_a = py::none(), "device"_a = py::none(), "requires_grad"_a = false);
  def_method(
      "new_tensor",
      [](const Tensor& x, const py::object& data, MaybeDType dtype, MaybeDevice device,
         bool requires_grad) {
        const Tensor t = tensor_from_values(data.ptr(), dtype.value_or(x.dtype()));
        return t.to(device.value_or(x.device())).requires_grad_(requires_grad);
      },
      "weft.tensor(data) of this tensor's dtype and device.", "data"_a, py::kw_only(),
      "dtype"_a = py::none(), "device"_a = py::none(), "requires_grad"_a = false);
}

}  // namespace

void bind_copies(py::module_& m) {
  bind_to();
  bind_host_memory();
  bind_named_conversions();
  bind_clones(m);
  bind_fills();
  bind_facts(m);
  bind_new();
}

}  // namespace weft::python
