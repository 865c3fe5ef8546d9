#include <weft/core/device.h>
#include <weft/core/dtype.h>

#include <iostream>

int main() {
  const auto type = weft::promote(weft::f16, weft::bf16);
  std::cout << weft::name(type) << " on " << weft::Device("cpu").str() << "\n";
  return type == weft::f32 ? 0 : 1;
}
