#include <algorithm>

#include <weft/core/check.h>
#include <weft/data/tensor_bytes.h>

namespace weft::data {

Tensor plain(const Tensor& x, const char* op, const std::string& name) {
  if (!x.defined()) fail<ValueError>(op, "got an undefined tensor for \"{}\"", name);
  return x.detach().cpu().contiguous();
}

std::optional<std::uint64_t> checked_bytes(DType dtype, const Shape& shape) {
  auto bytes = static_cast<Index>(size_of(dtype));
  for (Index size : shape) {
    if (__builtin_mul_overflow(bytes, std::max<Index>(size, 1), &bytes)) return {};
  }
  const bool empty = std::ranges::find(shape, 0) != shape.end();
  return empty ? 0 : static_cast<std::uint64_t>(bytes);
}

Tensor unread(const Shape& shape, DType dtype) {
  return make_tensor(shape, contiguous_strides(shape), dtype, kCPU);
}

void check_bools(const Tensor& x, const char* op, const std::string& path) {
  if (x.dtype() != DType::Bool) return;
  const auto* bytes = static_cast<const unsigned char*>(x.data());
  const auto* end = bytes + x.numel();
  const auto* bad = std::find_if(bytes, end, [](unsigned char b) { return b > 1; });
  if (bad != end)
    fail<ParseError>(op, "{}: got byte {} for a bool, expected 0 or 1", path, int{*bad});
}

}  // namespace weft::data
