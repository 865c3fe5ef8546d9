#include <weft/data/image_set.h>
#include <weft/tests/fuzz/fuzz.h>

void weft::fuzz::run(std::span<const std::byte> file) {
  using namespace weft::data;
  if (file.empty()) return;
  const auto kind = std::to_integer<int>(file[0]);
  const auto rest = file.subspan(1);
  if (kind == 0) parse_cifar(rest, {1, 0, 10}, "x");
  if (kind == 1) parse_cifar(rest, {2, 1, 100}, "x");
  if (kind == 2) parse_idx(rest, 1, "x");
  if (kind == 3) parse_idx(rest, 3, "x");
  if (kind > 3) parse_mnist(rest.first(rest.size() / 2), "x", rest.subspan(rest.size() / 2), "y");
}
