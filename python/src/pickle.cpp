#include <algorithm>

#include <weft/data/safetensors.h>
#include <weft/python/src/operations.h>

// Copies, pickles and format(). A pickled tensor is the bytes of a safetensors file, which are
// data, checked when they are read.
namespace weft::python {
namespace {

constexpr const char* kName = "tensor";

bool is_leaf(const Tensor& x) { return !x.requires_grad() || x.is_leaf(); }

// An object of the type of `like` around a tensor.
py::object make_as(const py::handle& type, const Tensor& t, bool requires_grad) {
  const auto data = py::reinterpret_steal<py::object>(wrap(t));
  const py::tuple args = py::make_tuple(data, requires_grad);
  PyObject* made =
      tensor_type->tp_new(reinterpret_cast<PyTypeObject*>(type.ptr()), args.ptr(), nullptr);
  if (!made) throw py::error_already_set();
  return py::reinterpret_steal<py::object>(made);
}

py::object attributes(const py::object& self) { return py::getattr(self, "__dict__", py::none()); }

py::object shallow_copy(const py::object& self) {
  const Tensor& x = tensor_of(self.ptr());
  py::object made = make_as(py::type::of(self), x.detach(), x.requires_grad());
  if (py::object d = attributes(self); !d.is_none()) made.attr("__dict__").attr("update")(d);
  return made;
}

py::object deep_copy(const py::object& self, const py::object& memo) {
  const auto key = py::int_(reinterpret_cast<std::uintptr_t>(self.ptr()));
  if (const py::object known = memo.attr("get")(key); !known.is_none()) return known;
  const Tensor& x = tensor_of(self.ptr());
  if (!is_leaf(x)) {
    throw AutogradError(
        "[deepcopy] got a tensor that a recorded operation made, expected a leaf; copy detach()");
  }
  py::object made = make_as(py::type::of(self), x.detach().clone(), x.requires_grad());
  memo.attr("__setitem__")(key, made);
  if (x.grad().defined()) tensor_of(made.ptr()).set_grad(x.grad().detach().clone());
  if (const py::object d = attributes(self); !d.is_none()) {
    const py::object copied = py::module_::import("copy").attr("deepcopy")(d, memo);
    made.attr("__dict__").attr("update")(copied);
  }
  return made;
}

// The dimensions from the outermost in memory to the innermost.
Shape memory_order(const Tensor& x) {
  Shape order;
  for (int d = 0; d < x.dim(); ++d) order.push_back(d);
  std::stable_sort(order.begin(), order.end(),
                   [&](Index a, Index b) { return x.strides()[a] > x.strides()[b]; });
  return order;
}

// x.permute(memory_order) back.
Tensor reordered(const Tensor& x, const Shape& order) {
  Shape inverse = x.permute(order).sizes();  // its errors, for an order that is none
  for (int d = 0; d < order.size(); ++d)
    inverse[static_cast<int>(order[d] < 0 ? order[d] + x.dim() : order[d])] = d;
  return x.permute(inverse);
}

// Bytes lie in the tensor's memory order, where it has no gaps; else row by row.
py::tuple reduce(const py::object& self, int) {
  const Tensor& x = tensor_of(self.ptr());
  if (!is_leaf(x)) {
    throw AutogradError(
        "[pickle] got a tensor that a recorded operation made, expected a leaf; pickle detach()");
  }
  const bool ordered = !x.is_contiguous() && is_dense(x.sizes(), x.strides());
  const Shape order = ordered ? memory_order(x) : Shape();
  const Tensor saved = ordered ? x.detach().permute(order) : x.detach();
  const std::vector<std::byte> bytes = safetensors_to_bytes({{kName, saved}});
  const auto* text = reinterpret_cast<const char*>(bytes.data());
  const py::object rebuild = py::module_::import("weft._weft").attr("_rebuild_tensor");
  py::tuple args =
      py::make_tuple(py::type::of(self), py::bytes(text, bytes.size()), x.requires_grad());
  const bool away = x.device() != kCPU;
  if (ordered || away) args += py::make_tuple(ordered ? py::object(py::cast(order)) : py::none());
  if (away) args += py::make_tuple(x.device().str());
  return py::make_tuple(rebuild, args, attributes(self));
}

PyObject* rebuild(PyObject*, PyObject* args) {
  PyObject *type, *bytes, *order = Py_None;
  int requires_grad;
  const char* device = nullptr;
  if (!PyArg_ParseTuple(args, "O!O!p|Oz", &PyType_Type, &type, &PyBytes_Type, &bytes,
                        &requires_grad, &order, &device)) {
    return nullptr;
  }
  if (!PyType_IsSubtype(reinterpret_cast<PyTypeObject*>(type), tensor_type)) {
    PyErr_SetString(PyExc_TypeError, "[pickle] got another type, expected one of tensors");
    return nullptr;
  }
  return guarded([&]() -> PyObject* {
    const auto* data = reinterpret_cast<const std::byte*>(PyBytes_AS_STRING(bytes));
    const auto size = static_cast<std::size_t>(PyBytes_GET_SIZE(bytes));
    const TensorMap tensors = safetensors_from_bytes({data, size});
    const auto found = tensors.find(kName);
    if (found == tensors.end()) throw ParseError("[pickle] got bytes without a tensor");
    Tensor t = found->second;
    if (order != Py_None) t = reordered(t, to_shape(order));
    if (device) t = t.to(Device(device));
    return make_as(type, t, requires_grad).release().ptr();
  });
}

// Pickled by its name, which pybind11's functions are not.
PyMethodDef functions[] = {
    {"_rebuild_tensor", rebuild, METH_VARARGS, "A tensor of a type and safetensors bytes."}, {}};

py::object format(const py::object& self, const py::str& specification) {
  const Tensor& x = tensor_of(self.ptr());
  if (x.dim() == 0) return self.attr("item")().attr("__format__")(specification);
  return py::module_::import("builtins").attr("object").attr("__format__")(self, specification);
}

}  // namespace

void bind_pickle(py::module_& m) {
  if (PyModule_AddFunctions(m.ptr(), functions) != 0) throw py::error_already_set();
  def_method("__reduce_ex__", &reduce, "For pickle: the bytes of a safetensors file.",
             "protocol"_a);
  def_method("__copy__", &shallow_copy, "For copy.copy(): a leaf over the same memory.");
  def_method("__deepcopy__", &deep_copy, "For copy.deepcopy(): a leaf over a copy.", "memo"_a);
  def_method("__format__", &format,
             "Of a tensor of no dimensions its number's; others take no specification.",
             "format_spec"_a);
  def_method(
      "__reversed__", [](const Tensor& x) { return x.dim() == 0 ? x : x.flip(0); },
      "The tensor with its first dimension reversed.");
}

}  // namespace weft::python
