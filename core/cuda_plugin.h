#pragma once

#include <cstdint>
#include <span>

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
inline constexpr std::uint32_t kPluginVersion = 1;

struct Host {
  Allocation (*allocate)(Device device, std::size_t bytes);  // on the thread's stream
  void (*deallocate)(Device device, const Allocation& allocation) noexcept;
  bool (*deterministic)() noexcept;
  MatmulPrecision (*matmul_precision)() noexcept;
  void (*permutation)(std::span<Index> out, RandomKey key);
};

struct Plugin {
  std::uint32_t version;
  int device_count;
  const void* kernels;  // const Kernels*, which core does not know
  MemorySource& (*memory)(int device);
  EventSource& (*events)(int device);
  void (*properties)(int device, DeviceProperties& out);
  // The thread's device, and its stream there.
  void (*set_device)(int device);
  int (*current_device)() noexcept;
  Stream (*current_stream)(int device);
  // Bytes between devices, done when it returns. The CPU is a device like the others here.
  void (*copy)(void* to, Device to_device, const void* from, Device from_device, std::size_t bytes);
  void (*synchronize)(int device);
};

// The plug-in's one symbol, whose name is kOpenName: null where there is no device, and what is
// missing in `why`.
using Open = const Plugin*(const Host& host, char* why, std::size_t room);
inline constexpr const char* kOpenName = "weft_cuda_open";
extern "C" __attribute__((visibility("default"))) Open weft_cuda_open;

// The plug-in, loaded by the first call. Throws DeviceError: "cuda: no device (driver not found)".
const Plugin& plugin();
// The same, and the device is the thread's from now on.
WEFT_API const Plugin& plugin(Device device);

}  // namespace weft::cuda
