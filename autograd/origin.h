#pragma once

#include <string>

#include <weft/autograd/node.h>

// Where in the user's program an operation was called, for the error of anomaly detection. C++ does
// not know; an interpreter does.
namespace weft::autograd {

// Asked by the calling thread for every operation that is recorded while anomalies are detected.
using OriginFunction = std::string (*)();
WEFT_API void set_origin_function(OriginFunction f) noexcept;

// What it said when the node was made; empty if it was not asked.
WEFT_API std::string origin_of(const Node& node);

}  // namespace weft::autograd
