#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <weft/core/macros.h>

// Switches that hold for the whole process.
namespace weft {

// On: the same bits whatever the number of threads. At start: the same bits from run to run with
// one number of threads. Off: as at start, but CUDA devices may add up what meets at one place
// (scatter_add, index_add, the gradient of an embedding) in any order, by atomic additions:
// quicker, with other last bits from run to run.
WEFT_API void use_deterministic_algorithms(bool on) noexcept;
WEFT_API bool deterministic_algorithms() noexcept;  // whether it is on

namespace detail {
// Whether a program said use_deterministic_algorithms(false).
WEFT_API bool any_order() noexcept;
}  // namespace detail

// What products of f32 tensors (matmul, convolution) may do. "highest" (at start) and "high":
// products and sums in f32. "medium": factors are rounded to bf16 (8 bits of mantissa) where the
// processor multiplies those faster, sums stay f32. Else ValueError.
enum class MatmulPrecision : std::uint8_t { Highest, High, Medium };
WEFT_API void set_float32_matmul_precision(std::string_view precision);
WEFT_API MatmulPrecision float32_matmul_precision() noexcept;

// Whether 3x3 convolutions of f32 may use Winograd's algorithm (at start: yes, unless the
// environment says WEFT_WINOGRAD=0): two to four times faster, with a relative rounding error near
// 2e-6 where direct sums have 3e-7.
WEFT_API void set_float32_conv_winograd(bool on) noexcept;
WEFT_API bool float32_conv_winograd() noexcept;

// Whether the first convolution of each kind on a CUDA device (task, sizes, strides, dtype) tries
// cuDNN's plans on the tensors at hand and keeps the fastest, instead of what cuDNN proposes. Off
// at start: bits must not depend on a clock. use_deterministic_algorithms(true) rules it out, and
// so does a graph that is being captured.
WEFT_API void set_cudnn_benchmark(bool on) noexcept;
WEFT_API bool cudnn_benchmark() noexcept;

// The library's version.
WEFT_API const char* version() noexcept;
// A line each: version, compiler, oneDNN, the instruction set in use, threads.
WEFT_API std::string show_config();

}  // namespace weft
