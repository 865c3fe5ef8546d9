#include <weft/core/transfer.h>

#include <cstring>

#include <weft/core/cuda_plugin.h>

namespace weft {

void transfer(void* to, Device to_device, const void* from, Device from_device, std::size_t bytes) {
  if (bytes == 0) return;
  if (to_device == kCPU && from_device == kCPU) {
    std::memcpy(to, from, bytes);
    return;
  }
  const Device device = to_device == kCPU ? from_device : to_device;
  cuda::plugin(device).copy(to, to_device, from, from_device, bytes);
}

}  // namespace weft
