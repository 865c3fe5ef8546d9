#pragma once

#include <cstddef>

#include <weft/core/storage.h>

namespace weft {

// Copies bytes from one device to another, or within one, after the work queued there; done when
// it returns. Throws DeviceError.
WEFT_API void transfer(void* to, Device to_device, const void* from, Device from_device,
                       std::size_t bytes);

// The same, and returns before it is done where the host's side is pinned memory, which it keeps
// from being used again until then.
WEFT_API void transfer_async(void* to, const Storage& to_storage, const void* from,
                             const Storage& from_storage, std::size_t bytes);

}  // namespace weft
