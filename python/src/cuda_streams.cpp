#include <weft/core/cuda_graph.h>
#include <weft/core/cuda_own_stream.h>
#include <weft/python/src/cuda.h>
#include <weft/python/src/operations.h>

namespace weft::python {

namespace {

using cuda::Event, cuda::Graph, cuda::Stream;
using MaybeStream = std::optional<Stream>;

Stream or_current(const MaybeStream& stream) { return stream ? *stream : cuda::current_stream(); }

std::string repr(const Stream& s) {
  return "Stream(device='cuda:" + std::to_string(s.device()) +
         "', cuda_stream=" + std::to_string(reinterpret_cast<std::uintptr_t>(s.handle())) + ")";
}

py::class_<Stream> stream_class(py::module_& m) {
  return {m, "Stream",
          "A queue of work on a device, in order; work on two streams is not.\n\n"
          "One of the device's 32 of that priority (0, or -1 for work that goes before "
          "that of others), in turn. Let a stream wait for another before it reads what "
          "that one writes.\n\n"
          ">>> if weft.cuda.is_available():\n"
          "...     side = weft.cuda.Stream()\n"
          "...     with weft.cuda.stream(side):\n"
          "...         x = weft.ones(3, device=\"cuda\")\n"
          "...     weft.cuda.current_stream().wait_stream(side)"};
}

void bind_stream(py::class_<Stream>& c) {
  c.def(py::init([](const py::object& device, int priority) {
          return Stream(cuda_index(device), priority);
        }),
        "device"_a = py::none(), "priority"_a = 0)
      .def_property_readonly(
          "device", [](const Stream& s) { return Device(DeviceType::CUDA, s.device()); },
          "The weft.device that it belongs to.")
      .def_property_readonly(
          "cuda_stream",
          [](const Stream& s) { return reinterpret_cast<std::uintptr_t>(s.handle()); },
          "CUDA's own handle, a number; 0 of the default stream.")
      .def("query", &Stream::query, "Whether all its work is done.")
      .def("synchronize", &Stream::synchronize, "Waits until all its work is done.", Released())
      .def("wait_stream", &Stream::wait_stream,
           "What is queued from now on starts when the other's work of now is done.", "stream"_a)
      .def("wait_event", &Stream::wait_event,
           "What is queued from now on starts when the event is passed.", "event"_a)
      .def(
          "record_event",
          [](const Stream& s, Event* event) -> py::object {
            if (event) {
              event->record(s);
              return py::cast(event, py::return_value_policy::reference);
            }
            Event made;
            made.record(s);
            return py::cast(std::move(made));
          },
          "Records an event (a new one at None) and returns it.", "event"_a = py::none())
      .def("__eq__", [](const Stream& a, const Stream& b) { return a == b; })
      .def("__eq__", [](const Stream&, const py::object&) { return false; })
      .def("__hash__",
           [](const Stream& s) {
             return reinterpret_cast<std::uintptr_t>(s.handle()) ^
                    static_cast<std::uintptr_t>(s.device());
           })
      .def("__repr__", &repr);
}

void bind_current_streams(py::module_& m) {
  def_method(
      "record_stream", [](const Tensor& x, const Stream& s) { x.record_stream(s); },
      "Keeps the memory from being given out again before the stream's work of now is done: for "
      "tensors that another stream than their own still uses.",
      "stream"_a);
  m.def(
      "current_stream",
      [](const py::object& device) { return cuda::current_stream(cuda_index(device)); },
      "The calling thread's stream on a device (the current one at None).\n\n"
      ">>> if weft.cuda.is_available():\n"
      "...     assert weft.cuda.current_stream() == weft.cuda.default_stream()",
      "device"_a = py::none());
  m.def(
      "default_stream",
      [](const py::object& device) { return cuda::default_stream(cuda_index(device)); },
      "The stream that a device has from the start.\n\n"
      ">>> if weft.cuda.is_available():\n"
      "...     assert weft.cuda.default_stream().cuda_stream == 0",
      "device"_a = py::none());
  m.def("set_stream", &cuda::set_stream,
        "Makes the stream, and its device, the calling thread's. weft.cuda.stream() does so for a "
        "block.\n\n"
        ">>> if weft.cuda.is_available():\n"
        "...     weft.cuda.set_stream(weft.cuda.default_stream())",
        "stream"_a);
}

void bind_event(py::module_& m) {
  py::class_<Event>(m, "Event",
                    "A mark in a stream's work. One that was never recorded counts as passed.\n\n"
                    "enable_timing: so that elapsed_time() can be asked.\n\n"
                    ">>> if weft.cuda.is_available():\n"
                    "...     start, end = weft.cuda.Event(True), weft.cuda.Event(True)\n"
                    "...     start.record()\n"
                    "...     end.record()\n"
                    "...     end.synchronize()\n"
                    "...     assert start.elapsed_time(end) >= 0")
      .def(py::init<bool>(), "enable_timing"_a = false)
      .def(
          "record", [](Event& e, const MaybeStream& s) { e.record(or_current(s)); },
          "Puts the mark behind the work now queued on the stream (the current one at None).",
          "stream"_a = py::none())
      .def(
          "wait", [](const Event& e, const MaybeStream& s) { or_current(s).wait_event(e); },
          "Makes the stream (the current one at None) wait for the event.", "stream"_a = py::none())
      .def("query", &Event::query, "Whether the work before it is done.")
      .def("synchronize", &Event::synchronize, "Waits until the work before it is done.",
           Released())
      .def("elapsed_time", &Event::elapsed_time,
           "Milliseconds from this event to end_event, both passed and made with enable_timing.",
           "end_event"_a);
}

void bind_graph(py::module_& m) {
  py::class_<cuda::OwnStream>(m, "_OwnStream")  // weft.cuda.graph()'s
      .def(py::init<>())
      .def_property_readonly("stream", [](const cuda::OwnStream& s) { return s.get(); });
  py::class_<Graph>(
      m, "CUDAGraph",
      "A piece of work on a device, recorded once (weft.cuda.graph()) and launched as a whole.\n\n"
      "A graph works on the memory it was captured with: write inputs into tensors made before it, "
      "read outputs from those made in it, which the next replay overwrites. Each replay draws new "
      "numbers from the default generator and takes an optimiser's step count and options as they "
      "are then. What needs values on the host raises while capturing.\n\n"
      ">>> if weft.cuda.is_available():\n"
      "...     x = weft.ones(3, device=\"cuda\")\n"
      "...     graph = weft.cuda.CUDAGraph()\n"
      "...     with weft.cuda.graph(graph):\n"
      "...         y = x * 2\n"
      "...     graph.replay()\n"
      "...     assert y.sum().item() == 6")
      .def(py::init<>())
      .def("capture_begin", &Graph::capture_begin,
           "Records what the thread queues on its current stream, not the default one, until "
           "capture_end().")
      .def("capture_end", &Graph::capture_end, "Ends what capture_begin() began.")
      .def("replay", &Graph::replay, "Queues the work on the current stream.", Released())
      .def("reset", &Graph::reset, "Lets go of the recording and of its memory.");
  m.def("is_current_stream_capturing", &cuda::is_current_stream_capturing,
        "Whether the calling thread captures a graph.\n\n"
        ">>> weft.cuda.is_current_stream_capturing()\n"
        "False");
}

}  // namespace

void bind_cuda_streams(py::module_& cuda) {
  auto stream = stream_class(cuda);  // known to signatures before its methods
  bind_event(cuda);
  bind_stream(stream);
  bind_current_streams(cuda);
  bind_graph(cuda);
}

}  // namespace weft::python
