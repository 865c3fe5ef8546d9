#include <weft/core/cuda_stream.h>

#include <algorithm>

#include <weft/python/src/array.h>
#include <weft/python/src/cuda.h>

// __cuda_array_interface__, version 3: device memory between libraries (numba.readthedocs.io, "CUDA
// Array Interface").
namespace weft::python {
namespace {

constexpr std::pair<DType, const char*> kTypes[] = {
    {DType::Bool, "|b1"}, {DType::U8, "|u1"},  {DType::I8, "|i1"},
    {DType::I16, "<i2"},  {DType::I32, "<i4"}, {DType::I64, "<i8"},
    {DType::F16, "<f2"},  {DType::F32, "<f4"}, {DType::F64, "<f8"}};

template <class E>
[[noreturn]] void refuse(const std::string& why) {
  throw E("[__cuda_array_interface__] got " + why);
}

py::dict lent(const Tensor& x) {
  const auto type = std::ranges::find(kTypes, x.dtype(), &std::pair<DType, const char*>::first);
  if (x.device() == kCPU) throw py::attribute_error("a tensor on the CPU has none");
  if (type == std::end(kTypes))
    throw py::attribute_error("a tensor of " + std::string(name(x.dtype())) + " has none");
  if (x.requires_grad()) throw weft::Error("got a tensor that requires a gradient; use detach()");
  py::tuple shape(x.dim()), strides(x.dim());
  for (int d = 0; d < x.dim(); ++d) {
    shape[static_cast<std::size_t>(d)] = x.size(d);
    strides[static_cast<std::size_t>(d)] = x.stride(d) * static_cast<Index>(x.itemsize());
  }
  const StreamHandle stream = cuda::current_stream(x.device().index).handle();
  py::dict d;
  d["shape"] = shape;
  d["strides"] = x.is_contiguous() ? py::object(py::none()) : strides;
  d["typestr"] = type->second;
  d["data"] =
      py::make_tuple(reinterpret_cast<std::uintptr_t>(x.numel() ? x.data() : nullptr), false);
  d["version"] = 3;
  d["stream"] = stream ? reinterpret_cast<std::uintptr_t>(stream) : std::uintptr_t{1};
  return d;
}

void let_go(void* owner) {
  if (!Py_IsInitialized()) return;
  const PyGILState_STATE state = PyGILState_Ensure();
  Py_DECREF(static_cast<PyObject*>(owner));
  PyGILState_Release(state);
}

}  // namespace

Tensor tensor_from_cuda_array(PyObject* o) {
  const auto owner = py::reinterpret_borrow<py::object>(o);
  const py::dict d = owner.attr("__cuda_array_interface__");
  if (d.contains("mask") && !d["mask"].is_none())
    refuse<weft::ValueError>("a mask, expected an array without one");
  const auto text = d["typestr"].cast<std::string>();
  const auto type = std::ranges::find(kTypes, text, [](auto& t) { return std::string(t.second); });
  if (type == std::end(kTypes))
    refuse<weft::DTypeError>("typestr " + text + ", which no dtype of Weft stands for");
  const Shape sizes = to_shape(py::object(d["shape"]).ptr());
  Shape strides = contiguous_strides(sizes);
  if (d.contains("strides") && !d["strides"].is_none()) {
    strides = to_shape(py::object(d["strides"]).ptr());
    const auto width = static_cast<Index>(size_of(type->first));
    for (Index& s : strides) {
      if (s % width != 0) refuse<weft::ValueError>("strides that are no multiple of an element");
      s /= width;
    }
  }
  if (strides.size() != sizes.size()) refuse<weft::ValueError>("strides for other sizes");
  const auto [address, read_only] = d["data"].cast<std::pair<std::uintptr_t, bool>>();
  if (read_only) refuse<weft::ValueError>("memory that may not be written");
  if (address % size_of(type->first) != 0)
    refuse<weft::ValueError>("memory that is not aligned to its elements");
  const int device =
      address ? cuda::device_of(reinterpret_cast<void*>(address)) : cuda::current_device();
  if (d.contains("stream") && !d["stream"].is_none()) {
    const auto number = d["stream"].cast<std::uintptr_t>();
    const auto handle = reinterpret_cast<StreamHandle>(number == 1 ? 0 : number);
    cuda::current_stream(device).wait_stream(cuda::Stream(device, handle));
  }
  return borrow_memory(reinterpret_cast<void*>(address), sizes, strides, type->first, &let_go,
                       owner.inc_ref().ptr(), Device(DeviceType::CUDA, device));
}

void bind_cuda_array() {
  const auto type = py::reinterpret_borrow<py::object>(reinterpret_cast<PyObject*>(tensor_type));
  const py::object property = py::module_::import("builtins").attr("property");
  type.attr("__cuda_array_interface__") =
      property(py::cpp_function(&lent), py::none(), py::none(),
               "What CuPy, Numba and torch need to see the memory of a CUDA tensor. "
               "AttributeError of other tensors.");
  type.attr("is_cuda") = property(
      py::cpp_function([](const Tensor& t) { return t.device().type == DeviceType::CUDA; }),
      py::none(), py::none(), "Whether the tensor is on a CUDA device.");
}

}  // namespace weft::python
