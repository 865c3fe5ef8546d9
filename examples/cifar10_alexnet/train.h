#pragma once

#include <weft/examples/cifar10_alexnet/options.h>

namespace cifar {

// Returns the program's status: 0, or 128 + the signal that ended the run early.
int train(const Options& options);

}  // namespace cifar
