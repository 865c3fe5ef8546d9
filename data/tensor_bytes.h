#pragma once

#include <string>

#include <weft/core/tensor.h>

// What tensor files share. For .cpp files only.
namespace weft::data {

// x on the CPU in row-major order, outside the tape; x itself where it is so. ValueError if
// undefined.
Tensor plain(const Tensor& x, const char* op, const std::string& name);
// A contiguous tensor whose elements are to be read from a file.
Tensor unread(const Shape& shape, DType dtype);
// A bool is 0 or 1: any other byte is a ParseError, since reading it would be undefined.
void check_bools(const Tensor& x, const char* op, const std::string& path);

}  // namespace weft::data
