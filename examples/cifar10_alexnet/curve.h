#pragma once

#include <weft/examples/cifar10_alexnet/run_folder.h>

namespace cifar {

// An SVG picture of losses and accuracy over the epochs.
std::string curve_svg(const std::vector<EpochRecord>& epochs);

}  // namespace cifar
