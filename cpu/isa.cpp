#include <weft/cpu/isa.h>

#include <cstdlib>
#include <string_view>

#include <weft/core/check.h>

namespace weft::cpu {
namespace {

bool supported(Isa isa) {
  switch (isa) {
    case Isa::V2: return true;
    case Isa::AVX2: return __builtin_cpu_supports("x86-64-v3");
    case Isa::AVX512: return __builtin_cpu_supports("x86-64-v4");
  }
  return false;
}

Isa best() {
  return supported(Isa::AVX512) ? Isa::AVX512 : supported(Isa::AVX2) ? Isa::AVX2 : Isa::V2;
}

Isa choose() {
  const char* wish = std::getenv("WEFT_CPU");
  if (!wish || !*wish) return best();
  for (Isa isa : {Isa::V2, Isa::AVX2, Isa::AVX512}) {
    constexpr std::string_view names[] = {"v2", "avx2", "avx512"};
    if (names[static_cast<int>(isa)] != wish) continue;
    if (supported(isa)) return isa;
    fail<DeviceError>("WEFT_CPU", "got {}, which this processor lacks, expected at most {}", wish,
                      names[static_cast<int>(best())]);
  }
  fail<ValueError>("WEFT_CPU", "got \"{}\", expected v2, avx2 or avx512", wish);
}

}  // namespace

const IsaKernels* isa_kernels(Isa which) {
  if (!supported(which)) return nullptr;
  switch (which) {
    case Isa::V2: return &v2::kernels();
    case Isa::AVX2: return &avx2::kernels();
    case Isa::AVX512: return &avx512::kernels();
  }
  return nullptr;
}

Isa isa_in_use() {
  static const Isa chosen = choose();
  return chosen;
}

const IsaKernels& isa() {
  static const IsaKernels* const kernels = isa_kernels(isa_in_use());
  return *kernels;
}

}  // namespace weft::cpu
