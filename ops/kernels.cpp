#include <weft/ops/kernels.h>

#include <cmath>

#include <weft/core/check.h>
#include <weft/core/cuda_plugin.h>

namespace weft {

const Kernels& kernels(Device device) {
  if (device.type == DeviceType::CPU) [[likely]]
    return cpu_kernels();
  return *static_cast<const Kernels*>(cuda::plugin(device).kernels);
}

OptimizerTerms optimizer_terms(OptimizerId id, const OptimizerOptions& o) {
  const bool decoupled = id == OptimizerId::AdamW;
  const auto step = static_cast<double>(o.step);
  const bool adam = id != OptimizerId::SGD;
  const double correction1 = adam ? 1 - std::pow(o.beta1, step) : 1,
               correction2 = adam ? 1 - std::pow(o.beta2, step) : 1;
  return {.lr = o.lr,
          .momentum = o.momentum,
          .keep = 1 - o.dampening,
          .weight_decay = o.weight_decay,
          .shrink = decoupled ? 1 - o.lr * o.weight_decay : 1,
          .decay = decoupled ? 0 : o.weight_decay,
          .take1 = 1 - o.beta1,
          .beta2 = o.beta2,
          .take2 = 1 - o.beta2,
          .eps = o.eps,
          .step_size = o.lr / correction1,
          .root_correction = std::sqrt(correction2),
          .first = o.step == 1,
          .nesterov = o.nesterov,
          .maximize = o.maximize};
}

void throw_no_kernel(const char* op, Device device) {
  fail<NotImplementedError>(op, "got a tensor on {}, which has no kernel for this operation",
                            device);
}

}  // namespace weft
