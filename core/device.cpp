#include <weft/core/device.h>

#include <charconv>

#include <weft/core/check.h>
#include <weft/core/cuda_plugin.h>

namespace weft {

Device::Device(const std::string& text) {
  const auto colon = text.find(':');
  const std::string kind = text.substr(0, colon);
  int number = kind == "cuda" ? cuda::chosen_device() : 0;
  bool ok = kind == "cpu" || kind == "cuda";
  if (ok && colon != std::string::npos) {
    const char *first = text.data() + colon + 1, *last = text.data() + text.size();
    const auto [end, error] = std::from_chars(first, last, number);
    ok = first != last && end == last && error == std::errc{} && number >= 0 && number < 128;
    if (kind == "cpu") ok = ok && number == 0;
  }
  if (!ok)
    fail<DeviceError>("Device", "got \"{}\", expected \"cpu\", \"cuda\" or \"cuda:N\"", text);
  *this = Device(kind == "cpu" ? DeviceType::CPU : DeviceType::CUDA, number);
}

std::string Device::str() const {
  return type == DeviceType::CPU ? "cpu" : fmt::format("cuda:{}", index);
}

}  // namespace weft
