#pragma once

#include <weft/core/tensor.h>

// Memory of the host that CUDA devices read and write by themselves ("pinned": it cannot be paged
// out), cached like all other. For .cpp files only.
namespace weft {

// Throws OutOfMemory; DeviceError where there is no CUDA device.
IntrusivePtr<Storage> allocate_pinned(std::size_t bytes);
// As make_tensor().
Tensor make_pinned_tensor(const Shape& sizes, const Shape& strides, DType dtype);
bool is_pinned(const Storage& storage) noexcept;
// Pinned memory is not given out again before the work now queued on a device's stream is done.
void used_on(const Storage& pinned, int device, StreamHandle stream);
// What memory_stats() is for devices.
MemoryStats pinned_memory_stats();

}  // namespace weft
