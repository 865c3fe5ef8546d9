#pragma once

#include <optional>

#include <weft/core/macros.h>
#include <weft/core/shape.h>

// How tensors are printed. The defaults are PyTorch's.
namespace weft {

struct PrintOptions {
  int precision = 4;             // digits behind the point, from 0 to 100
  Index threshold = 1000;        // of more elements only the ends of each dimension are shown,
  Index edgeitems = 3;           // so many at either end
  Index linewidth = 80;          // characters
  std::optional<bool> sci_mode;  // 1.0e+00 or 1.0; none: whichever suits the numbers

  friend bool operator==(const PrintOptions&, const PrintOptions&) = default;
};

WEFT_API PrintOptions print_options();
// Of all threads. Throws ValueError where a number is negative or there are too many digits.
WEFT_API void set_print_options(const PrintOptions& options);

}  // namespace weft
