#include <weft/ops/kernels.h>

#include <weft/core/check.h>
#include <weft/core/cuda_plugin.h>

namespace weft {

const Kernels& kernels(Device device) {
  if (device.type == DeviceType::CPU) [[likely]]
    return cpu_kernels();
  return *static_cast<const Kernels*>(cuda::plugin(device).kernels);
}

void throw_no_kernel(const char* op, Device device) {
  fail<NotImplementedError>(op, "got a tensor on {}, which has no kernel for this operation",
                            device);
}

}  // namespace weft
