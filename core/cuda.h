#pragma once

#include <cstddef>
#include <string>

#include <weft/core/device.h>
#include <weft/core/memory_stats.h>

// CUDA devices. Their back end is a library of its own, libweft_cuda.so, which is loaded when a
// CUDA device is first asked for: a program without it, or on a machine without driver or device,
// gets a DeviceError that says so, and goes on with the CPU.
namespace weft::cuda {

// Whether there is at least one device. Never throws. In the child of a process that used CUDA
// before it forked there is none: what needs one throws DeviceError.
WEFT_API bool is_available() noexcept;
WEFT_API int device_count() noexcept;
// Why there is none, as in "driver not found"; empty where there is one.
WEFT_API std::string why_unavailable();

struct DeviceProperties {
  char name[256] = {};
  int major = 0, minor = 0;  // compute capability
  int multiprocessors = 0;
  std::size_t total_memory = 0, l2_cache = 0;  // bytes
};
// Throws DeviceError for a device that is not there; so do the functions below.
WEFT_API DeviceProperties get_device_properties(int device = 0);

// The calling thread's device, 0 at first: the one that Device("cuda") means to new tensors.
WEFT_API void set_device(int device);
WEFT_API int current_device();

// The number of the device that memory of this address belongs to. Throws DeviceError for other
// memory.
WEFT_API int device_of(const void* data);

// Waits until all work queued on a device is done, and throws what went wrong there. -1: the
// current device.
WEFT_API void synchronize(int device = -1);

}  // namespace weft::cuda
