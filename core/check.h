#pragma once

// For .cpp files only: fmt is too heavy for the public headers.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <weft/core/device.h>
#include <weft/core/dtype.h>
#include <weft/core/error.h>
#include <weft/core/shape.h>

namespace weft {

// if (bad) fail<ShapeError>("conv2d", "got input of {}, expected 4 dimensions", sizes);
template <class E, class... Args>
[[noreturn]] [[gnu::cold, gnu::noinline]] void fail(std::string_view op,
                                                    fmt::format_string<Args...> format,
                                                    Args&&... args) {
  throw E(fmt::format("[{}] {}", op, fmt::format(format, std::forward<Args>(args)...)));
}

}  // namespace weft

template <>
struct fmt::formatter<weft::DType> : fmt::formatter<std::string_view> {
  auto format(weft::DType t, format_context& ctx) const {
    return fmt::formatter<std::string_view>::format(weft::name(t), ctx);
  }
};
template <>
struct fmt::formatter<weft::Device> : fmt::formatter<std::string_view> {
  auto format(weft::Device d, format_context& ctx) const {
    return fmt::formatter<std::string_view>::format(d.str(), ctx);
  }
};
