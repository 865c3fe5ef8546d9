#pragma once

#include <cstdint>
#include <string>

#include <weft/core/macros.h>

namespace weft {

enum class DeviceType : std::uint8_t { CPU, CUDA };

struct Device {
  DeviceType type = DeviceType::CPU;
  std::int8_t index = 0;

  constexpr Device() = default;
  constexpr Device(DeviceType type, int index = 0)  // NOLINT: Device d = DeviceType::CPU
      : type(type), index(static_cast<std::int8_t>(index)) {}
  // "cpu", "cuda" (the thread's: cuda::set_device), "cuda:1"; anything else throws DeviceError.
  WEFT_API explicit Device(const std::string& text);

  friend constexpr bool operator==(Device, Device) = default;
  WEFT_API std::string str() const;
};

inline constexpr Device kCPU{DeviceType::CPU};  // weft::cpu is the back end's namespace

}  // namespace weft
