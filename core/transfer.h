#pragma once

#include <cstddef>

#include <weft/core/device.h>

namespace weft {

// Copies bytes from one device to another, or within one, after the work queued there; done when
// it returns. Throws DeviceError.
WEFT_API void transfer(void* to, Device to_device, const void* from, Device from_device,
                       std::size_t bytes);

}  // namespace weft
