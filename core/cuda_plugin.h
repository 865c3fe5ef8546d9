#pragma once

#include <cstdint>

#include <weft/core/allocator.h>
#include <weft/core/caching_allocator.h>
#include <weft/core/context.h>
#include <weft/core/cuda.h>
#include <weft/core/random.h>

// What libweft and libweft_cuda.so are to each other: structs of functions both ways, for a plug-in
// cannot link the library that loads it (a program may hold libweft statically, a Python module
// always does). For .cpp files only: those of core/, ops/ and cuda/.
namespace weft::cuda {

// Raised with every change of these structs, of Kernels or of what those mean.
inline constexpr std::uint32_t kPluginVersion = 6;

struct Host {
  Allocation (*allocate)(Device device, std::size_t bytes);  // on the thread's stream
  void (*deallocate)(Device device, const Allocation& allocation) noexcept;
  bool (*deterministic)() noexcept;
  MatmulPrecision (*matmul_precision)() noexcept;
  bool (*cudnn_benchmark)() noexcept;
  // While the thread captures a graph: where the device finds, at each replay, the key that takes
  // the place of this one. Else null.
  const RandomKey* (*replayed_key)(RandomKey key);
  bool (*capturing)() noexcept;  // whether the thread captures a graph
  bool (*any_order)() noexcept;  // whether sums may be added up in any order
};

struct Plugin {
  std::uint32_t version;
  int device_count;
  const void* kernels;  // const Kernels*, which core does not know
  MemorySource& (*memory)(int device);
  MemorySource& (*pinned_memory)();  // of the host, that devices read and write by themselves
  EventSource& (*events)(int device);
  void (*properties)(int device, DeviceProperties& out);
  // The device that the thread's operations go to (-1: another library has set one since), and its
  // stream there.
  void (*set_device)(int device);
  int (*current_device)() noexcept;
  int (*device_of)(const void* data);  // -1: memory of none
  StreamHandle (*current_stream)(int device);
  void (*set_stream)(int device, StreamHandle stream);
  // Bytes between devices, queued on the thread's stream of the CUDA device there is. The CPU is a
  // device like the others here. wait: done when it returns; else the host's memory is pinned.
  void (*copy)(void* to, Device to_device, const void* from, Device from_device, std::size_t bytes,
               bool wait);
  void (*synchronize)(int device);

  StreamHandle (*stream)(int device, int priority);  // one of a few, in turn
  StreamHandle (*new_stream)(int device);            // one more, which stream() never gives
  bool (*stream_done)(int device, StreamHandle stream);
  void (*wait_for_stream)(int device, StreamHandle stream);
  void (*stream_after)(int device, StreamHandle stream, EventHandle event);

  EventHandle (*event)(int device, bool timing);
  void (*free_event)(EventHandle event) noexcept;
  void (*record)(int device, EventHandle event, StreamHandle stream);
  bool (*event_done)(EventHandle event);
  void (*wait_for_event)(EventHandle event);
  float (*elapsed)(EventHandle start, EventHandle end);  // milliseconds

  // Graphs: what is queued on a stream between begin and end, to be launched as one.
  void (*begin_capture)(int device, StreamHandle stream);
  void* (*end_capture)(int device, StreamHandle stream);  // null: the capture failed
  void (*launch)(void* graph, int device, StreamHandle stream);
  void (*free_graph)(void* graph) noexcept;
};

// The plug-in's one symbol, whose name is kOpenName: null where there is no device, and what is
// missing in `why`.
using Open = const Plugin*(const Host& host, char* why, std::size_t room);
inline constexpr const char* kOpenName = "weft_cuda_open";
extern "C" __attribute__((visibility("default"))) Open weft_cuda_open;

// The plug-in, loaded by the first call. Throws DeviceError: "cuda: no device (driver not found)".
const Plugin& plugin();
// The same, for operations on that device.
WEFT_API const Plugin& plugin(Device device);

// What current_device() gives, without a look whether there are devices.
int chosen_device() noexcept;
// Throws DeviceError where there is no such device.
void check_index(const char* op, int device);

}  // namespace weft::cuda
