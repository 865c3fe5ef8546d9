#include <weft/core/transfer.h>

#include <cstring>

#include <weft/core/cuda_plugin.h>
#include <weft/core/pinned.h>

namespace weft {

void transfer(void* to, Device to_device, const void* from, Device from_device, std::size_t bytes) {
  if (bytes == 0) return;
  if (to_device == kCPU && from_device == kCPU) {
    std::memcpy(to, from, bytes);
    return;
  }
  const Device device = to_device == kCPU ? from_device : to_device;
  cuda::plugin(device).copy(to, to_device, from, from_device, bytes, true);
}

void transfer_async(void* to, const Storage& to_storage, const void* from,
                    const Storage& from_storage, std::size_t bytes) {
  const Device t = to_storage.device(), f = from_storage.device();
  const Storage& host = t == kCPU ? to_storage : from_storage;
  if (bytes == 0 || t == f || !is_pinned(host)) return transfer(to, t, from, f, bytes);
  const Device device = t == kCPU ? f : t;
  const cuda::Plugin& plugin = cuda::plugin(device);
  plugin.copy(to, t, from, f, bytes, false);
  used_on(host, device.index, plugin.current_stream(device.index));
}

}  // namespace weft
