#include <weft/python/src/dlpack.h>

#include <weft/core/cuda.h>
#include <weft/core/cuda_stream.h>
#include <weft/python/src/array.h>
#include <weft/python/src/operations.h>

// Tensors to and from other libraries, without copies.
namespace weft::python {
namespace {

using namespace dlpack;

[[noreturn]] void refuse(const std::string& why) { throw py::buffer_error("[dlpack] " + why); }

// ---- To others

DataType type_of(DType t) {
  const auto bits = static_cast<std::uint8_t>(8 * size_of(t));
  if (t == DType::Bool) return {kBool, bits, 1};
  if (t == DType::BF16) return {kBfloat, bits, 1};
  if (is_floating(t)) return {kFloat, bits, 1};
  return {static_cast<std::uint8_t>(t == DType::U8 ? kUInt : kInt), bits, 1};
}

DeviceId id_of(Device d) { return d == kCPU ? DeviceId{kCpu, 0} : DeviceId{kCuda, d.index}; }

// What a capsule owns: the struct, the tensor it speaks of, and copies of the sizes.
template <class M>
struct Export {
  M managed{};
  Tensor tensor;
  Shape sizes, strides;

  explicit Export(Tensor t)
      : tensor(std::move(t)), sizes(tensor.sizes()), strides(tensor.strides()) {
    managed.context = this;
    managed.deleter = [](M* m) { delete static_cast<Export*>(m->context); };
    managed.array = {tensor.data(),
                     id_of(tensor.device()),
                     sizes.size(),
                     type_of(tensor.dtype()),
                     sizes.data(),
                     strides.data(),
                     0};
  }
};

// Of a capsule that nobody took.
template <class M>
void drop(PyObject* capsule) {
  if (!PyCapsule_IsValid(capsule, M::name)) return;
  auto* managed = static_cast<M*>(PyCapsule_GetPointer(capsule, M::name));
  managed->deleter(managed);
}

template <class M>
py::object capsule_of(Export<M>* owned) {
  PyObject* capsule = PyCapsule_New(&owned->managed, M::name, &drop<M>);
  if (!capsule) {
    delete owned;
    throw py::error_already_set();
  }
  return py::reinterpret_steal<py::object>(capsule);
}

using Pair = std::optional<std::pair<Index, Index>>;

void check_export(const Tensor& x, const py::object& stream) {
  if (x.requires_grad()) refuse("got a tensor that requires a gradient; use detach()");
  if (x.device() == kCPU && !stream.is_none())
    refuse("got a stream for a tensor on the CPU, expected None");
}

// The device of such numbers, if it is here.
Device device_of(DeviceId id) {
  if (id.kind == kCpu || id.kind == kCudaHost) return kCPU;
  if (id.kind != kCuda)
    refuse("got device kind " + std::to_string(id.kind) +
           ", expected 1 (cpu), 2 (cuda) or 3 (pinned)");
  if (id.id < 0 || id.id >= cuda::device_count()) {
    refuse("got device kind 2 (cuda), number " + std::to_string(id.id) + ", expected one of the " +
           std::to_string(cuda::device_count()) + " that are here");
  }
  return {DeviceType::CUDA, id.id};
}

// The consumer's stream waits for what is queued on ours. Numbers as the protocol has them: 1 (and
// None) the default stream, 2 the thread's default one, -1 no waiting, else a handle.
void hand_over(Device device, const py::object& stream) {
  const auto number = stream.is_none() ? std::intptr_t{1} : stream.cast<std::intptr_t>();
  if (number == -1) return;
  if (number < -1 || number == 0)
    refuse("got stream " + std::to_string(number) + ", expected -1, 1, 2 or a stream's handle");
  const auto handle = reinterpret_cast<StreamHandle>(number == 1 ? 0 : number);
  cuda::Stream(device.index, handle).wait_stream(cuda::current_stream(device.index));
}

// The tensor on the device that is asked for.
Tensor on_device(const Tensor& x, const Pair& device, std::optional<bool> copy) {
  const DeviceId here = id_of(x.device());
  const bool stays = !device || (device->first == here.kind && device->second == here.id);
  if (stays) return copy.value_or(false) ? x.clone() : x;
  if (copy == false) refuse("got another device and copy=False, expected copies to be allowed");
  return x.to(device_of(
      {static_cast<std::int32_t>(device->first), static_cast<std::int32_t>(device->second)}));
}

py::object to_capsule(const Tensor& x, const py::object& stream, const Pair& max_version,
                      const Pair& device, std::optional<bool> copy) {
  check_export(x, stream);
  const Tensor t = on_device(x, device, copy);
  const bool copied = !t.is_same(x);
  if (t.device() != kCPU) hand_over(t.device(), stream);
  if (!max_version || max_version->first < 1) return capsule_of(new Export<Managed>(t));
  auto* owned = new Export<ManagedVersioned>(t);
  owned->managed.version = {kMajor, kMinor};
  owned->managed.flags = copied ? kCopied : 0;
  return capsule_of(owned);
}

// ---- From others

DType dtype_of(DataType t) {
  for (int i = 0; i < kDTypeCount; ++i) {
    const DataType ours = type_of(static_cast<DType>(i));
    if (ours.code == t.code && ours.bits == t.bits && ours.lanes == t.lanes) {
      return static_cast<DType>(i);
    }
  }
  refuse("got elements of type code " + std::to_string(t.code) + " with " + std::to_string(t.bits) +
         " bits and " + std::to_string(t.lanes) + " lanes, which no dtype of Weft stands for");
}

struct Parts {
  Device device;
  char* data;
  Shape sizes, strides;
  DType dtype;
};

// Everything that can be wrong is found here, before the capsule is taken.
Parts check_import(const Array& a) {
  const Device device = device_of(a.device);
  if (a.rank < 0 || a.rank > kMaxRank) {
    refuse("got " + std::to_string(a.rank) + " dimensions, expected 0 to " +
           std::to_string(kMaxRank));
  }
  if (a.rank > 0 && !a.shape) refuse("got no sizes");
  const auto rank = static_cast<std::size_t>(a.rank);
  Parts p{device, static_cast<char*>(a.data) + a.byte_offset, {}, {}, dtype_of(a.type)};
  if (rank > 0) p.sizes = Shape(std::span<const Index>(a.shape, rank));
  const Index count = checked_numel("from_dlpack", p.sizes);
  p.strides = a.strides && rank > 0 ? Shape(std::span<const Index>(a.strides, rank))
                                    : contiguous_strides(p.sizes);
  if (count > 0 && !a.data) refuse("got a null pointer for " + std::to_string(count) + " elements");
  if (count > 0 && reinterpret_cast<std::uintptr_t>(p.data) % size_of(p.dtype) != 0) {
    refuse("got memory that is not aligned to its elements");
  }
  return p;
}

template <class M>
void let_go(void* context) {
  auto* managed = static_cast<M*>(context);
  if (!managed->deleter || !Py_IsInitialized()) return;
  const PyGILState_STATE state = PyGILState_Ensure();
  managed->deleter(managed);
  PyGILState_Release(state);
}

// An owned tensor over a capsule's memory; the capsule is marked as used.
template <class M>
Tensor take(PyObject* capsule, bool read_only, std::optional<bool> copy) {
  auto* managed = static_cast<M*>(PyCapsule_GetPointer(capsule, M::name));
  const Parts p = check_import(managed->array);
  if (read_only && copy == false) refuse("got read-only memory, which Weft has to copy");
  if (PyCapsule_SetName(capsule, M::used) != 0) throw PythonError();
  const Tensor t =
      borrow_memory(p.data, p.sizes, p.strides, p.dtype, &let_go<M>, managed, p.device);
  return read_only || copy.value_or(false) ? t.clone() : t;
}

Tensor from_capsule(PyObject* o, std::optional<bool> copy) {
  if (PyCapsule_IsValid(o, ManagedVersioned::name)) {
    const auto* m = static_cast<ManagedVersioned*>(PyCapsule_GetPointer(o, ManagedVersioned::name));
    if (m->version.major != kMajor) {
      refuse("got version " + std::to_string(m->version.major) + ", expected " +
             std::to_string(kMajor));
    }
    return take<ManagedVersioned>(o, m->flags & kReadOnly, copy);
  }
  if (PyCapsule_IsValid(o, Managed::name)) return take<Managed>(o, false, copy);
  throw weft::ValueError(
      "[from_dlpack] got a capsule that was used before or holds something else");
}

py::object capsule_from(const py::object& o, std::optional<bool> copy) {
  const auto id = o.attr("__dlpack_device__")().cast<std::pair<Index, Index>>();
  const Device device =
      device_of({static_cast<std::int32_t>(id.first), static_cast<std::int32_t>(id.second)});
  py::dict stream;
  if (device != kCPU) {
    const StreamHandle ours = cuda::current_stream(device.index).handle();
    stream["stream"] = ours ? reinterpret_cast<std::uintptr_t>(ours) : std::uintptr_t{1};
  }
  py::dict options = stream.attr("copy")();
  options["max_version"] = py::make_tuple(kMajor, kMinor);
  if (copy) options["copy"] = *copy;
  try {
    return o.attr("__dlpack__")(**options);
  } catch (py::error_already_set& e) {
    if (!e.matches(PyExc_TypeError) || copy == false) throw;
    return o.attr("__dlpack__")(**stream);  // a library of before version 1
  }
}

Tensor from_dlpack(const py::object& o, const std::optional<Device>& device,
                   std::optional<bool> copy) {
  if (device) {
    const Tensor x = from_dlpack(o, {}, copy);
    if (copy == false && x.device() != *device)
      refuse("got an array on " + x.device().str() + " and copy=False, expected " + device->str());
    return x.to(*device);
  }
  if (PyCapsule_CheckExact(o.ptr())) return from_capsule(o.ptr(), copy);
  if (!py::hasattr(o, "__dlpack__") || !py::hasattr(o, "__dlpack_device__")) {
    throw py::type_error(std::string("[from_dlpack] got ") + Py_TYPE(o.ptr())->tp_name +
                         ", expected an object with __dlpack__ and __dlpack_device__");
  }
  return from_capsule(capsule_from(o, copy).ptr(), copy);
}

}  // namespace

void bind_dlpack(py::module_& m) {
  def_method("__dlpack__", &to_capsule,
             "The tensor as a DLPack capsule, of version 1 where max_version allows it, else as "
             "before that. BufferError for what it cannot hold.",
             py::kw_only(), "stream"_a = py::none(), "max_version"_a = py::none(),
             "dl_device"_a = py::none(), "copy"_a = py::none());
  def_method(
      "__dlpack_device__",
      [](const Tensor& x) {
        return py::make_tuple(x.device() == kCPU ? Index{kCpu} : Index{kCuda}, x.device().index);
      },
      "DLPack's numbers of the kind of device and of the device.");
  m.def("from_dlpack", &from_dlpack,
        "A tensor over the memory of another library's array (an object with __dlpack__, or a "
        "capsule), which lives as long as the tensor.\n\n"
        "Read-only memory is copied, everything with copy=True, nothing with copy=False. Memory of "
        "a CUDA device stays there: the current stream waits for the other library's. "
        "BufferError for what a tensor cannot hold: other devices, complex numbers...\n\n"
        ">>> import numpy as np\n"
        ">>> a = np.zeros(2)\n"
        ">>> x = weft.from_dlpack(a)\n"
        ">>> x += 1\n"
        ">>> a\n"
        "array([1., 1.])",
        "ext_tensor"_a, py::kw_only(), "device"_a = py::none(), "copy"_a = py::none());
}

}  // namespace weft::python
