#include <algorithm>
#include <charconv>

#include <weft/core/environment.h>

namespace weft::detail {
namespace {

#if defined(__SANITIZE_ADDRESS__)
constexpr bool kSanitized = true;
#else
constexpr bool kSanitized = false;
#endif

std::string_view value_of(const char* name) {
  const char* text = std::getenv(name);
  return text ? text : "";
}

class Reader {
 public:
  Environment read() {
    e_.allocation = modes("WEFT_ALLOC");
    e_.fail_at = number<std::uint64_t>("WEFT_ALLOC_FAIL", 0, UINT64_MAX, "0 or a positive number");
    e_.threads = number("WEFT_NUM_THREADS", 1, kMaxThreads, "a number from 1 to 1024");
    e_.winograd = number("WEFT_WINOGRAD", 0, 1, "0 or 1", 1) == 1;
    return std::move(e_);
  }

 private:
  AllocationMode modes(const char* name) {
    AllocationMode mode{kSanitized, false};
    std::string_view text = value_of(name);
    while (!text.empty()) {
      const std::string_view word = text.substr(0, text.find(','));
      text.remove_prefix(std::min(text.size(), word.size() + 1));
      if (word == "passthrough" || word == "cache") {
        mode.passthrough = word == "passthrough";
      } else if (word == "poison") {
        mode.poison = true;
      } else if (!word.empty()) {
        complain(name, word, "passthrough, poison or cache");
      }
    }
    return mode;
  }

  template <class T>
  T number(const char* name, T low, T high, const char* expected, T otherwise = 0) {
    const std::string_view text = value_of(name);
    T value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error == std::errc() && end == text.data() + text.size() && low <= value && value <= high)
      return value;
    if (!text.empty()) complain(name, text, expected);
    return otherwise;
  }

  void complain(const char* name, std::string_view got, const char* expected) {
    if (!e_.complaint.empty()) return;
    e_.variable = name;
    e_.complaint = fmt::format("got \"{}\", expected {}", got, expected);
  }

  Environment e_;
};

}  // namespace

const Environment& environment() {
  static const Environment& read = *new Environment(Reader().read());  // statics may allocate late
  return read;
}

}  // namespace weft::detail
