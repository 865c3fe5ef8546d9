#include <weft/core/allocator.h>
#include <weft/core/context.h>
#include <weft/core/threads.h>
#include <weft/python/src/caster.h>
#include <weft/python/src/memory.h>
#include <weft/python/src/part.h>

namespace weft::python {
namespace {

void bind_device(py::module_& m) {
  py::class_<Device> device(m, "device",
                            "Where a tensor's memory is: weft.device(\"cpu\"). DeviceError for a "
                            "name that stands for none. A number is that of a CUDA device, here "
                            "and wherever a device is expected.\n\n"
                            ">>> weft.device(\"cpu\")\n"
                            "device(type='cpu')\n"
                            ">>> weft.zeros(2).device == weft.device(\"cpu\")\n"
                            "True");
  device.def(py::init<const std::string&>(), "type"_a)
      .def(py::init(
               [](const std::string& type, int index) { return Device(Device(type).type, index); }),
           "type"_a, "index"_a)
      .def(py::init<const Device&>(), "device"_a)
      .def(py::init([](const py::int_& index) {
             if (py::isinstance<py::bool_>(index))
               throw py::type_error("got a bool, expected a device");
             return Device("cuda:" + py::str(index).cast<std::string>());
           }),
           "index"_a)
      .def_property_readonly(
          "type", [](Device d) { return d.type == DeviceType::CPU ? "cpu" : "cuda"; },
          "The kind of device: \"cpu\" or \"cuda\".")
      .def_property_readonly(
          "index",
          [](Device d) -> std::optional<int> {
            if (d.type == DeviceType::CPU) return {};
            return d.index;
          },
          "Which of its kind; None of the CPU, which is one.")
      .def("__eq__", [](Device a, Device b) { return a == b; })
      .def("__ne__", [](Device a, Device b) { return a != b; })
      .def("__hash__", [](Device d) { return static_cast<int>(d.type) * 256 + d.index; })
      .def("__str__", &Device::str)
      .def("__repr__", [](Device d) {
        return d.type == DeviceType::CPU
                   ? std::string("device(type='cpu')")
                   : "device(type='cuda', index=" + std::to_string(d.index) + ")";
      });
  device.def("__reduce__", [](Device d) {
    return py::make_tuple(py::type::of<Device>(), py::make_tuple(d.str()));
  });
  py::implicitly_convertible<py::str, Device>();
  py::implicitly_convertible<py::int_, Device>();
  const auto type = py::reinterpret_borrow<py::object>(reinterpret_cast<PyObject*>(tensor_type));
  type.attr("device") =
      py::module_::import("builtins")
          .attr("property")(py::cpp_function([](const Tensor& t) { return t.device(); }),
                            py::none(), py::none(), "The weft.device of the tensor's memory.");
}

void bind_memory(py::module_& m) {
  m.def(
      "memory_stats", [] { return stats_dict(memory_stats(kCPU)); },
      "Figures of the allocator: bytes (in_use, peak_in_use, reserved, peak_reserved, cached, "
      "limit) and counts (allocs, frees, source_allocs, source_frees, retries, failures).\n\n"
      ">>> before = weft.cpu.memory_stats()[\"in_use\"]\n"
      ">>> x = weft.zeros(1000)\n"
      ">>> weft.cpu.memory_stats()[\"in_use\"] - before >= 4000\n"
      "True");
  m.def(
      "memory_snapshot", [] { return snapshot_list(kCPU); },
      "Every block that the allocator holds: address, bytes, requested, state (\"in_use\", "
      "\"pending\", \"cached\" or \"small\"), segment.\n\n"
      ">>> x = weft.zeros(1 << 20)\n"
      ">>> any(block[\"address\"] == x.data_ptr() for block in weft.cpu.memory_snapshot())\n"
      "True");
  m.def(
      "empty_cache", [] { empty_cache(kCPU); },
      "Gives cached memory back to the system. What tensors hold stays.\n\n"
      ">>> weft.cpu.empty_cache()");
  m.def(
      "reset_peak_memory_stats", [] { reset_peak_memory_stats(kCPU); },
      "Starts the peaks of memory_stats() anew.\n\n"
      ">>> weft.cpu.reset_peak_memory_stats()\n"
      ">>> stats = weft.cpu.memory_stats()\n"
      ">>> stats[\"peak_in_use\"] == stats[\"in_use\"]\n"
      "True");
  m.def(
      "set_memory_limit", [](std::size_t bytes) { set_memory_limit(bytes, kCPU); },
      "Bounds the bytes in use; beyond, OutOfMemoryError. 0: no bound.\n\n"
      ">>> weft.cpu.set_memory_limit(1 << 20)\n"
      ">>> x = weft.zeros(1 << 22)\n"
      "Traceback (most recent call last):\n"
      "    ...\n"
      "weft.OutOfMemoryError: [allocate] out of memory on cpu: got a request for 16.0 MiB...\n"
      ">>> weft.cpu.set_memory_limit(0)",
      "bytes"_a);
  m.def("fail_allocation_at", &fail_allocation_at,
        "For tests: the k-th allocation from now on raises OutOfMemoryError; 0 takes it back.",
        "k"_a);
}

void bind_switches(py::module_& m) {
  m.def("set_num_threads", &set_num_threads,
        "How many threads an operation may use, from 1 to 1024. ValueError for other numbers.\n\n"
        ">>> before = weft.get_num_threads()\n"
        ">>> weft.set_num_threads(1)\n"
        ">>> weft.get_num_threads()\n"
        "1\n"
        ">>> weft.set_num_threads(before)",
        "threads"_a);
  m.def("get_num_threads", &get_num_threads,
        "How many threads an operation may use. As many as there are cores, unless "
        "set_num_threads() said otherwise.\n\n"
        ">>> weft.get_num_threads() >= 1\n"
        "True");
  m.def("use_deterministic_algorithms", &use_deterministic_algorithms,
        "On: the same bits whatever the number of threads. At start: the same bits from run to run "
        "with one number of threads. Off: as at start, but CUDA devices may add up what meets at "
        "one place (scatter_add, index_add, the gradient of an embedding) in any order, by atomic "
        "additions: quicker, with other last bits from run to run.\n\n"
        ">>> weft.use_deterministic_algorithms(True)\n"
        ">>> weft.are_deterministic_algorithms_enabled()\n"
        "True\n"
        ">>> weft.use_deterministic_algorithms(False)",
        "mode"_a);
  m.def("are_deterministic_algorithms_enabled", &deterministic_algorithms,
        "Whether use_deterministic_algorithms() was called with True.\n\n"
        ">>> weft.are_deterministic_algorithms_enabled()\n"
        "False");
  m.def(
      "set_float32_matmul_precision", [](const std::string& p) { set_float32_matmul_precision(p); },
      "What products of float32 tensors may do: \"highest\", \"high\" (both in float32) or "
      "\"medium\" (factors rounded to bfloat16 where the processor multiplies those faster). "
      "ValueError for other texts.\n\n"
      ">>> weft.set_float32_matmul_precision(\"medium\")\n"
      ">>> weft.get_float32_matmul_precision()\n"
      "'medium'\n"
      ">>> weft.set_float32_matmul_precision(\"highest\")",
      "precision"_a);
  m.def(
      "get_float32_matmul_precision",
      [] {
        constexpr const char* names[] = {"highest", "high", "medium"};
        return names[static_cast<int>(float32_matmul_precision())];
      },
      "What set_float32_matmul_precision() was set to.\n\n"
      ">>> weft.get_float32_matmul_precision()\n"
      "'highest'");
  m.def("set_float32_conv_winograd", &set_float32_conv_winograd,
        "Whether 3x3 convolutions of float32 may use Winograd's algorithm (relative error near "
        "2e-6, where direct sums have 3e-7). See Lavin and Gray 2016, arXiv:1509.09308.\n\n"
        ">>> weft.set_float32_conv_winograd(False)\n"
        ">>> weft.float32_conv_winograd()\n"
        "False\n"
        ">>> weft.set_float32_conv_winograd(True)",
        "enabled"_a);
  m.def("float32_conv_winograd", &float32_conv_winograd,
        "What set_float32_conv_winograd() was set to.\n\n"
        ">>> weft.float32_conv_winograd()\n"
        "True");
  // weft.backends.cudnn.benchmark
  m.def("_cudnn_benchmark", &cudnn_benchmark);
  m.def("_set_cudnn_benchmark", &set_cudnn_benchmark, "on"_a);
}

}  // namespace

void bind_system(py::module_& m) {
  m.attr("version") = version();
  m.def(
      "show_config", &show_config,
      "A text with a line each: version, compiler, oneDNN, the instruction set in use, threads.\n\n"
      ">>> print(weft.show_config())\n"
      "Weft ...");
  bind_device(m);
  py::module_ cpu = add_part(m, "cpu", "weft.cpu", "Memory of the CPU.");
  bind_memory(cpu);
  bind_switches(m);
}

}  // namespace weft::python
