#pragma once

#include <string>

#include <weft/core/tensor.h>

namespace weft {

// One tensor in NumPy's npy format, read by numpy.load. Throws IOError, and DTypeError for
// bfloat16, which the format lacks.
WEFT_API void save_npy(const std::string& path, const Tensor& x);

// The array of an npy file (versions 1.0 to 3.0, either byte order) as a contiguous tensor; arrays
// in Fortran's order get their strides instead. Throws IOError, ParseError for a file that lies or
// holds a dtype that Weft lacks, and OutOfMemory.
WEFT_API Tensor load_npy(const std::string& path);

}  // namespace weft
