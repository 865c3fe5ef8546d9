#pragma once

#include <weft/core/macros.h>

// Switches that hold for the whole process.
namespace weft {

// On: the same bits whatever the number of threads. Off (at start): the same bits from run to run
// with one number of threads.
WEFT_API void use_deterministic_algorithms(bool on) noexcept;
WEFT_API bool deterministic_algorithms() noexcept;

}  // namespace weft
