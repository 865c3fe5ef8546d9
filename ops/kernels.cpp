#include <weft/ops/kernels.h>

#include <weft/core/check.h>

namespace weft {

const Kernels& kernels(Device device) {
  if (device.type == DeviceType::CPU) [[likely]]
    return cpu_kernels();
  fail<DeviceError>("kernels", "got {}, expected cpu: this build has no other device", device);
}

void throw_no_kernel(const char* op, Device device) {
  fail<NotImplementedError>(op, "got a tensor on {}, which has no kernel for this operation",
                            device);
}

}  // namespace weft
