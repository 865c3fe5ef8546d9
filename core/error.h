#pragma once

#include <cstddef>
#include <stdexcept>
#include <string>

#include <weft/core/macros.h>

namespace weft {

// Every message reads "[operation] got ..., expected ...". All are thrown before anything changes.
class WEFT_API Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};
// clang-format off
class WEFT_API ShapeError : public Error { using Error::Error; };      // sizes, strides, dims
class WEFT_API DTypeError : public Error { using Error::Error; };      // a dtype the operation lacks
class WEFT_API IndexError : public Error { using Error::Error; };      // an index out of range
class WEFT_API DeviceError : public Error { using Error::Error; };     // missing or mixed devices
class WEFT_API ValueError : public Error { using Error::Error; };      // an option out of range
class WEFT_API AutogradError : public Error { using Error::Error; };   // the tape cannot do this
class WEFT_API ParseError : public Error { using Error::Error; };      // a file that lies
class WEFT_API IOError : public Error { using Error::Error; };         // the system refused
class WEFT_API NotImplementedError : public Error { using Error::Error; };  // a kernel is missing
class WEFT_API Interrupted : public Error { using Error::Error; };     // a signal asked to stop
// clang-format on

// All figures in bytes, as they were when the request failed; limit 0 means none was set.
class WEFT_API OutOfMemory : public Error {
 public:
  OutOfMemory(const std::string& message, std::size_t requested, std::size_t in_use,
              std::size_t cached, std::size_t limit)
      : Error(message), requested(requested), in_use(in_use), cached(cached), limit(limit) {}
  std::size_t requested, in_use, cached, limit;
};

}  // namespace weft
