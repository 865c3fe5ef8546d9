#include <fmt/format.h>

#include <weft/core/context.h>
#include <weft/core/threads.h>
#include <weft/cpu/dnnl/api.h>
#include <weft/cpu/isa.h>

namespace weft {

const char* version() noexcept { return WEFT_VERSION; }

std::string show_config() {
  constexpr const char* sets[] = {"x86-64-v2", "AVX2", "AVX-512"};
  const dnnl_version_t& dnnl = *dnnl_version();
  return fmt::format(
      "Weft {}, compiled with {}\noneDNN {}.{}.{}\ninstruction set: {}\nthreads: {}\n", version(),
      __VERSION__, dnnl.major, dnnl.minor, dnnl.patch, sets[static_cast<int>(cpu::isa_in_use())],
      get_num_threads());
}

}  // namespace weft
