#include <weft/python/src/cuda.h>

#include <weft/python/src/memory.h>
#include <weft/python/src/part.h>

namespace weft::python {

int cuda_index(const py::object& device) {
  if (device.is_none()) return -1;
  if (py::isinstance<py::int_>(device)) return device.cast<int>();
  const Device d = device.cast<Device>();
  if (d.type != DeviceType::CUDA)
    throw weft::ValueError("[cuda] got device " + d.str() + ", expected a CUDA device");
  return d.index;
}

Device cuda_device(const py::object& device) {
  const int index = cuda_index(device);
  return {DeviceType::CUDA, index == -1 ? cuda::current_device() : index};
}

namespace {

const auto kDevice = py::arg_v("device", py::none());

void bind_devices(py::module_& m) {
  m.def("is_available", &cuda::is_available,
        "Whether there is at least one CUDA device. Never raises; why_unavailable() tells why "
        "not: in the child of a process that used CUDA before it forked, that this was so "
        "(multiprocessing's start method \"spawn\" does not fork).\n\n"
        ">>> weft.cuda.is_available() == (weft.cuda.device_count() > 0)\n"
        "True");
  m.def("why_unavailable", &cuda::why_unavailable,
        "What is missing, as in \"driver not found\"; empty where there is a device.\n\n"
        ">>> (weft.cuda.why_unavailable() == \"\") == weft.cuda.is_available()\n"
        "True");
  m.def("device_count", &cuda::device_count,
        "How many CUDA devices there are.\n\n"
        ">>> weft.cuda.device_count() >= 0\n"
        "True");
  m.def("current_device", &cuda::current_device,
        "The number of the calling thread's device. DeviceError without one.\n\n"
        ">>> if weft.cuda.is_available():\n"
        "...     assert weft.cuda.current_device() < weft.cuda.device_count()");
  m.def(
      "set_device", [](const py::object& device) { cuda::set_device(cuda_index(device)); },
      "Makes a device (a number, a name or a weft.device) the calling thread's: what \"cuda\" "
      "means to new tensors. DeviceError for one that is not there.\n\n"
      ">>> if weft.cuda.is_available():\n"
      "...     weft.cuda.set_device(0)",
      "device"_a);
  m.def(
      "synchronize",
      [](const py::object& device) {
        const int index = cuda_index(device);
        const py::gil_scoped_release released;
        cuda::synchronize(index);
      },
      "Waits until all work queued on the device (the current one at None) is done, and raises "
      "what went wrong there.\n\n"
      ">>> if weft.cuda.is_available():\n"
      "...     weft.cuda.synchronize()",
      kDevice);
}

void bind_properties(py::module_& m) {
  using cuda::DeviceProperties;
  py::class_<DeviceProperties>(m, "DeviceProperties",
                               "What get_device_properties() gives.\n\n"
                               ">>> if weft.cuda.is_available():\n"
                               "...     assert weft.cuda.get_device_properties().total_memory > 0")
      .def_property_readonly(
          "name", [](const DeviceProperties& p) { return std::string(p.name); },
          "As its maker calls it.")
      .def_readonly("major", &DeviceProperties::major, "Of the compute capability.")
      .def_readonly("minor", &DeviceProperties::minor, "Of the compute capability.")
      .def_readonly("multi_processor_count", &DeviceProperties::multiprocessors,
                    "How many multiprocessors it has.")
      .def_readonly("total_memory", &DeviceProperties::total_memory, "In bytes.")
      .def_readonly("L2_cache_size", &DeviceProperties::l2_cache, "In bytes.")
      .def("__repr__", [](const DeviceProperties& p) {
        return "DeviceProperties(name='" + std::string(p.name) +
               "', major=" + std::to_string(p.major) + ", minor=" + std::to_string(p.minor) +
               ", total_memory=" + std::to_string(p.total_memory >> 20) + "MB)";
      });
  m.def(
      "get_device_properties",
      [](const py::object& device) {
        return cuda::get_device_properties(cuda_device(device).index);
      },
      "Name, compute capability and sizes of a device (the current one at None).\n\n"
      ">>> if weft.cuda.is_available():\n"
      "...     assert weft.cuda.get_device_properties(0).major >= 8",
      kDevice);
}

void bind_device_memory(py::module_& m) {
  m.def(
      "memory_stats",
      [](const py::object& device) { return stats_dict(memory_stats(cuda_device(device))); },
      "Figures of the device's allocator, as weft.cpu.memory_stats() gives them.\n\n"
      ">>> if weft.cuda.is_available():\n"
      "...     assert weft.cuda.memory_stats()[\"in_use\"] >= 0",
      kDevice);
  m.def(
      "memory_snapshot",
      [](const py::object& device) { return snapshot_list(cuda_device(device)); },
      "Every block that the device's allocator holds, as weft.cpu.memory_snapshot() gives them.\n\n"
      ">>> if weft.cuda.is_available():\n"
      "...     blocks = weft.cuda.memory_snapshot()",
      kDevice);
  m.def(
      "empty_cache",
      [](const py::object& device) {
        if (device.is_none() && cuda::device_count() == 0) return;  // as in PyTorch
        const Device d = cuda_device(device);
        const py::gil_scoped_release released;
        empty_cache(d);
      },
      "Gives memory that no tensor holds back to the device.\n\n"
      ">>> if weft.cuda.is_available():\n"
      "...     weft.cuda.empty_cache()",
      kDevice);
  m.def(
      "reset_peak_memory_stats",
      [](const py::object& device) { reset_peak_memory_stats(cuda_device(device)); },
      "Starts the peaks of memory_stats() anew.\n\n"
      ">>> if weft.cuda.is_available():\n"
      "...     weft.cuda.reset_peak_memory_stats()",
      kDevice);
  m.def(
      "set_memory_limit",
      [](std::size_t bytes, const py::object& device) {
        set_memory_limit(bytes, cuda_device(device));
      },
      "Bounds the bytes held of the device; beyond, OutOfMemoryError. 0: no bound.\n\n"
      ">>> if weft.cuda.is_available():\n"
      "...     weft.cuda.set_memory_limit(0)",
      "bytes"_a, kDevice);
}

}  // namespace

void bind_cuda(py::module_& m) {
  py::module_ cuda =
      add_part(m, "cuda", "weft.cuda", "CUDA devices: memory, streams, events, graphs.");
  bind_devices(cuda);
  bind_properties(cuda);
  bind_device_memory(cuda);
  bind_cuda_streams(cuda);
  bind_cuda_array();
}

}  // namespace weft::python
