#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include <weft/core/dtype.h>
#include <weft/core/shape.h>

// NumPy's npy format, versions 1.0, 2.0 and 3.0: magic, version, the header's length (2 or 4 bytes)
// and a Python literal {'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }, then the data.
namespace weft::data {

struct NpyHeader {
  DType dtype = DType::F32;
  bool swap_bytes = false;     // the data are big-endian
  bool fortran_order = false;  // the first index runs fastest
  Shape shape;
  std::uint64_t data_start = 0, data_bytes = 0;
};

// At most this many bytes stand before the data.
inline constexpr std::uint64_t kMaxNpyHeader = 12 + (1 << 20);

// Checks and reads the header of a file of file_size bytes that starts with these (at least the
// first kMaxNpyHeader of them, or all). ParseError, which names `path`, for anything but a whole
// file with one array of a dtype that Weft has.
WEFT_API NpyHeader parse_npy_header(std::span<const std::byte> start, std::uint64_t file_size,
                                    const std::string& path);

// The bytes before the data, which start at a multiple of 64. DTypeError for bfloat16, which npy
// lacks.
WEFT_API std::string write_npy_header(DType dtype, const Shape& shape);

}  // namespace weft::data
